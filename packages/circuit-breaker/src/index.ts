/**
 * Circuit breakers for Fastify, and the breaker itself for use without.
 *
 * @module
 */
export { type BreakerSnapshot, CircuitBreaker, type OperatorSwitch } from './breaker.ts'
export type { Call } from './calls/call.ts'
export type { ExecuteOptions, FallbackContext } from './calls/execute-options.ts'
export type { BreakerRefusal, BreakerTransition } from './channels.ts'
export type { WindowCounts } from './circuit/call-window.ts'
export type { Causes } from './circuit/cause-counts.ts'
export type { BreakerState } from './circuit/circuit.ts'
export type { CallOutcome, Permit } from './circuit/permit.ts'
export type { CallResult, Classify } from './classify.ts'
export { CallTimeoutError, CircuitFullError, CircuitOpenError, isCircuitOpen } from './errors.ts'
export type { BreakerFact } from './fact.ts'
export type {
  BreakerOptions,
  CircuitBreakerOptions,
  CircuitBreakerRouteOptions,
  StandaloneBreakerOptions
} from './options.ts'
export { circuitBreaker, circuitBreaker as default } from './plugin.ts'
export type { CircuitBreakers } from './registry.ts'
export type { BreakerRules } from './rules.ts'
