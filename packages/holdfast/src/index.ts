/**
 * The Holdfast suite for Fastify: request limits, circuit breakers, one log line a request, and a
 * start and stop that drop nobody, registered in the right order.
 *
 * @module
 */
export {
  CallTimeoutError,
  type CircuitBreaker,
  type CircuitBreakerOptions,
  CircuitFullError,
  CircuitOpenError,
  isCircuitOpen
} from '@holdfast/circuit-breaker'
export {
  factsOf,
  type RequestFacts,
  remaining,
  statesOf,
  subscribe,
  traceHeaders
} from '@holdfast/core'
export {
  type LifecycleOptions,
  ServerDrainingError,
  serverTimeouts,
  UnderPressureError
} from '@holdfast/lifecycle'
export {
  type LoadSheddingOptions,
  OverloadedError,
  type Priority
} from '@holdfast/load-shedding'
export {
  CallDeadlineError,
  type OutgoingOptions,
  type RequestUpstream,
  TryTimeoutError,
  type Upstream,
  UpstreamFullError
} from '@holdfast/outgoing'
export {
  type Decision,
  RateLimitExceededError,
  type RateLimiter,
  type RateLimitOptions
} from '@holdfast/rate-limit'
export type { LogFields, RequestLoggingOptions } from '@holdfast/request-logging'
export { logController } from '@holdfast/request-logging/log-controller'
export type { TelemetryOptions } from '@holdfast/telemetry'
export type { HoldfastOptions } from './options.ts'
export {
  type QuietLogging,
  type ServerOptions,
  type ServerOptionsWithLogger,
  type ServerSettings,
  type ServerSettingsWithLogger,
  serverOptions
} from './server-options.ts'
export { holdfast, holdfast as default } from './suite.ts'
