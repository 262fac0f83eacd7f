/**
 * What a limiter answers.
 */
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
  /** Until one more request would be allowed at once than is now; `Infinity` when none ever will. */
  readonly moreAfter: number
  /** Until everything is available again. */
  readonly resetAfter: number
  readonly reason: DecisionReason
  /** What each policy decided by itself, where several were asked. */
  readonly each?: readonly Decision[] | undefined
}

/** The decision about everyone on the allow list: nothing was counted. */
export function allowListed({ name, max, algorithm }: Policy): Decision {
  return Object.freeze({
    allowed: true,
    policy: name,
    limit: max,
    remaining: algorithm.capacity,
    retryAfter: 0,
    moreAfter: 0,
    resetAfter: 0,
    reason: 'allow-listed'
  })
}
