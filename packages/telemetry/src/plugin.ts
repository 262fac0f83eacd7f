/**
 * Wires telemetry into Fastify: one listener to requests, the route of the metrics, and OpenTelemetry.
 */
import {
  checkRouteOption,
  enlist,
  guardedLog,
  intake,
  provideState,
  statesOf
} from '@holdfast/core'
import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { CONTENT_TYPES, formatOf } from './accept.ts'
import { ClientSeries } from './client-series.ts'
import { DurationSeries } from './duration-series.ts'
import { bridge } from './edges/bridge.ts'
import { measureTries } from './edges/client-durations.ts'
import { addMetricsRoute, MetricsText, mountMetrics } from './edges/metrics-text.ts'
import { loadOpenTelemetry } from './edges/open-telemetry-api.ts'
import { RequestListener } from './edges/request-listener.ts'
import { markSpans } from './edges/request-spans.ts'
import { watchRuntime } from './edges/runtime.ts'
import { KnownNames } from './known-names.ts'
import type { MetricSource } from './metric.ts'
import { CLIENT_DURATION, REQUEST_DURATION } from './metric-table.ts'
import {
  checkRouteOptions,
  resolveOptions,
  type TelemetryOptions,
  type TelemetryRouteOptions
} from './options.ts'
import { RequestCounts, totalOf } from './request-counts.ts'

/** The metrics of an app, for whoever wants to write them himself. */
export interface Telemetry {
  /** The content type of `text()` without an argument. */
  readonly contentType: string
  /**
   * Returns the metrics as text, at most a second old: in the format of Prometheus, or in OpenMetrics where
   * an `Accept` header asks for its version 1.0.0.
   */
  text(accept?: string): string
}

declare module 'fastify' {
  interface FastifyInstance<RawServer, RawRequest, RawReply, Logger, TypeProvider> {
    /** The metrics of this app. */
    readonly telemetry: Telemetry
  }
  interface FastifyContextConfig {
    /** What is measured of this route; `false` measures no duration. */
    telemetry?: TelemetryRouteOptions | false
  }
}

const TWICE =
  'An app has one, at its root. Where holdfast is registered, give it the options as telemetry.'

/** More breakers than these share one name in metrics. */
const MAX_BREAKERS = 200

const plugin: FastifyPluginAsync<TelemetryOptions> = async (app, given) => {
  enlist(app, '@holdfast/telemetry', { root: true, decorators: ['telemetry'], twice: TWICE })
  const options = resolveOptions(given)
  // Only servers with TLS have it.
  const scheme = 'setSecureContext' in app.server ? 'https' : 'http'
  const series = new DurationSeries(options.maxSeries, scheme)
  const counts = new RequestCounts()
  const listener = new RequestListener(series, counts, options.probes, options.exemplars)
  intake(app, listener)
  const tries = new ClientSeries(options.maxSeries)
  measureTries(app, tries)
  provideState(app, '@holdfast/telemetry', () => ({
    requests: { ...counts.outcomes },
    duration: totalOf(series.all),
    upstreams: tries.byUpstream,
    refusals: counts.refusals
  }))
  const { bounded: breakerName } = new KnownNames(MAX_BREAKERS)
  const readRuntime = options.runtime ? watchRuntime(app) : undefined
  const source = (): MetricSource => ({
    states: statesOf(app),
    breakerName,
    runtime: readRuntime?.()
  })
  const text = new MetricsText(source, () => [
    { description: REQUEST_DURATION, series: series.all },
    { description: CLIENT_DURATION, series: tries.all }
  ])
  app.decorate('telemetry', {
    contentType: CONTENT_TYPES.prometheus,
    text: (accept?: string) => text.in(formatOf(accept)).text
  })
  app.addHook('onRoute', function holdfastTelemetryRoute(route) {
    checkRouteOption(route, 'telemetry')
    const { telemetry } = route.config ?? {}
    if (telemetry !== undefined) checkRouteOptions(telemetry, `${route.method} ${route.url}`)
  })
  if (options.metrics !== undefined) addMetricsRoute(app, options.metrics, text)
  if (options.listen !== undefined) mountMetrics(app, options.listen, text)
  const api =
    options.openTelemetry || options.spanAttributes ? await loadOpenTelemetry() : undefined
  if (options.spanAttributes && api !== undefined) markSpans(app, api)
  bridge(app, api, options.openTelemetry, source, listener, guardedLog(app.log))
}

/**
 * Metrics of a Fastify service for Prometheus and OpenTelemetry, see {@link TelemetryOptions}.
 *
 * @throws UnknownOptionError, InvalidOptionError, RegisteredTwiceError, DecoratorTakenError,
 *   NotAtRootError when the app boots
 */
export const telemetry: FastifyPluginAsync<TelemetryOptions> = fp(plugin, {
  name: '@holdfast/telemetry',
  fastify: '5.x'
})
