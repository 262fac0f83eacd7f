/**
 * The answer to a request: header fields, and an error when it is denied.
 */
import { factsOf } from '@holdfast/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Counted } from './limiter.ts'
import { exceededError, type Limits } from './limits.ts'
import type { errorResponseBuilderContext } from './options.ts'
import { spokenSpan } from './span.ts'

/**
 * Lets a request pass, and tells in the header what is left of its limit.
 *
 * @param replaces whether this limit is told in any case; otherwise a tighter one that was told stays
 */
export function pass(
  request: FastifyRequest,
  reply: FastifyReply,
  { key, max, remaining, ttlInSeconds }: Counted,
  { labels, addHeadersOnExceeding: shown, onExceeding }: Limits,
  replaces: boolean
): void {
  const earlier = reply.getHeader(labels.rateRemaining)
  if (replaces || earlier === undefined || Number(earlier) >= remaining) {
    if (shown[labels.rateLimit]) reply.header(labels.rateLimit, max)
    if (shown[labels.rateRemaining]) reply.header(labels.rateRemaining, remaining)
    if (shown[labels.rateReset]) reply.header(labels.rateReset, ttlInSeconds)
  }
  onExceeding(request, key)
}

/** Denies a request: rejects with the error that the user's builder returns. */
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

  const context: errorResponseBuilderContext = {
    statusCode: isBanned ? 403 : 429,
    ban: isBanned,
    max,
    ttl,
    after: spokenSpan(ttlInSeconds * 1000)
  }
  if (isBanned) limits.onBanReach(request, key)
  const thrown = (await errorResponseBuilder(request, context)) ?? exceededError(request, context)
  // Without a status, Fastify would answer with 500.
  if (!hasErrorStatus(thrown)) reply.code(context.statusCode)
  throw thrown
}

function hasErrorStatus(thrown: unknown): boolean {
  const { statusCode, status } = thrown as { statusCode?: unknown; status?: unknown }
  return Number(statusCode || status) >= 400
}
