/**
 * The time that a breaker goes by.
 */
import { type Clock, guardedCall, loopLateness, monotonicClock } from '@holdfast/core'

/** How late the event loop has been, in total, in milliseconds, at a reading of the clock. */
export type Lateness = (now: number) => number

/**
 * A clock that never goes back, made of one that may, such as `Date.now`: where that is set back,
 * time goes on from the latest reading. Otherwise a breaker would stay open for as long as the clock
 * was set back. A clock that fails stands still.
 */
export function steadyClock(clock: Clock): Clock {
  if (clock === monotonicClock) return clock
  let latest: number | undefined
  let lost = 0
  return () => {
    const reading = guardedCall(clock, 'the option clock')
    if (reading === undefined || !Number.isFinite(reading)) return (latest ?? 0) + lost
    if (latest !== undefined && reading < latest) lost += latest - reading
    latest = reading
    return reading + lost
  }
}

/** The lateness that belongs to a clock: a test's clock is never late. */
export function latenessOf(clock: Clock): Lateness {
  return clock === monotonicClock ? loopLateness : neverLate
}

function neverLate(): number {
  return 0
}
