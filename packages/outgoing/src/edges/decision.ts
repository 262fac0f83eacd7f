/**
 * The decision about a retry, made with what is known of the upstream, counted and published.
 */
import { monotonicClock } from '@holdfast/core'
import { publishRetry } from '../channels.ts'
import { decideRetry, type FailedTry } from '../retry-rules.ts'
import { DispatchHeaders } from './dispatch-headers.ts'
import type { Target } from './target.ts'

const MEDIAN = 0.5

/** A try that failed in a way that another one may make good. */
export interface Failure extends Omit<FailedTry, 'isKeyed'> {
  /** The headers of its request, in any form. */
  readonly headers: unknown
  /** When the time of its call is over, by the monotonic clock. */
  readonly due: number
}

/** Returns how many milliseconds to wait before the next try; `undefined` when there is none. */
export function decideAbout(
  target: Target,
  mayRetry: boolean,
  failure: Failure
): number | undefined {
  const now = monotonicClock()
  const decision = decideRetry(
    {
      ...failure,
      isKeyed: new DispatchHeaders(failure.headers).get('idempotency-key') !== undefined
    },
    {
      mayRetry,
      isBreakerOpen: target.breaker.retryAfter > 0,
      left: failure.due - now,
      usual: target.latencies.quantile(MEDIAN) ?? 0,
      random: Math.random(),
      takeRetry: () => target.budget.take(now)
    }
  )
  const isScheduled = typeof decision === 'number'
  const reason = isScheduled ? 'scheduled' : decision
  const wait = isScheduled ? decision : undefined
  target.counts.retries[reason]++
  publishRetry(target.name, failure.number, reason, wait)
  return wait
}
