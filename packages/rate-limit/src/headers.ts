/**
 * What clients are told in header fields: `RateLimit-Policy` and `RateLimit` of the IETF draft
 * (draft-ietf-httpapi-ratelimit-headers, from -08 on), or the older `x-ratelimit-*`.
 */
import { toMilliseconds, toNanoseconds } from './algorithms/token-bucket.ts'
import type { Decision } from './decision.ts'
import type { Policy } from './policy.ts'

/** Which header fields to send. */
export type HeaderStyle = 'draft' | 'legacy' | false

/** Header fields by their names in lower case. */
export type Fields = Record<string, string>

/** Makes the function that tells a client what was decided. */
export function fieldWriter(style: HeaderStyle, policy: Policy): (decision: Decision) => Fields {
  if (style === 'draft') return draftFields(policy)
  if (style === 'legacy') return legacyFields
  return () => ({})
}

function draftFields(policy: Policy): (decision: Decision) => Fields {
  const name = JSON.stringify(policy.name)
  // The field knows whole seconds only, and may be without a window.
  const window = policy.timeWindow % 1000 === 0 ? `;w=${policy.timeWindow / 1000}` : ''
  const stated = `${name};q=${policy.max}${window}`
  return (decision) => ({
    'ratelimit-policy': stated,
    ratelimit: `${name};r=${remaining(decision)}${untilMore(policy, decision)}`
  })
}

/** The time until one more request would be allowed than is now; none where none ever will be. */
function untilMore({ bucket }: Policy, { remaining, resetAfter }: Decision): string {
  if (bucket.capacity === 0) return ''
  const further = toMilliseconds((bucket.capacity - remaining - 1) * bucket.interval)
  return `;t=${wholeSeconds(resetAfter - further)}`
}

function legacyFields(decision: Decision): Fields {
  return {
    'x-ratelimit-limit': String(decision.limit),
    'x-ratelimit-remaining': String(remaining(decision)),
    'x-ratelimit-reset': String(wholeSeconds(decision.resetAfter))
  }
}

/** A burst above `max` is not shown: clients take the number for a part of the limit. */
function remaining(decision: Decision): number {
  return Math.min(decision.remaining, decision.limit)
}

/**
 * The fields of every denial. There is no `Retry-After` where retrying can never help, and a cache
 * must not keep a 429 (RFC 6585).
 */
export function denialFields({ retryAfter }: Decision): Fields {
  const fields: Fields = { 'cache-control': 'no-store' }
  if (retryAfter !== Infinity) fields['retry-after'] = String(Math.max(1, wholeSeconds(retryAfter)))
  return fields
}

/** Whole seconds, rounded up. To the nanosecond first: 2000.0000000001 ms are two seconds. */
export function wholeSeconds(milliseconds: number): number {
  return Math.ceil(toNanoseconds(milliseconds) / 1e9)
}
