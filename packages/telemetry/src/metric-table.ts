/**
 * The one list of metrics. The text for Prometheus, the OpenTelemetry instruments and the documentation
 * are made from it.
 */
import type { InstrumentDescription } from './meter.ts'
import type { ObservedMetric } from './metric.ts'
import { breakerMetrics } from './metrics/circuit-breaker.ts'
import { lifecycleMetrics } from './metrics/lifecycle.ts'
import { sheddingMetrics } from './metrics/load-shedding.ts'
import { outgoingMetrics } from './metrics/outgoing.ts'
import { rateLimitMetrics } from './metrics/rate-limit.ts'
import { requestMetrics } from './metrics/requests.ts'
import { runtimeMetrics } from './metrics/runtime.ts'

/** What a histogram of durations is. */
export interface HistogramDescription extends InstrumentDescription {
  /** The name by the rules of OpenTelemetry. */
  readonly name: string
  /** The names of its attributes. */
  readonly attributes: readonly string[]
}

/** How long requests took: recorded for each of them. */
export const REQUEST_DURATION: HistogramDescription = {
  name: 'http.server.request.duration',
  unit: 's',
  description: 'Duration of HTTP server requests.',
  attributes: [
    'http.request.method',
    'url.scheme',
    'http.route',
    'http.response.status_code',
    'error.type',
    'network.protocol.version'
  ]
}

/** How long tries of outgoing calls took, until their answers began or until they failed. */
export const CLIENT_DURATION: HistogramDescription = {
  name: 'http.client.request.duration',
  unit: 's',
  description: 'Duration of HTTP client requests, until their answers began.',
  attributes: [
    'holdfast.outgoing.upstream',
    'http.request.method',
    'server.address',
    'server.port',
    'http.response.status_code',
    'error.type'
  ]
}

/** Every metric that is read from what the plugins know. */
export const METRICS: readonly ObservedMetric[] = [
  ...requestMetrics,
  ...rateLimitMetrics,
  ...breakerMetrics,
  ...sheddingMetrics,
  ...lifecycleMetrics,
  ...outgoingMetrics,
  ...runtimeMetrics
]
