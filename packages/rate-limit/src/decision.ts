/**
 * What a limiter answers.
 */
import { affords, priceOf, tokensAt, toMilliseconds, waitFor } from './algorithms/token-bucket.ts'
import type { Policy } from './policy.ts'

/** Why a request was allowed or denied. */
export type DecisionReason = 'within' | 'exceeded' | 'allow-listed'

/** What was decided about one request. Times are milliseconds. */
export interface Decision {
  readonly allowed: boolean
  /** The name of the policy that decided. */
  readonly policy: string
  /** The policy's `max`. */
  readonly limit: number
  /** Requests that would still be allowed at once. */
  readonly remaining: number
  /** Until the same request would be allowed: 0 when it was, `Infinity` when it never will be. */
  readonly retryAfter: number
  /** Until everything is available again. */
  readonly resetAfter: number
  readonly reason: DecisionReason
}

/** Decides about a request of that cost, made by a client with that debt in nanoseconds. */
export function decide(policy: Policy, debt: number, cost: number): Decision {
  const { name, max, bucket } = policy
  const allowed = affords(bucket, debt, cost)
  const debtAfter = allowed ? debt + priceOf(bucket, cost) : debt
  return {
    allowed,
    policy: name,
    limit: max,
    remaining: tokensAt(bucket, debtAfter),
    retryAfter: allowed ? 0 : toMilliseconds(waitFor(bucket, debt, cost)),
    resetAfter: toMilliseconds(debtAfter),
    reason: allowed ? 'within' : 'exceeded'
  }
}

/** The decision about everyone on the allow list: nothing was counted. */
export function allowListed({ name, max, bucket }: Policy): Decision {
  return Object.freeze({
    allowed: true,
    policy: name,
    limit: max,
    remaining: bucket.capacity,
    retryAfter: 0,
    resetAfter: 0,
    reason: 'allow-listed'
  })
}
