/**
 * How late the event loop is, from one histogram that everybody in the process shares.
 */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import { monotonicClock } from './clock.ts'

/** How late the event loop of the process is. */
export interface LoopDelay {
  /** The mean delay over the last finished quarter of a second, in milliseconds. */
  readonly current: number
  /** The longest delay of the last ten seconds, in milliseconds. It may be up to 50 ms too low. */
  readonly max: number
}

/** One holder's view of the shared measurement. */
export interface EventLoopDelay extends LoopDelay {
  /** Ends this holder's use. The last one to release stops the measurement. */
  release(): void
}

// Its wake-ups are what an idle service costs: five times as many cost three times as much.
const RESOLUTION = 50
/** Of a millisecond. */
const NANOSECONDS = 1_000_000
const WINDOW = 250
/** The windows of ten seconds. */
const MAXIMA = 40

class Monitor {
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION })
  readonly #timer: NodeJS.Timeout
  #windowStart = monotonicClock()
  #delay = 0
  /** The longest delay of each of the latest windows. */
  readonly #maxima = new Float64Array(MAXIMA)
  #window = 0
  holders = 0

  constructor() {
    this.#histogram.enable()
    this.#timer = setInterval(() => this.#closeWindow(), WINDOW).unref()
  }

  #closeWindow(): void {
    const now = monotonicClock()
    // The histogram keeps no sample of the time up to its first tick after a reset, and a loop that
    // was held up just then would look calm. The ticks themselves, one more than the samples, do not.
    const elapsed = now - this.#windowStart
    const { count, mean, max } = this.#histogram
    this.#delay = Math.max(0, elapsed / (count + 1) - RESOLUTION)
    // The time without a sample belongs to two ticks, before the first and after the last one.
    const unsampled = elapsed - (count > 0 ? (count * mean) / NANOSECONDS : 0) - RESOLUTION
    this.#maxima[this.#window] = Math.max(0, unsampled, max / NANOSECONDS) - RESOLUTION
    this.#window = (this.#window + 1) % MAXIMA
    this.#windowStart = now
    this.#histogram.reset()
  }

  get delay(): number {
    return this.#delay
  }

  get max(): number {
    return Math.max(0, ...this.#maxima)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#histogram.disable()
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
