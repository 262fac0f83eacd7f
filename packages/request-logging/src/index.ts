/**
 * One line for every request of a Fastify service, whatever became of it.
 *
 * @module
 */
export type { ErrorField } from './error-field.ts'
export { LogControllerMissingError } from './errors.ts'
export type { LogFields } from './fields.ts'
export type {
  LevelFunction,
  LevelTable,
  LogLevel,
  SettledRequest,
  WrittenLevel
} from './level.ts'
export type { Line } from './line.ts'
export type {
  RequestLogger,
  RequestLoggingOptions,
  RequestLoggingRouteOptions
} from './options.ts'
export type { RequestOutcome } from './outcome.ts'
export { requestLogging, requestLogging as default } from './plugin.ts'
export type { IncomingIdOptions, RequestIdOptions } from './request-id-options.ts'
export type { SilentFunction, SilentRule } from './silence.ts'
export type { RequestLoggingState } from './state.ts'
