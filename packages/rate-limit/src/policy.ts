/**
 * A limit as its user states it, and the algorithm that keeps it.
 */
import type { Algorithm, AlgorithmName } from './algorithms/algorithm.ts'
import { FixedWindowAlgorithm } from './algorithms/fixed-window.ts'
import { toNanoseconds } from './algorithms/nanoseconds.ts'
import { SlidingWindowAlgorithm } from './algorithms/sliding-window.ts'
import { bucketOf, strictBucketOf, TokenBucketAlgorithm } from './algorithms/token-bucket.ts'

/**
 * A limit for each client. Its numbers may differ by client and from request to request; what a client
 * took is kept for each `timeWindow` by itself.
 */
export interface Policy {
  /** The name of the limit in headers, problem details and facts. */
  readonly name: string
  /** Requests per window; 0 denies all. */
  readonly max: number
  /** The window, in milliseconds. */
  readonly timeWindow: number
  readonly algorithm: Algorithm
}

/** One policy or several. */
export type Policies = readonly [Policy, ...Policy[]]

/** Whether both are the same limits, in the same numbers. */
export function areAlike(policies: Policies, others: Policies): boolean {
  if (policies === others) return true
  return (
    policies.length === others.length &&
    policies.every(({ name, timeWindow, algorithm }, index) => {
      const other = others[index] as Policy
      return (
        name === other.name &&
        timeWindow === other.timeWindow &&
        algorithm.name === other.algorithm.name &&
        algorithm.capacity === other.algorithm.capacity &&
        algorithm.span === other.algorithm.span
      )
    })
  )
}

/** The numbers of a limit; the window in milliseconds. */
export interface Limit {
  readonly max: number
  readonly timeWindow: number
  /** Tokens of a full bucket. By default `max`, or a fifth of it where the limit is strict. */
  readonly burst?: number | undefined
  /** @default 'token-bucket' */
  readonly algorithm?: AlgorithmName | undefined
  /** Whether no span as long as the window may see more than `max`. Of the token bucket. */
  readonly strict?: boolean | undefined
}

/** Makes the policy that keeps a limit. */
export function policyOf(name: string, limit: Limit): Policy {
  const { max, timeWindow } = limit
  return { name, max, timeWindow, algorithm: algorithmOf(limit) }
}

function algorithmOf(limit: Limit): Algorithm {
  const { max, timeWindow, algorithm, strict } = limit
  const window = toNanoseconds(timeWindow)
  if (algorithm === 'fixed-window') return new FixedWindowAlgorithm(max, window)
  if (algorithm === 'sliding-window') return new SlidingWindowAlgorithm(max, window)
  const lifetime = window * Math.max(1, limit.burst ?? 1)
  // A bucket that holds nothing denies all, however fast it would fill.
  if (max === 0) return new TokenBucketAlgorithm(0, window, lifetime)
  if (strict !== true) return bucketOf(max, window, limit.burst ?? max, lifetime)
  const burst = Math.min(max, limit.burst ?? Math.ceil(max / 5))
  return strictBucketOf(max, window, burst, lifetime)
}
