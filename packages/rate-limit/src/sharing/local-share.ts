/**
 * The part of a limit that one of several processes may allow by itself.
 */
import type { Policies, Policy } from '../policy.ts'

/** Policies for one of so many processes. What allows anything goes on allowing at least one. */
export function localShareOf(policies: Policies, instances: number): Policies {
  if (instances === 1) return policies
  const share = (policy: Policy): Policy => {
    return { ...policy, algorithm: policy.algorithm.shareFor(instances) }
  }
  const [first, ...others] = policies
  return [share(first), ...others.map(share)]
}
