/**
 * The answer of a limiter: a decision about one request.
 */
import type { Account } from './algorithms/algorithm.ts'
import { NANOSECONDS, wholeMilliseconds } from './algorithms/nanoseconds.ts'
import type { Policies, Policy } from './policy.ts'

/** Why a request was allowed or denied; `'store'`: the store did not answer. */
export type DecisionReason = 'within' | 'exceeded' | 'banned' | 'allow-listed' | 'store'

/** What was decided about one request. Times are whole milliseconds, rounded up. */
export interface Decision {
  readonly allowed: boolean
  /** The name of the policy that decided. */
  readonly policy: string
  /** The policy's `max`. */
  readonly limit: number
  /** Requests that would still be allowed at once. */
  readonly remaining: number
  /**
   * The time until the same request would be allowed: 0 when it was, `Infinity` when it never will
   * be.
   */
  readonly retryAfter: number
  /**
   * The time until one more request would be allowed at once than is now; `Infinity` when none ever
   * will.
   */
  readonly moreAfter: number
  /** The time until everything is available again. */
  readonly resetAfter: number
  readonly reason: DecisionReason
  /** The decision of each policy by itself, where several were asked. */
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

/** Milliseconds after which to try again where a store that does not answer denies all. */
const STORE_RETRY = 1000

/** The decision where a store did not answer, and nothing was counted. */
export function unanswered({ name, max, algorithm }: Policy, allowed: boolean): Decision {
  const wait = allowed ? 0 : STORE_RETRY
  return {
    allowed,
    policy: name,
    limit: max,
    remaining: allowed ? algorithm.capacity : 0,
    retryAfter: wait,
    moreAfter: wait,
    resetAfter: wait,
    reason: 'store'
  }
}

/** The decision about a client that is banned for that many milliseconds more. */
export function banned({ name, max }: Policy, left: number): Decision {
  const wait = wholeMilliseconds(left)
  return {
    allowed: false,
    policy: name,
    limit: max,
    remaining: 0,
    retryAfter: wait,
    moreAfter: wait,
    resetAfter: wait,
    reason: 'banned'
  }
}

/**
 * The decision of one policy about a request that would have to wait so long, as the account is now.
 *
 * @param wait in the algorithm's unit of time
 * @param perMillisecond how many of these units are a millisecond
 */
export function decisionOf(
  { name, max, algorithm }: Policy,
  account: Account,
  wait: number,
  now: number,
  perMillisecond: number = NANOSECONDS
): Decision {
  const remaining = algorithm.available(account, now)
  const more = remaining < algorithm.capacity ? algorithm.wait(account, remaining + 1, now) : wait
  return {
    allowed: wait === 0,
    policy: name,
    limit: max,
    remaining,
    retryAfter: Math.ceil(wait / perMillisecond),
    moreAfter: Math.ceil(more / perMillisecond),
    resetAfter: Math.ceil(algorithm.timeToFull(account, now) / perMillisecond),
    reason: wait === 0 ? 'within' : 'exceeded'
  }
}

/**
 * One decision for all: that of the policy with the longest wait. Where all allow the request, that
 * of the policy with the least left.
 */
export function combineDecisions(each: readonly Decision[]): Decision {
  const decides = tightestOf(each)
  const { allowed, policy, limit, remaining, retryAfter, moreAfter, resetAfter, reason } = decides
  return { allowed, policy, limit, remaining, retryAfter, moreAfter, resetAfter, reason, each }
}

/** The decision with the longest wait, or of those without one that with the least left. */
export function tightestOf(decisions: readonly Decision[]): Decision {
  return decisions.reduce(tighter)
}

function tighter(one: Decision, other: Decision): Decision {
  if (other.retryAfter !== one.retryAfter) return other.retryAfter > one.retryAfter ? other : one
  return other.remaining < one.remaining ? other : one
}

/**
 * The same decision some milliseconds later, if nothing was charged meanwhile. What is missing comes
 * back evenly after the first of it, as in a bucket, or at once, as at the end of a window. Of a
 * sliding window that is an estimate.
 *
 * @param more requests that are left besides
 */
export function later(
  decision: Decision,
  elapsed: number,
  policies: Policies,
  more: number = 0
): Decision {
  const { each } = decision
  if (each === undefined) return oneLater(decision, elapsed, policies[0], more)
  return combineDecisions(
    each.map((one, index) => oneLater(one, elapsed, policies[index] as Policy, more))
  )
}

function oneLater(
  decision: Decision,
  elapsed: number,
  { algorithm }: Policy,
  more: number
): Decision {
  const { policy, limit, moreAfter } = decision
  const { capacity } = algorithm
  const missing = capacity - decision.remaining
  const interval = (decision.resetAfter - moreAfter) / (missing - 1)
  const retryAfter = wholeMilliseconds(Math.max(0, decision.retryAfter - elapsed))
  const resetAfter = wholeMilliseconds(Math.max(0, decision.resetAfter - elapsed))
  let returned = 0
  if (resetAfter === 0) returned = missing
  else if (elapsed >= moreAfter) returned = 1 + Math.floor((elapsed - moreAfter) / interval)
  const remaining = Math.min(capacity, decision.remaining + returned + more)
  const next = returned === 0 ? moreAfter : moreAfter + returned * interval
  return {
    allowed: retryAfter === 0,
    policy,
    limit,
    remaining,
    retryAfter,
    moreAfter: remaining === capacity ? retryAfter : wholeMilliseconds(Math.max(0, next - elapsed)),
    resetAfter,
    reason: retryAfter === 0 ? 'within' : decision.reason
  }
}
