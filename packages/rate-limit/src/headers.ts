/**
 * The header fields that tell clients their limit: `RateLimit-Policy` and `RateLimit` of the IETF
 * draft (draft-ietf-httpapi-ratelimit-headers, from -08 on), or the older `x-ratelimit-*`.
 */

import { wholeSeconds } from './algorithms/nanoseconds.ts'
import type { Decision } from './decision.ts'
import type { Policies, Policy } from './policy.ts'

/** The header fields to send; `false`: none. */
export type HeaderStyle = 'draft' | 'legacy' | false

/** Header fields by their names in lower case. */
export type Fields = Record<string, string>

/** Writes the fields of a decision into an object that may hold others. */
export type FieldWriter = (fields: Fields, decision: Decision) => void

/** The names of all fields that a writer may write. */
export const FIELD_NAMES = [
  'ratelimit-policy',
  'ratelimit',
  'x-ratelimit-limit',
  'x-ratelimit-remaining',
  'x-ratelimit-reset'
] as const

/** The function that writes the fields of decisions under these policies. */
export function fieldWriter(style: HeaderStyle, policies: Policies): FieldWriter {
  if (style === 'draft') return draftFields(policies)
  return style === 'legacy' ? writeLegacyFields : () => {}
}

function draftFields(policies: Policies): FieldWriter {
  const quotas = policies.map(quotaOf).join(', ')
  const starts = policies.map(({ name }, index) => `${index > 0 ? ', ' : ''}${quoted(name)};r=`)
  const first = starts[0] as string
  return (fields, decision) => {
    fields['ratelimit-policy'] = quotas
    const { each } = decision
    fields['ratelimit'] =
      each === undefined ? first + stateOf(decision) : statesOf(starts, decision, each)
  }
}

/**
 * The states of several policies. A policy that would have allowed a denied request has no `t`: it
 * might be later than `Retry-After`, which the draft rules out.
 */
function statesOf(
  starts: readonly string[],
  { allowed }: Decision,
  each: readonly Decision[]
): string {
  let field = ''
  for (let index = 0; index < each.length; index++) {
    const one = each[index] as Decision
    field += starts[index] as string
    field += one.allowed && !allowed ? remainingOf(one) : stateOf(one)
  }
  return field
}

/** The quota of a policy. The field has whole seconds only; of other windows it names none. */
function quotaOf({ name, max, timeWindow }: Policy): string {
  const window = timeWindow % 1000 === 0 ? `;w=${timeWindow / 1000}` : ''
  return `${quoted(name)};q=${max}${window}`
}

/** The requests that remain, and the seconds until there is one more, unless there never will be. */
function stateOf(decision: Decision): string {
  const { moreAfter } = decision
  return moreAfter === Infinity
    ? remainingOf(decision)
    : `${remainingOf(decision)};t=${wholeSeconds(moreAfter)}`
}

/** A name as a string of a structured field (RFC 9651, 3.3.3). */
function quoted(name: string): string {
  return `"${name.replace(/["\\]/g, '\\$&')}"`
}

function writeLegacyFields(fields: Fields, decision: Decision): void {
  fields['x-ratelimit-limit'] = String(decision.limit)
  fields['x-ratelimit-remaining'] = remainingOf(decision)
  fields['x-ratelimit-reset'] = String(wholeSeconds(decision.resetAfter))
}

/** The requests that remain; at most the limit, since clients take the number for a part of it. */
function remainingOf({ remaining, limit }: Decision): string {
  return String(Math.min(remaining, limit))
}

/** The whole seconds of `Retry-After`, at least 1; `undefined` where retrying can never help. */
export function retrySeconds({ retryAfter }: Decision): number | undefined {
  return retryAfter === Infinity ? undefined : Math.max(1, wholeSeconds(retryAfter))
}

/**
 * Writes the fields of every denial. There is no `Retry-After` where retrying can never help. A cache
 * must not keep a 429 (RFC 6585, 4).
 */
export function writeDenialFields(fields: Fields, decision: Decision): void {
  fields['cache-control'] = 'no-store'
  const seconds = retrySeconds(decision)
  if (seconds !== undefined) fields['retry-after'] = String(seconds)
}
