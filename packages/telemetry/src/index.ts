/**
 * Metrics and span attributes for Fastify, out of what the plugins of the suite know.
 *
 * @module
 */
export type { DurationInstrument, MeterAttributes, MeterLike } from './meter.ts'
