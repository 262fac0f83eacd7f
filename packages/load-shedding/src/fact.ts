/**
 * What load shedding decided about a request, as other plugins read it.
 */
import type { Priority } from './priority.ts'
import type { SheddingReason } from './shedder.ts'

/** The decision about a request that was refused, or in shadow mode would have been. */
export interface SheddingFact {
  readonly priority: Priority
  readonly reason: SheddingReason
  /** The share of requests that was being admitted, 0 to 1. */
  readonly share: number
  /** Whether the request went on all the same: `mode: 'shadow'`. */
  readonly shadow: boolean
}

/** Where a request counts as work in hand. */
export interface WorkCount {
  /** Counts it out. Called once. */
  end(startedAt: number, isAnswered: boolean): void
}

declare module '@holdfast/core' {
  interface RequestFacts {
    loadShedding?: SheddingFact | undefined
    /** Where the request counts as work in hand; `undefined` when it does not, or no longer. */
    workCount?: WorkCount | undefined
  }
  interface Refusers {
    'load-shedding': true
  }
}
