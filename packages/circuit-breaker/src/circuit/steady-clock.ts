import { type Clock, monotonicClock } from '@holdfast/core'

/**
 * A clock that never goes back, made of one that may, such as `Date.now`: where that is set back,
 * time goes on from the latest reading. A breaker would stay open for as long as it was set back.
 */
export function steadyClock(clock: Clock): Clock {
  if (clock === monotonicClock) return clock
  let latest = -Infinity
  let lost = 0
  return () => {
    const reading = clock()
    if (reading < latest) lost += latest - reading
    latest = reading
    return reading + lost
  }
}
