/**
 * What a request is answered: header fields, and an error when it is denied.
 */
import { factsOf } from '@holdfast/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Counted } from './limiter.ts'
import { type errorResponseBuilderContext, exceededError, type Limits } from './options.ts'
import { spokenSpan } from './span.ts'

/**
 * Lets a request pass, with what is left of its limit in the header.
 *
 * @param replaces whether this limit has the last word; else a tighter one that was told stays
 */
export function pass(
  request: FastifyRequest,
  reply: FastifyReply,
  { key, max, remaining, ttlInSeconds }: Counted,
  { labels, addHeadersOnExceeding: shown, onExceeding }: Limits,
  replaces: boolean
): void {
  const told = reply.getHeader(labels.rateRemaining)
  if (replaces || told === undefined || Number(told) >= remaining) {
    if (shown[labels.rateLimit]) reply.header(labels.rateLimit, max)
    if (shown[labels.rateRemaining]) reply.header(labels.rateRemaining, remaining)
    if (shown[labels.rateReset]) reply.header(labels.rateReset, ttlInSeconds)
  }
  onExceeding(request, key)
}

/** Denies a request: rejects with what the user's builder made of it. */
export async function deny(
  request: FastifyRequest,
  reply: FastifyReply,
  { key, max, ttl, ttlInSeconds, isBanned }: Counted,
  limits: Limits
): Promise<never> {
  const { labels, addHeaders: shown, errorResponseBuilder } = limits
  limits.onExceeded(request, key)
  if (shown[labels.rateLimit]) reply.header(labels.rateLimit, max)
  if (shown[labels.rateRemaining]) reply.header(labels.rateRemaining, 0)
  if (shown[labels.rateReset]) reply.header(labels.rateReset, ttlInSeconds)
  if (shown[labels.retryAfter]) reply.header(labels.retryAfter, ttlInSeconds)
  factsOf(request).refusedBy = 'rate-limit'

  const told: errorResponseBuilderContext = {
    statusCode: isBanned ? 403 : 429,
    ban: isBanned,
    max,
    ttl,
    after: spokenSpan(ttlInSeconds * 1000)
  }
  if (isBanned) limits.onBanReach(request, key)
  const thrown = (await errorResponseBuilder(request, told)) ?? exceededError(request, told)
  // Without a status of its own it would be an internal error.
  if (!hasErrorStatus(thrown)) reply.code(told.statusCode)
  throw thrown
}

function hasErrorStatus(thrown: unknown): boolean {
  const { statusCode, status } = thrown as { statusCode?: unknown; status?: unknown }
  return Number(statusCode || status) >= 400
}
