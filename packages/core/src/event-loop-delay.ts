/**
 * How late the event loop is, from one measurement that everybody in the process shares.
 */
import { monotonicClock } from './clock.ts'

/** How late the event loop of the process is. */
export interface LoopDelay {
  /** The mean delay over the last finished quarter of a second, in milliseconds. */
  readonly current: number
  /** The longest delay of the last ten seconds, in milliseconds. It may be up to 125 ms too low. */
  readonly max: number
}

/** One holder's view of the shared measurement. */
export interface EventLoopDelay extends LoopDelay {
  /** Ends this holder's use. The last one to release stops the measurement. */
  release(): void
}

/**
 * Milliseconds from one beat to the next. Its wake-ups are what an idle service costs: those of Node's
 * histogram, which needs a timer beside it, were three times as many.
 */
const BEAT = 125
/** Timers count whole milliseconds, and so are up to one late on a loop that is not. */
const PUNCTUAL = 1
/** The beats of a quarter of a second. */
const WINDOW = 2
/** The windows of ten seconds. */
const MAXIMA = 40

class Monitor {
  readonly #timer: NodeJS.Timeout
  #due = monotonicClock() + BEAT
  #beats = 0
  /** The delays of the window that is not over. */
  #sum = 0
  #longest = 0
  #delay = 0
  /** The longest delay of each of the latest windows. */
  readonly #maxima = new Float64Array(MAXIMA)
  #window = 0
  holders = 0

  constructor() {
    this.#timer = setInterval(() => this.#beat(), BEAT).unref()
  }

  #beat(): void {
    const now = monotonicClock()
    const late = Math.max(0, now - this.#due - PUNCTUAL)
    this.#due = now + BEAT
    this.#sum += late
    this.#longest = Math.max(this.#longest, late)
    this.#beats++
    if (this.#beats === WINDOW || late > BEAT) this.#closeWindow()
  }

  #closeWindow(): void {
    this.#delay = this.#sum / this.#beats
    this.#maxima[this.#window] = this.#longest
    this.#window = (this.#window + 1) % MAXIMA
    this.#beats = 0
    this.#sum = 0
    this.#longest = 0
  }

  get delay(): number {
    return this.#delay
  }

  get max(): number {
    return Math.max(0, ...this.#maxima)
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}

let shared: Monitor | undefined

/**
 * Starts measuring, or joins the measurement that runs. It keeps no process alive.
 */
export function eventLoopDelay(): EventLoopDelay {
  shared ??= new Monitor()
  const monitor = shared
  monitor.holders++
  let released = false
  return {
    get current() {
      return monitor.delay
    },
    get max() {
      return monitor.max
    },
    release() {
      if (released) return
      released = true
      monitor.holders--
      if (monitor.holders === 0) {
        monitor.stop()
        shared = undefined
      }
    }
  }
}

/** The measurement as it runs; `undefined` while nobody holds one. */
export function currentLoopDelay(): LoopDelay | undefined {
  return shared && { current: shared.delay, max: shared.max }
}
