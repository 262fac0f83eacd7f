/**
 * What clients are told in header fields: `RateLimit-Policy` and `RateLimit` of the IETF draft
 * (draft-ietf-httpapi-ratelimit-headers, from -08 on), or the older `x-ratelimit-*`.
 */

import { wholeSeconds } from './algorithms/nanoseconds.ts'
import type { Decision } from './decision.ts'
import type { Policies, Policy } from './policy.ts'

/** Which header fields to send. */
export type HeaderStyle = 'draft' | 'legacy' | false

/** Header fields by their names in lower case. */
export type Fields = Record<string, string>

/** Writes the fields of one decision into an object that may have others. */
export type FieldWriter = (fields: Fields, decision: Decision) => void

/** Every field that a writer may write: what another limit was told in, before this one. */
export const FIELD_NAMES = [
  'ratelimit-policy',
  'ratelimit',
  'x-ratelimit-limit',
  'x-ratelimit-remaining',
  'x-ratelimit-reset'
] as const

/** Makes the function that tells a client what was decided under these policies. */
export function fieldWriter(style: HeaderStyle, policies: Policies): FieldWriter {
  if (style === 'draft') return draftFields(policies)
  return style === 'legacy' ? writeLegacyFields : () => {}
}

function draftFields(policies: Policies): FieldWriter {
  const stated = policies.map(statement).join(', ')
  const starts = policies.map(({ name }, index) => `${index > 0 ? ', ' : ''}${quoted(name)};r=`)
  const first = starts[0] as string
  return (fields, decision) => {
    fields['ratelimit-policy'] = stated
    const { each } = decision
    fields['ratelimit'] =
      each === undefined ? first + standing(decision) : standings(starts, decision, each)
  }
}

/**
 * Every policy's standing. A policy that would have allowed a denied request does not say when it has
 * more: that may be later than `Retry-After`, which no `t` may be.
 */
function standings(
  starts: readonly string[],
  { allowed }: Decision,
  each: readonly Decision[]
): string {
  let field = ''
  for (let index = 0; index < each.length; index++) {
    const one = each[index] as Decision
    field += starts[index] as string
    field += one.allowed && !allowed ? remaining(one) : standing(one)
  }
  return field
}

/** What a policy allows. The field knows whole seconds only, and may be without a window. */
function statement({ name, max, timeWindow }: Policy): string {
  const window = timeWindow % 1000 === 0 ? `;w=${timeWindow / 1000}` : ''
  return `${quoted(name)};q=${max}${window}`
}

/** What is left, and when there is more; nothing of that where there never will be. */
function standing(decision: Decision): string {
  const { moreAfter } = decision
  return moreAfter === Infinity
    ? remaining(decision)
    : `${remaining(decision)};t=${wholeSeconds(moreAfter)}`
}

/** A name as a string of a structured field (RFC 9651, 3.3.3). */
function quoted(name: string): string {
  return `"${name.replace(/["\\]/g, '\\$&')}"`
}

function writeLegacyFields(fields: Fields, decision: Decision): void {
  fields['x-ratelimit-limit'] = String(decision.limit)
  fields['x-ratelimit-remaining'] = remaining(decision)
  fields['x-ratelimit-reset'] = String(wholeSeconds(decision.resetAfter))
}

/** A burst above `max` is not shown: clients take the number for a part of the limit. */
function remaining({ remaining, limit }: Decision): string {
  return String(Math.min(remaining, limit))
}

/** The seconds of `Retry-After`; `undefined` where retrying can never help. */
export function retrySeconds({ retryAfter }: Decision): number | undefined {
  return retryAfter === Infinity ? undefined : Math.max(1, wholeSeconds(retryAfter))
}

/**
 * The fields of every denial. There is no `Retry-After` where retrying can never help, and a cache
 * must not keep a 429 (RFC 6585).
 */
export function writeDenialFields(fields: Fields, decision: Decision): void {
  fields['cache-control'] = 'no-store'
  const seconds = retrySeconds(decision)
  if (seconds !== undefined) fields['retry-after'] = String(seconds)
}
