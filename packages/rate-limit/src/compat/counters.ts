/**
 * The counters of the limits of one registration.
 */

import { DecisionCounter } from '../decision-counter.ts'
import type { LimitTotals } from '../state.ts'
import type { Limits } from './limits.ts'

/** The most counters. Further limits share one: they may be made for every request. */
const MAX_COUNTERS = 1000
const OTHERS = 'others'

/** The most limits of one name with a counter each. Further ones share the last. */
const MAX_NAMESAKES = 10

/** The counters of one registration: one for each limit, and one for each group. */
export class Counters {
  readonly #counters = new Map<string, DecisionCounter>()
  readonly #namesakes = new Map<string, number>()

  /** The counter of a limit: of its group, or its own. */
  of({ groupId, max, timeWindow }: Limits, name: string): DecisionCounter {
    const wanted = groupId ?? this.#numbered(name)
    const id = this.#counters.size < MAX_COUNTERS ? wanted : OTHERS
    let counter = this.#counters.get(wanted) ?? this.#counters.get(id)
    if (counter === undefined) {
      counter = new DecisionCounter(id, 'enforce', [{ name: id, max, timeWindow }])
      this.#counters.set(id, counter)
    }
    return counter
  }

  /** The totals of all limits, in the order in which they were made. */
  read(): readonly LimitTotals[] {
    return Array.from(this.#counters.values(), (counter) => counter.read())
  }

  /** A name of its own for a limit that may have the name of others: `limiter 5/1000 (2)`. */
  #numbered(name: string): string {
    if (this.#namesakes.size >= MAX_COUNTERS && !this.#namesakes.has(name)) return name
    const number = Math.min((this.#namesakes.get(name) ?? 0) + 1, MAX_NAMESAKES)
    this.#namesakes.set(name, number)
    return number === 1 ? name : `${name} (${number})`
  }
}
