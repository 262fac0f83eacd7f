/**
 * Deadlines of calls, all behind one timer: a timer for each would cost more than everything else
 * about a call. A late event loop does not shorten them, see `deadline.ts`.
 */
import { monotonicClock } from './clock.ts'
import { extensionOf } from './deadline.ts'
import { type Due, DueHeap } from './due-heap.ts'
import { reportOnce } from './report.ts'

/** Something that has a deadline. */
export interface Timed extends Due {
  /** The length of its time in milliseconds, from which {@link watchDeadline} sets it. */
  timeout: number
  /** Its time is over. It is not watched any more. An error that it throws is reported once. */
  timedOut(): void
}

// setTimeout takes a longer delay for 1 ms.
const MAX_TIMER_DELAY = 2 ** 31 - 1

const waiting = new DueHeap<Timed>()
let timer: NodeJS.Timeout | undefined
/** When the timer fires; `Infinity` while none runs. */
let timerDue = Infinity

/**
 * Calls `timedOut()` of it when it is due, until {@link unwatchDeadline}. When the timer fires late, it
 * is due again once: later by that lateness, at most by the timeout. Keeps no process alive.
 *
 * @param timed is not watched: its `position` is -1
 * @param timeout how many milliseconds that is from now, at least 0
 * @param due when that is, by the monotonic clock
 */
export function watchDeadline(timed: Timed, timeout: number, due: number): void {
  timed.due = due
  timed.timeout = timeout
  waiting.add(timed)
  // A timer that fires earlier, for one that has left, then waits for this one.
  if (due < timerDue) setTimer(due, timeout)
}

/** Forgets what was watched. Does nothing when it is not, or not any more. */
export function unwatchDeadline(timed: Timed): void {
  waiting.remove(timed)
}

/** Ends the timer when nobody waits for it; the next deadline starts it again. */
export function dropIdleDeadlines(): void {
  if (waiting.first !== undefined) return
  clearTimeout(timer)
  timerDue = Infinity
}

function setTimer(due: number, delay: number): void {
  clearTimeout(timer)
  const wait = Math.min(Math.max(delay, 1), MAX_TIMER_DELAY)
  timerDue = due
  // Timers may be early by a fraction of a millisecond, and tests have clocks of their own.
  const until = delay > wait ? -Infinity : due
  timer = setTimeout(() => expire(until), wait).unref()
}

function expire(until: number): void {
  timerDue = Infinity
  const now = Math.max(monotonicClock(), until)
  const lateness = now - (waiting.first?.due ?? now)
  for (let first = waiting.first; first !== undefined && first.due <= now; first = waiting.first) {
    waiting.remove(first)
    const extension = extensionOf(lateness, first.timeout)
    if (extension === 0) {
      tell(first)
    } else {
      first.due = now + extension
      // A second time it is not extended.
      first.timeout = 0
      waiting.add(first)
    }
  }
  const next = waiting.first?.due ?? Infinity
  if (next < timerDue) setTimer(next, next - now)
}

/** The others that are due, and the timer, must not wait for one that fails. */
function tell(timed: Timed): void {
  try {
    timed.timedOut()
  } catch (error) {
    reportOnce(timed.timedOut, 'timedOut() of a deadline', error)
  }
}
