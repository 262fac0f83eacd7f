/**
 * The Holdfast suite for Fastify: request limits, circuit breakers, one log line a request, and a
 * start and stop that drop nobody, registered in the right order.
 *
 * @module
 */
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
