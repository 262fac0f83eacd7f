/**
 * What became of the calls of a breaker, and how often it changed: counts that only grow, since the
 * breaker was made.
 */
import type { CallOutcome } from './permit.ts'
import type { BreakerState } from './state.ts'

/** Counts since the breaker was made. */
export interface BreakerTotals {
  /** Calls that worked. */
  readonly success: number
  /** Calls that failed, those that timed out among them. */
  readonly failure: number
  /** Calls that ended and say nothing about the dependency. */
  readonly excluded: number
  /** Calls and requests that were refused because of the breaker's state. */
  readonly refusedByState: number
  /** Calls that were refused because `maxConcurrent` calls ran already. */
  readonly refusedByConcurrency: number
  /** Calls that its state would have refused, and shadow let through. They count by how they ended, too. */
  readonly refusedInShadow: number
  /** How often it opened. */
  readonly opened: number
  /** How often it became half-open, to probe the dependency. */
  readonly halfOpened: number
  /** How often it closed again. */
  readonly closed: number
  /** How often an operator isolated it. */
  readonly isolated: number
}

/** Why a breaker refuses: its state, or `maxConcurrent` calls that run already. */
export type RefusalReason = 'state' | 'concurrency'

/** Counts the calls, the refusals and the changes of one breaker. */
export class CallTotals {
  #success = 0
  #failure = 0
  #excluded = 0
  #refusedByState = 0
  #refusedByConcurrency = 0
  #refusedInShadow = 0
  readonly #entered = { open: 0, 'half-open': 0, closed: 0, isolated: 0 }

  /** Counts a call that ended. */
  countCall(outcome: CallOutcome): void {
    if (outcome === 'success') this.#success++
    else if (outcome === 'failure') this.#failure++
    else this.#excluded++
  }

  /** Counts a refusal, or one that shadow has spared. */
  countRefusal(reason: RefusalReason, shadow: boolean): void {
    if (shadow) this.#refusedInShadow++
    else if (reason === 'state') this.#refusedByState++
    else this.#refusedByConcurrency++
  }

  /** Counts a change to that state. */
  countChange(to: BreakerState): void {
    this.#entered[to]++
  }

  /** The counts at this moment. */
  toRecord(): BreakerTotals {
    return {
      success: this.#success,
      failure: this.#failure,
      excluded: this.#excluded,
      refusedByState: this.#refusedByState,
      refusedByConcurrency: this.#refusedByConcurrency,
      refusedInShadow: this.#refusedInShadow,
      opened: this.#entered.open,
      halfOpened: this.#entered['half-open'],
      closed: this.#entered.closed,
      isolated: this.#entered.isolated
    }
  }
}
