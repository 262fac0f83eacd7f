/**
 * The counters of the limits of one registration.
 */

import { DecisionCounter } from '../decision-counter.ts'
import type { LimitTotals } from '../state.ts'
import type { Limits } from './limits.ts'

/** The most counters. Further limits share one: they may be made for every request. */
const MAX_COUNTERS = 1000
const OTHERS = 'others'

/** The counters of one registration, one for each name of a limit. */
export class Counters {
  readonly #counters = new Map<string, DecisionCounter>()

  /** The counter of a limit: of its group, or by its own name. */
  of({ groupId, max, timeWindow }: Limits, name: string): DecisionCounter {
    const wanted = groupId ?? name
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
}
