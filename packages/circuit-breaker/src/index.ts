/**
 * Circuit breakers for Fastify, and the breaker itself for use without.
 *
 * @module
 */
export { CircuitBreaker } from './breaker.ts'
export type { BreakerOptions, StandaloneBreakerOptions } from './breaker-options.ts'
export type { Call } from './calls/call.ts'
export type { ExecuteOptions, FallbackContext } from './calls/execute-options.ts'
export type { BreakerCall, BreakerRefusal, BreakerTransition } from './channels.ts'
export type { BreakerTotals, RefusalReason } from './circuit/call-totals.ts'
export type { WindowCounts } from './circuit/call-window.ts'
export type { Causes } from './circuit/cause-counts.ts'
export type { CallOutcome, Permit } from './circuit/permit.ts'
export type { BreakerState } from './circuit/state.ts'
export type { CallResult, Classify } from './classify.ts'
export { CallTimeoutError, CircuitFullError, CircuitOpenError, isCircuitOpen } from './errors.ts'
export type { BreakerFact } from './fact.ts'
export type { OperatorSwitch } from './operator-switch.ts'
export type { CircuitBreakerOptions, CircuitBreakerRouteOptions } from './options.ts'
export { circuitBreaker, circuitBreaker as default } from './plugin.ts'
export type { RecentChange } from './recent-changes.ts'
export type { CircuitBreakers } from './registry.ts'
export type { BreakerRules } from './rules.ts'
export type { BreakerSnapshot, BreakerView } from './snapshot.ts'
export type { CircuitBreakerState } from './state.ts'
