/**
 * Decides how much each client of a Fastify service may ask.
 *
 * @module
 */
export { clientKey } from '@holdfast/core'
export {
  type Account,
  type Algorithm,
  type AlgorithmName,
  emptyAccount
} from './algorithms/algorithm.ts'
export { TokenBucket, type TokenBucketOptions } from './algorithms/token-bucket.ts'
export type { RateLimitEvent, RateLimitEvictedEvent, RateLimitStoreEvent } from './channels.ts'
export { combineDecisions, type Decision, type DecisionReason, decisionOf } from './decision.ts'
export type { CheckOptions, ClientRequest, RateLimiter, Reservation } from './edges/rate-limiter.ts'
export type { RateLimitHandler } from './edges/request-hook.ts'
export {
  NotSynchronousError,
  RateLimitExceededError,
  RequestNeededError,
  StoreRefusedError,
  StoreUnavailableError,
  TooManyLimitersError
} from './errors.ts'
export type { RateLimitFact } from './fact.ts'
export type { HeaderStyle } from './headers.ts'
export type {
  AllowFunction,
  DurationFunction,
  KeyGenerator,
  MaybePromise,
  Mode,
  NumberFunction,
  RateLimiterOptions,
  RateLimitHook,
  RateLimitHookOptions,
  RateLimitPolicy,
  RateLimitRouteOptions
} from './limit-options.ts'
export { MemoryStore, type MemoryStoreOptions } from './memory/memory-store.ts'
export type { OnStoreError, RateLimitOptions } from './options.ts'
export { forPolicy, type PerPolicy } from './per-policy.ts'
export { type HookTypes, type RouteTypes, rateLimit, rateLimit as default } from './plugin.ts'
export type { Policies, Policy } from './policy.ts'
export type {
  LimitTotals,
  PolicyTotals,
  RateLimitState,
  StoreState,
  TableState
} from './state.ts'
export type { Charge, LimitSubject, Store, StoreReservation } from './store.ts'
