/**
 * Ends calls that take too long. Calls with the same timeout wait in one queue with one timer: a
 * timer for each would cost more than everything else about a call.
 */
import { monotonicClock } from '@holdfast/core'

/** A place in a queue, and its neighbours. */
interface Link {
  /** When its time is up, by the monotonic clock. */
  due: number
  previous: Link | undefined
  next: Link | undefined
}

/** Something that may run out of time. */
export interface Timed extends Link {
  timedOut(): void
}

// setTimeout takes a longer delay for 1 ms.
const LONGEST_TIMER = 2 ** 31 - 1

const queues = new Map<number, Queue>()

/**
 * Calls `timedOut()` of it when it is due, until {@link unwatch}. Keeps no process alive.
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

/** Forgets what was watched; once. */
export function unwatch(timed: Timed): void {
  const { previous, next } = timed
  // The ends of the chain are the queue's own.
  ;(previous as Link).next = next
  ;(next as Link).previous = previous
  timed.previous = timed.next = undefined
}

/** Ends the timers of queues that nobody waits in; the next call begins them anew. */
export function dropIdleQueues(): void {
  for (const queue of queues.values()) queue.dropIfIdle()
}

/** The calls of one timeout: first in, first due. A ring that is closed by the queue itself. */
class Queue implements Link {
  readonly #timeout: number
  #timer: NodeJS.Timeout | undefined
  due = Infinity
  previous: Link = this
  next: Link = this

  constructor(timeout: number) {
    this.#timeout = timeout
  }

  add(timed: Timed): void {
    timed.previous = this.previous
    timed.next = this
    this.previous.next = timed
    this.previous = timed
    // A timer that runs was set for a call that was due earlier, be it still here or not.
    if (this.#timer === undefined) this.#setTimer(timed.due, this.#timeout)
  }

  dropIfIdle(): void {
    if (this.next !== this) return
    clearTimeout(this.#timer)
    queues.delete(this.#timeout)
  }

  #setTimer(due: number, delay: number): void {
    const wait = Math.min(Math.max(delay, 1), LONGEST_TIMER)
    // Timers may be early by a fraction of a millisecond, and tests have clocks of their own.
    const until = delay > wait ? -Infinity : due
    this.#timer = setTimeout(() => this.#expire(until), wait).unref()
  }

  #expire(until: number): void {
    const now = Math.max(monotonicClock(), until)
    while (this.next.due <= now) {
      // The queue itself is never due.
      const timed = this.next as Timed
      unwatch(timed)
      timed.timedOut()
    }
    this.#timer = undefined
    if (this.next === this) queues.delete(this.#timeout)
    else this.#setTimer(this.next.due, this.next.due - now)
  }
}
