/**
 * How often, and for how long, a store did not answer.
 */
import type { StoreState } from '../state.ts'

/** What is known of the store alone. */
export type OutageTotals = Omit<StoreState, 'fallbacks'>

/** Counts the outages of one store. Moments are milliseconds of a monotonic clock. */
export class Outages {
  #isOut = false
  #since: number
  #outages = 0
  /** Of the outages that are over. */
  #time = 0

  constructor(now: number) {
    this.#since = now
  }

  /** Takes note that a part of the store does not answer; of several the first one counts. */
  began(now: number): void {
    if (this.#isOut) return
    this.#isOut = true
    this.#since = now
    this.#outages++
  }

  /** Takes note that the whole store answers again. */
  ended(now: number): void {
    if (!this.#isOut) return
    this.#isOut = false
    this.#time += now - this.#since
    this.#since = now
  }

  /** The totals at a moment. */
  read(now: number): OutageTotals {
    const duration = now - this.#since
    return {
      available: !this.#isOut,
      duration,
      outages: this.#outages,
      outageTime: this.#isOut ? this.#time + duration : this.#time
    }
  }
}
