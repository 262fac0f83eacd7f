/**
 * Start, health, drain and stop of a Fastify service.
 *
 * @module
 */
export type { Report } from './drain.ts'
export type { Pressure } from './edges/pressure.ts'
export { ServerDrainingError, StepTooLateError } from './errors.ts'
export type { Leftover } from './leftover.ts'
export type { HealthOptions, LifecycleOptions, ShutdownSignal } from './options.ts'
export type { Phase, PhaseChange } from './phases.ts'
export {
  type Lifecycle,
  type LifecycleStateChange,
  lifecycle,
  lifecycle as default,
  type ShutdownOptions
} from './plugin.ts'
export type { StepFunction, StepOptions } from './step-options.ts'
export type { UnfinishedTask } from './tasks.ts'
export { type ServerTimeouts, serverTimeouts, type TimeoutOptions } from './timeouts.ts'
