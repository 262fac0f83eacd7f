/**
 * How late the event loop has been, added up, so that the time of a call can be told from the time
 * in which the process was held up.
 */
import { monotonicClock } from './clock.ts'

/** Milliseconds from one beat to the next. */
const BEAT = 20
/** Milliseconds by which a beat may be late: every loop takes some time for a turn. */
const MAX_PUNCTUAL = 5
/** The measurement stops when nobody has read it for so many milliseconds. */
const MAX_UNREAD = 10_000

/** The lateness of a loop, added up over its beats. All times are milliseconds, by one clock. */
export class LatenessMeter {
  #total = 0
  #lateFrom = Infinity

  /** Notes a beat, and expects the next one 20 ms later. */
  beat(now: number): void {
    this.#total = this.at(now)
    this.#lateFrom = now + BEAT + MAX_PUNCTUAL
  }

  /** Returns the lateness until `now`, in total. It never falls. */
  at(now: number): number {
    return now > this.#lateFrom ? this.#total + now - this.#lateFrom : this.#total
  }

  /** Expects no further beat. */
  stop(now: number): void {
    this.#total = this.at(now)
    this.#lateFrom = Infinity
  }
}

const meter = new LatenessMeter()
let timer: NodeJS.Timeout | undefined
let lastRead = -Infinity

/**
 * Returns the milliseconds by which the event loop has been late, in total. Only differences between
 * two readings mean anything. A reading starts the measurement. It stops when nobody has read it for
 * ten seconds: until the next reading no lateness is counted. It keeps no process alive.
 *
 * @param now the time, by the monotonic clock
 */
export function loopLateness(now: number = monotonicClock()): number {
  lastRead = now
  if (timer === undefined) {
    meter.beat(now)
    timer = setTimeout(beat, BEAT).unref()
  }
  return meter.at(now)
}

/** Stops the measurement of {@link loopLateness} until somebody reads it again. */
export function stopLoopLateness(): void {
  clearTimeout(timer)
  timer = undefined
  meter.stop(monotonicClock())
}

function beat(): void {
  const now = monotonicClock()
  if (now - lastRead > MAX_UNREAD) {
    stopLoopLateness()
  } else {
    meter.beat(now)
    timer?.refresh()
  }
}
