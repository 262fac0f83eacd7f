/**
 * What is known of the upstreams, in one place to read it.
 */
import type { NoRetryReason } from './retry-rules.ts'
import type { TryOutcome } from './verdict.ts'

/** An upstream at one moment. Totals count from the boot on. */
export interface UpstreamSnapshot {
  /** The name that it was declared with. */
  readonly name: string
  /** Scheme, host and port of its URLs: `https://payments.example`. */
  readonly origin: string
  /** Calls that were asked for, by `fetch` or by a client of another kind. */
  readonly calls: number
  /** Tries of calls, retries and hedges included, that were let through by the breaker. */
  readonly tries: number
  /** Tries that have ended, by what they say about the upstream. */
  readonly outcomes: Readonly<Record<TryOutcome, number>>
  /** Tries that were refused: the breaker was open, or `maxConcurrent` tries ran. */
  readonly refused: number
  /** Failed tries, by what was decided about another one: `scheduled`, or why there was none. */
  readonly retries: Readonly<Record<'scheduled' | NoRetryReason, number>>
  /** Tries that were made because the one before had not answered yet. */
  readonly hedges: number
  /** Retries that the budget allows at this moment; of hedges it may allow fewer. */
  readonly budgetLeft: number
  /**
   * Tries that wait for their answers to begin. A request that its client destroys while it waits for a
   * connection of an Agent is among them until its turn comes.
   */
  readonly inFlight: number
}

/** The upstreams of one registration of the plugin. */
export interface OutgoingState {
  /** Every upstream: what `app.outgoing.snapshots()` returns. */
  readonly upstreams: readonly UpstreamSnapshot[]
  /**
   * Whether `app.outgoing.install()` guards the `fetch` of the process; `replaced` when something else
   * has taken its place since.
   */
  readonly globalFetch: GlobalFetchState
}

/** What became of the guard around `fetch`. */
export type GlobalFetchState = 'not-installed' | 'guarded' | 'replaced'

declare module '@holdfast/core' {
  interface States {
    '@holdfast/outgoing': OutgoingState
  }
}
