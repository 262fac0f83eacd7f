/**
 * How late the event loop is, from one histogram that everybody in the process shares.
 */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import { monotonicClock } from './clock.ts'

/** One holder's view of the shared measurement. */
export interface EventLoopDelay {
  /** The mean delay over the last finished quarter of a second, in milliseconds. */
  readonly current: number
  /** Ends this holder's use. The last one to release stops the measurement. */
  release(): void
}

// Half the wake-ups of Node's default: measured idle, 0.15 % of a core in place of 0.26 %.
const RESOLUTION = 20
const WINDOW = 250

class Monitor {
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION })
  readonly #timer: NodeJS.Timeout
  #windowStart = monotonicClock()
  #delay = 0
  holders = 0

  constructor() {
    this.#histogram.enable()
    this.#timer = setInterval(() => this.#closeWindow(), WINDOW).unref()
  }

  #closeWindow(): void {
    const now = monotonicClock()
    // The histogram keeps no sample of the time up to its first tick after a reset, and a loop that
    // was held up just then would look calm. The ticks themselves, one more than the samples, do not.
    const interval = (now - this.#windowStart) / (this.#histogram.count + 1)
    this.#delay = Math.max(0, interval - RESOLUTION)
    this.#windowStart = now
    this.#histogram.reset()
  }

  get delay(): number {
    return this.#delay
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
