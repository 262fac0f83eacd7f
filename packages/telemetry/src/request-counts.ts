/**
 * Counts requests by what became of them, and who refused them.
 */

import type { Series } from './duration-series.ts'
import { DURATION_BOUNDS } from './histogram.ts'
import type { RefusalReason, RequestOutcome } from './outcome.ts'
import type { DurationState, RefusalCount } from './state.ts'

/** The counts of one app. */
export class RequestCounts {
  readonly outcomes: Record<RequestOutcome, number> = {
    ok: 0,
    'client-error': 0,
    'server-error': 0,
    refused: 0,
    aborted: 0,
    cut: 0,
    hijacked: 0,
    malformed: 0
  }
  readonly #refusals = new Map<string, Map<string, number>>()

  count(outcome: RequestOutcome): void {
    this.outcomes[outcome]++
  }

  countRefusal({ refusedBy, reason }: RefusalReason): void {
    const byReason = this.#refusals.get(refusedBy) ?? new Map<string, number>()
    this.#refusals.set(refusedBy, byReason)
    byReason.set(reason, (byReason.get(reason) ?? 0) + 1)
  }

  /** The refusals so far. Plugins and their reasons are a fixed set. */
  get refusals(): RefusalCount[] {
    return [...this.#refusals].flatMap(([refusedBy, byReason]) =>
      [...byReason].map(([reason, count]) => ({ refusedBy, reason, count }))
    )
  }
}

/** The durations of all series together. */
export function totalOf(series: readonly Series[]): DurationState {
  const counts = new Array<number>(DURATION_BOUNDS.length + 1).fill(0)
  let sum = 0
  for (const { histogram } of series) {
    sum += histogram.sum
    for (const [bucket, count] of histogram.counts.entries()) {
      counts[bucket] = (counts[bucket] as number) + count
    }
  }
  return { bounds: DURATION_BOUNDS, counts, sum }
}
