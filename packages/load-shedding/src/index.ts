/**
 * Load shedding for Fastify: what the process cannot finish in time is refused, least important first.
 *
 * @module
 */
export type { RequestShed } from './channels.ts'
export { OverloadedError } from './errors.ts'
export type { SheddingFact, WorkCount } from './fact.ts'
export type {
  LoadSheddingOptions,
  LoadSheddingRouteOptions,
  PriorityFunction
} from './options.ts'
export { loadShedding, loadShedding as default } from './plugin.ts'
export type { Priority } from './priority.ts'
export type { SheddingReason } from './shedder.ts'
export type { LoadSheddingState, SheddingView } from './state.ts'
