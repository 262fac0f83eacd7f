/**
 * Ends calls that take too long. Calls with the same timeout wait in one queue with one timer: a
 * timer for each would cost more than everything else about a call.
 */
import { monotonicClock } from './clock.ts'
import { extensionOf } from './deadline.ts'
import { leaveRing, Ring, type RingItem } from './ring.ts'

/** Something that has a deadline. */
export interface Timed extends RingItem {
  /** When its time is over, by the monotonic clock. */
  due: number
  timedOut(): void
}

// setTimeout takes a longer delay for 1 ms.
const MAX_TIMER_DELAY = 2 ** 31 - 1

const queues = new Map<number, Queue>()

/**
 * Calls `timedOut()` of it when it is due, until {@link unwatch}. When the timer fires late, it is
 * due again once: later by that lateness, at most by the timeout. Keeps no process alive.
 *
 * @param timeout how many milliseconds that is from now
 * @param due when that is, by the monotonic clock
 */
export function watch(timed: Timed, timeout: number, due: number): void {
  let queue = queues.get(timeout)
  if (queue === undefined) {
    queue = new Queue(timeout)
    queues.set(timeout, queue)
  }
  timed.due = due
  queue.add(timed)
}

/** Forgets what was watched; does nothing when it is not, or not any more. */
export function unwatch(timed: Timed): void {
  leaveRing(timed)
}

/** Ends the timers of queues that are empty; the next call starts them again. */
export function dropIdleQueues(): void {
  for (const queue of queues.values()) queue.dropIfIdle()
}

/** The calls of one timeout: first in, first due. */
class Queue {
  readonly #timeout: number
  readonly #waiting = new Ring<Timed>()
  /** The calls that are due for the second time, because the timer fired late. */
  readonly #extended = new Ring<Timed>()
  #timer: NodeJS.Timeout | undefined

  constructor(timeout: number) {
    this.#timeout = timeout
  }

  add(timed: Timed): void {
    this.#waiting.add(timed)
    // A running timer was set for a call that is due earlier, whether it still waits or not.
    if (this.#timer === undefined) this.#setTimer(timed.due, this.#timeout)
  }

  dropIfIdle(): void {
    if (this.#waiting.first !== undefined || this.#extended.first !== undefined) return
    clearTimeout(this.#timer)
    queues.delete(this.#timeout)
  }

  #setTimer(due: number, delay: number): void {
    const wait = Math.min(Math.max(delay, 1), MAX_TIMER_DELAY)
    // Timers may be early by a fraction of a millisecond, and tests have clocks of their own.
    const until = delay > wait ? -Infinity : due
    this.#timer = setTimeout(() => this.#expire(until), wait).unref()
  }

  #expire(until: number): void {
    const now = Math.max(monotonicClock(), until)
    for (const timed of takeDue(this.#extended, now)) timed.timedOut()
    const lateness = now - (this.#waiting.first?.due ?? now)
    const extension = extensionOf(lateness, this.#timeout)
    for (const timed of takeDue(this.#waiting, now)) {
      if (extension === 0) timed.timedOut()
      else this.#extend(timed, now + extension)
    }
    this.#timer = undefined
    const next = this.#nextDue()
    if (next === Infinity) queues.delete(this.#timeout)
    else this.#setTimer(next, next - now)
  }

  #extend(timed: Timed, due: number): void {
    timed.due = due
    this.#extended.add(timed)
  }

  #nextDue(): number {
    return Math.min(this.#extended.first?.due ?? Infinity, this.#waiting.first?.due ?? Infinity)
  }
}

/** Takes what is due out of a ring, oldest first. */
function* takeDue(ring: Ring<Timed>, now: number): Iterable<Timed> {
  let oldest = ring.first
  while (oldest !== undefined && oldest.due <= now) {
    leaveRing(oldest)
    yield oldest
    oldest = ring.first
  }
}
