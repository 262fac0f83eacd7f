/**
 * Start, health, drain and stop of a Fastify service.
 *
 * @module
 */
export type {
  CheckCall,
  CheckFunction,
  CheckResult,
  CheckState,
  Health,
  HealthStatus
} from './checks.ts'
export type { Report } from './drain.ts'
export type { CutRequest } from './edges/cut-request.ts'
export type { Lifecycle, ShutdownOptions } from './edges/decorator.ts'
export type { LifecycleCheckChange } from './edges/health.ts'
export type { LifecycleShutdown } from './edges/shutdown.ts'
export {
  ClosedBeforeListeningError,
  ProbePathTakenError,
  ServerDrainingError,
  StepTooLateError,
  UnderPressureError
} from './errors.ts'
export type { LifecycleFact } from './fact.ts'
export type { CheckDefinition, CheckOptions, HealthOptions } from './health-options.ts'
export type { LifecycleOptions, ShutdownSignal } from './options.ts'
export type { Phase, PhaseChange } from './phases.ts'
export { type LifecycleStateChange, lifecycle, lifecycle as default } from './plugin.ts'
export type { Pressure } from './pressure.ts'
export type { PressureOptions } from './pressure-options.ts'
export type { LifecycleState, RouteInFlight } from './state.ts'
export type { StepOptions } from './step-options.ts'
export type { StepCall, StepFunction } from './steps.ts'
export type { UnfinishedTask } from './tasks.ts'
export { type ServerTimeouts, serverTimeouts, type TimeoutOptions } from './timeouts.ts'
