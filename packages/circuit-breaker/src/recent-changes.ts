/**
 * The latest changes of a breaker's state, kept so that somebody who looks later sees how it came to
 * where it is.
 */
import type { Causes } from './circuit/cause-counts.ts'
import type { BreakerState } from './circuit/state.ts'

/** A change of state that is kept for a while. */
export interface RecentChange {
  /** The state that it changed to. */
  readonly to: BreakerState
  /** Milliseconds since then. A change by time alone is as old as the look that noticed it. */
  readonly age: number
  /** Why it opened: the failures, counted by cause; empty when it did not open. */
  readonly causes: Causes
}

interface Change {
  readonly to: BreakerState
  readonly at: number
  readonly causes: Causes
}

/** How many are kept: two whole cycles of opening, probing and closing again. */
const MAX_CHANGES = 6

/** Keeps the latest six changes. */
export class RecentChanges {
  readonly #changes: Change[] = []

  add(to: BreakerState, at: number, causes: Causes): void {
    this.#changes.unshift({ to, at, causes })
    this.#changes.length = Math.min(this.#changes.length, MAX_CHANGES)
  }

  /** The changes, the latest first. */
  toRecords(now: number): RecentChange[] {
    return this.#changes.map(({ to, at, causes }) => ({ to, age: now - at, causes }))
  }
}
