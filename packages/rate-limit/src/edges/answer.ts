/**
 * What follows from a decision about a request: its facts, the header fields, the events, and
 * whether the request goes on or is refused.
 */
import { factsOf, headersOf, type RequestFacts, refuseWith } from '@holdfast/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { allowedChannel, deniedChannel, nearLimitChannel } from '../channels.ts'
import type { Decision } from '../decision.ts'
import { FIELD_NAMES, type Fields } from '../headers.ts'
import { forPolicy, type PerPolicy } from '../per-policy.ts'
import type { ResolvedLimit } from './limit-resolver.ts'
import { refund } from './refunds.ts'

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
  const facts = factsOf(request)
  limit.counter.count(decision)
  // A timeout of Fastify's may have answered while a function of the user's was waited for.
  const isRefused = !decision.allowed && !limit.isShadow && !reply.sent
  if (limit.isShadow) recordShadow(facts, decision)
  else if (decision.allowed) allow(limit, decision, facts, reply)
  else if (isRefused) recordRefusal(decision, facts, reply)
  publish(request, limit, keys, decision)
  if (isRefused) {
    refund(request)
    refuseWith(reply, limit.refusals.of(decision), done)
  } else {
    done()
  }
}

/** Lets a client on the allow list go on. */
export function answerAllowListed(limit: ResolvedLimit, request: FastifyRequest): void {
  const facts = factsOf(request)
  limit.counter.count(limit.allowListed)
  if (limit.isShadow) facts.rateLimitShadow ??= limit.allowListed
  else facts.rateLimit ??= limit.allowListed
}

function allow(
  limit: ResolvedLimit,
  decision: Decision,
  facts: RequestFacts,
  reply: FastifyReply
): void {
  if (!isTighter(limit, decision, facts, reply)) return
  facts.rateLimit = decision
  const fields = headersOf(reply)
  if (fields !== undefined) {
    limit.writeFields(fields as Fields, decision)
    return
  }
  const own: Fields = {}
  limit.writeFields(own, decision)
  reply.headers(own)
}

function recordRefusal(decision: Decision, facts: RequestFacts, reply: FastifyReply): void {
  // Another limit may have told the client what it allows.
  if (facts.rateLimit !== undefined) for (const name of FIELD_NAMES) reply.removeHeader(name)
  facts.rateLimit = decision
  facts.refusedBy = 'rate-limit'
}

/**
 * Whether a limit that allows a request takes the place of an earlier one that did. A limit that
 * clients are told goes before one that they are not told; of two alike the one with less remaining.
 */
function isTighter(
  limit: ResolvedLimit,
  decision: Decision,
  { rateLimit: earlier }: RequestFacts,
  reply: FastifyReply
): boolean {
  if (earlier === undefined || earlier.reason === 'allow-listed') return true
  const isEarlierTold = FIELD_NAMES.some((name) => reply.hasHeader(name))
  if (limit.isTold !== isEarlierTold) return limit.isTold
  return decision.remaining <= earlier.remaining
}

function recordShadow(facts: RequestFacts, decision: Decision): void {
  const { rateLimitShadow: earlier } = facts
  if (earlier?.allowed === false) return
  const isFirst = earlier === undefined || earlier.reason === 'allow-listed'
  if (isFirst || !decision.allowed || decision.remaining <= earlier.remaining) {
    facts.rateLimitShadow = decision
  }
}

function publish(
  request: FastifyRequest,
  { isShadow }: ResolvedLimit,
  keys: PerPolicy<string>,
  decision: Decision
): void {
  const channel = decision.allowed ? allowedChannel : deniedChannel
  const isNear = decision.allowed && nearLimitChannel.hasSubscribers && isNearLimit(decision)
  if (!channel.hasSubscribers && !isNear) return
  const key = decidingKey(decision, keys)
  const event = { request, key, decision, mode: isShadow ? 'shadow' : 'enforce' } as const
  channel.publish(event)
  if (isNear) nearLimitChannel.publish(event)
}

/** The key under the policy that decided. */
function decidingKey({ each, policy }: Decision, keys: PerPolicy<string>): string {
  return forPolicy(keys, each?.findIndex((one) => one.policy === policy) ?? 0)
}

function isNearLimit({ each, remaining, limit }: Decision): boolean {
  return each === undefined ? remaining <= NEAR_LIMIT_SHARE * limit : each.some(isNearLimit)
}
