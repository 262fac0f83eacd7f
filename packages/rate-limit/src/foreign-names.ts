/**
 * What users of other limiters may write, and what to write instead.
 */
import type { ForeignNames } from '@holdfast/core/options'

const fastify = (instead: string): string =>
  `That is an option of @fastify/rate-limit. ${instead} Or register '@holdfast/rate-limit/compat', which has its options.`

const express = (instead: string): string =>
  `That is an option of express-rate-limit. Write ${instead}.`

const BY_SUBSCRIBING = "Use subscribe('holdfast:rate-limit:denied', listener)."
const BY_ERROR_HANDLER =
  'Answer RateLimitExceededError in app.setErrorHandler(), or leave the problem+json as it is.'

/** By the names of @fastify/rate-limit and express-rate-limit. */
export const FOREIGN_NAMES: ForeignNames = {
  skipOnError: fastify("Write onStoreError: 'allow'."),
  cache: fastify('Write maxKeys, for all limits together.'),
  nameSpace: fastify("Write store: new RedisStore({ client, prefix: '...' })."),
  ban: fastify('Write countDenied: true, or call app.banClient().'),
  continueExceeding: fastify('Write countDenied: true.'),
  exponentialBackoff: fastify('Write countDenied: true.'),
  enableDraftSpec: fastify("Write headers: 'draft', which is the default."),
  addHeaders: fastify("Write headers: 'draft', 'legacy' or false."),
  addHeadersOnExceeding: fastify("Write headers: 'draft', 'legacy' or false."),
  errorResponseBuilder: fastify(BY_ERROR_HANDLER),
  onExceeding: fastify("Use subscribe('holdfast:rate-limit:allowed', listener)."),
  onExceeded: fastify(BY_SUBSCRIBING),
  onBanReach: fastify(BY_SUBSCRIBING),
  windowMs: express('timeWindow'),
  limit: express('max'),
  skip: express('allowList, as a function'),
  handler: `That is an option of express-rate-limit. ${BY_ERROR_HANDLER}`,
  standardHeaders: express("headers: 'draft'"),
  legacyHeaders: express("headers: 'legacy'")
}
