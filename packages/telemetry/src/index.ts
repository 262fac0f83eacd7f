/**
 * Metrics and span attributes for Fastify, out of what the plugins of the suite know.
 *
 * @module
 */

export type {
  DurationInstrument,
  InstrumentDescription,
  MeterAttributes,
  MeterLike,
  ObservableInstrument,
  ObservationCallback,
  ObservationResult
} from './meter.ts'
export type { MetricSource, ObservedKind, ObservedMetric, Sample } from './metric.ts'
export {
  CLIENT_DURATION,
  type HistogramDescription,
  METRICS,
  REQUEST_DURATION
} from './metric-table.ts'
export type {
  MetricsRoute,
  OpenTelemetryOptions,
  TelemetryOptions,
  TelemetryRouteOptions
} from './options.ts'
export type { RequestOutcome } from './outcome.ts'
export { type Telemetry, telemetry, telemetry as default } from './plugin.ts'
export type { ReadStates } from './read-states.ts'
export type { DurationState, RefusalCount, TelemetryState, UpstreamDurations } from './state.ts'
