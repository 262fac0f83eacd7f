/**
 * Decides how much each client of a Fastify service may ask.
 *
 * @module
 */
export { TokenBucket, type TokenBucketOptions } from './algorithms/token-bucket.ts'
export type { RateLimitEvent } from './channels.ts'
export type { Decision, DecisionReason } from './decision.ts'
export { RateLimitExceededError } from './errors.ts'
export type { HeaderStyle } from './headers.ts'
export type {
  AllowFunction,
  KeyGenerator,
  RateLimitHook,
  RateLimitOptions,
  RateLimitRouteOptions
} from './options.ts'
export { type RouteTypes, rateLimit, rateLimit as default } from './plugin.ts'
