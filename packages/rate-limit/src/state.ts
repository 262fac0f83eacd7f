/**
 * What the limiter knows of itself, as other plugins and the application read it.
 */
import type { TableState } from './memory/client-table.ts'
import type { OutageTotals } from './sharing/outages.ts'
import type { LimitTotals } from './totals.ts'

/** The store that the processes of a service share. */
export interface StoreState extends OutageTotals {
  /** Decisions made in this process, as `onStoreError` says, because the store did not answer. */
  readonly fallbacks: number
}

/** One registration of the limiter, at one moment. */
export interface RateLimitState {
  /**
   * The limits in the order in which they were made: the plugin's own, then those of routes, groups,
   * hooks and limiters. Routes of a group have one together; where some of them are in shadow mode, two.
   */
  readonly limits: readonly LimitTotals[]
  /** `undefined` where this process remembers no clients: of compat with a store. */
  readonly clients: TableState | undefined
  /** `undefined` where there is none, and of compat. */
  readonly store: StoreState | undefined
}

declare module '@holdfast/core' {
  interface States {
    '@holdfast/rate-limit': RateLimitState
  }
}
