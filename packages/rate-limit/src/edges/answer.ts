/**
 * What follows from a decision about a request: its facts, the header fields, the events, and
 * whether the request goes on or is refused.
 */
import { factsOf, headersOf, refuseWith } from '@holdfast/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { allowedChannel, deniedChannel, nearLimitChannel } from '../channels.ts'
import type { Decision } from '../decision.ts'
import type { RateLimitFact } from '../fact.ts'
import { FIELD_NAMES, type Fields } from '../headers.ts'
import { forPolicy, type PerPolicy } from '../per-policy.ts'
import type { ResolvedLimit } from './limit-resolver.ts'

/** Fastify's callback of a hook. */
export type Done = (error?: Error) => void

/** The share of a limit, from 0 to 1, from which on what remains is near the limit. */
const NEAR_LIMIT_SHARE = 0.2

/** Lets a request go on, or refuses it, as was decided under `limit`. */
export function answer(
  limit: ResolvedLimit,
  keys: PerPolicy<string>,
  decision: Decision,
  reply: FastifyReply,
  done: Done
): void {
  const { request } = reply
  const { isShadow } = limit
  const facts = factsOf(request)
  const earlier = facts.rateLimit
  if (isTighter(decision, earlier)) {
    facts.rateLimit = decision
    if (decision.allowed && !isShadow) tell(reply, limit, decision)
  }
  publish(request, limit, keys, decision)
  if (decision.allowed || isShadow) {
    done()
    return
  }
  facts.refusedBy = 'rate-limit'
  if (earlier !== undefined) for (const name of FIELD_NAMES) reply.removeHeader(name)
  refuseWith(reply, limit.refusals.of(decision), done)
}

function tell(reply: FastifyReply, limit: ResolvedLimit, decision: Decision): void {
  const fields = headersOf(reply)
  if (fields !== undefined) {
    limit.writeFields(fields as Fields, decision)
    return
  }
  const own: Fields = {}
  limit.writeFields(own, decision)
  reply.headers(own)
}

function publish(
  request: FastifyRequest,
  { isShadow }: ResolvedLimit,
  keys: PerPolicy<string>,
  decision: Decision
): void {
  const channel = decision.allowed ? allowedChannel : deniedChannel
  if (!channel.hasSubscribers && !nearLimitChannel.hasSubscribers) return
  const key = decidingKey(decision, keys)
  const event = { request, key, decision, mode: isShadow ? 'shadow' : 'enforce' } as const
  channel.publish(event)
  if (decision.allowed && isNearLimit(decision)) nearLimitChannel.publish(event)
}

/** The key under the policy that decided. */
function decidingKey({ each, policy }: Decision, keys: PerPolicy<string>): string {
  return forPolicy(keys, each?.findIndex((one) => one.policy === policy) ?? 0)
}

function isNearLimit({ each, remaining, limit }: Decision): boolean {
  return each === undefined ? remaining <= NEAR_LIMIT_SHARE * limit : each.some(isNearLimit)
}

/** Whether a decision leaves less than an earlier one: of several registrations clients are told the least. */
function isTighter(decision: Decision, earlier: RateLimitFact | undefined): boolean {
  if (earlier === undefined || earlier.reason === 'allow-listed') return true
  return !decision.allowed || (earlier.allowed && decision.remaining <= earlier.remaining)
}
