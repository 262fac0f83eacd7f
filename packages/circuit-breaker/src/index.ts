/**
 * Circuit breakers for Fastify, and the breaker itself for use without.
 *
 * @module
 */
export { type BreakerSnapshot, type BreakerState, CircuitBreaker } from './breaker.ts'
export type { Call } from './call.ts'
export type { Causes } from './cause-counts.ts'
export type { BreakerRefusal, BreakerTransition } from './channels.ts'
export { CallTimeoutError, CircuitOpenError, isCircuitOpen } from './errors.ts'
export type {
  BreakerOptions,
  CircuitBreakerOptions,
  CircuitBreakerRouteOptions,
  ExecuteOptions,
  StandaloneBreakerOptions
} from './options.ts'
export type { Permit } from './permit.ts'
export { circuitBreaker, circuitBreaker as default } from './plugin.ts'
export type { CircuitBreakers } from './registry.ts'
