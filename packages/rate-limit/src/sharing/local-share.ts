/**
 * The part of a limit that one of several processes may allow by itself.
 */
import type { Algorithm } from '../algorithms/algorithm.ts'
import { FixedWindowAlgorithm } from '../algorithms/fixed-window.ts'
import { SlidingWindowAlgorithm } from '../algorithms/sliding-window.ts'
import { TokenBucketAlgorithm } from '../algorithms/token-bucket.ts'
import type { Policies, Policy } from '../policy.ts'

/** Policies for one of so many processes. What allows anything goes on allowing at least one. */
export function localShareOf(policies: Policies, instances: number): Policies {
  if (instances === 1) return policies
  const share = (policy: Policy): Policy => {
    return { ...policy, algorithm: shareOf(policy.algorithm, instances) }
  }
  const [first, ...others] = policies
  return [share(first), ...others.map(share)]
}

function shareOf(algorithm: Algorithm, instances: number): Algorithm {
  const capacity = Math.min(
    algorithm.capacity,
    Math.max(1, Math.floor(algorithm.capacity / instances))
  )
  if (algorithm instanceof TokenBucketAlgorithm) {
    return new TokenBucketAlgorithm(capacity, algorithm.interval * instances)
  }
  if (algorithm instanceof SlidingWindowAlgorithm) {
    return new SlidingWindowAlgorithm(capacity, algorithm.lifetime / 2)
  }
  return new FixedWindowAlgorithm(capacity, algorithm.lifetime)
}
