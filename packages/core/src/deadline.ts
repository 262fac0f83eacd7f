/**
 * Deadlines that a late event loop does not shorten. While the process is held up, answers wait in
 * its sockets, and a timer fires before they are read: that they are late is not the fault of those
 * who sent them.
 */
import { monotonicClock } from './clock.ts'

/** Timers are late by a millisecond or two in every process. */
const MAX_PUNCTUAL = 2

/**
 * Returns the milliseconds by which a deadline whose timer fires must be set again, once: the
 * lateness of the timer, at most the deadline's own length, and 0 when the timer was punctual. In
 * that time the answers are read that came while the process was held up.
 *
 * @param lateness milliseconds from the deadline until its timer fired
 * @param timeout the length of the deadline, in milliseconds
 */
export function extensionOf(lateness: number, timeout: number): number {
  return lateness <= MAX_PUNCTUAL ? 0 : Math.min(lateness, timeout)
}

/** A deadline that runs. */
export interface Deadline {
  /** Ends it: it will not expire. A second time does nothing. */
  clear(): void
}

/**
 * Calls `expired` after `timeout` milliseconds. When the timer fires late, the deadline is set again
 * once, by its lateness and at most by its own length. Keeps no process alive.
 */
export function startDeadline(timeout: number, expired: () => void): Deadline {
  const due = monotonicClock() + timeout
  let timer = setTimeout(fire, timeout).unref()
  function fire(): void {
    const extension = extensionOf(monotonicClock() - due, timeout)
    if (extension === 0) expired()
    else timer = setTimeout(expired, extension).unref()
  }
  return { clear: () => clearTimeout(timer) }
}
