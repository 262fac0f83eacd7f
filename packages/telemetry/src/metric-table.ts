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

/** How long requests took: the one metric that is recorded for each of them. */
export const REQUEST_DURATION: InstrumentDescription & {
  readonly name: string
  readonly attributes: readonly string[]
} = {
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
