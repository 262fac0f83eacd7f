/**
 * What an upstream was asked for, and what became of it, since the boot.
 */
import type { NoRetryReason } from './retry-rules.ts'
import type { TryOutcome } from './verdict.ts'

/** The totals of one upstream. */
export class Counts {
  calls = 0
  tries = 0
  refused = 0
  hedges = 0
  readonly outcomes: Record<TryOutcome, number> = { success: 0, failure: 0, excluded: 0 }
  readonly retries: Record<'scheduled' | NoRetryReason, number> = {
    scheduled: 0,
    'retried-request': 0,
    body: 0,
    method: 0,
    'retry-after': 0,
    deadline: 0,
    breaker: 0,
    budget: 0
  }
}
