/**
 * What a user writes for the plugin and for a route, what it defaults to, and the checks that name a
 * mistake.
 */
import type { AdminAddress } from '@holdfast/core'
import {
  check,
  checkOptions,
  describe,
  InvalidOptionError,
  type OptionShape
} from '@holdfast/core/options'
import type { onRequestHookHandler } from 'fastify'
import type { MeterLike } from './meter.ts'

/** The options of the plugin. None needs to be set. */
export interface TelemetryOptions {
  /**
   * The path at which the app answers with the metrics, or the path and a hook that says who may read them;
   * `false` for none. The route is a probe: the suite does not limit, log or shed it.
   *
   * @default '/metrics'; where `listen` is given, `false`
   */
  readonly metrics?: string | MetricsRoute | false | undefined
  /**
   * A listener of its own for operators, beside the app's, which answers `/metrics` to the very end of a
   * shutdown. `{}` listens on 127.0.0.1, port 9464. The console and other apps of the process share it.
   *
   * @default none
   */
  readonly listen?: AdminAddress | undefined
  /**
   * The most series of `http.server.request.duration`: a whole number of at least 1. What comes after them
   * has one series together, with the label `otel_metric_overflow`.
   *
   * @default 2000
   */
  readonly maxSeries?: number | undefined
  /** Whether the durations of probes are measured, too. @default false */
  readonly probes?: boolean | undefined
  /**
   * Whether the process is told of, too: its event loop, memory and processor time. The event loop's delay
   * is sampled 20 times a second, once for the whole suite.
   *
   * @default true
   */
  readonly runtime?: boolean | undefined
  /**
   * Whether OpenMetrics text names an example for each bucket of `http.server.request.duration`: the trace
   * of the latest request in it that is sampled.
   *
   * @default true
   */
  readonly exemplars?: boolean | undefined
  /**
   * Whether OpenTelemetry gets the metrics: `'auto'` where `@opentelemetry/api` is installed and an SDK
   * is registered when the app is ready; options, to pass a meter or to say who measures durations.
   *
   * @default 'auto'
   */
  readonly openTelemetry?: 'auto' | OpenTelemetryOptions | false | undefined
  /**
   * Whether the spans of requests are told who refused them, why, and whose fault an error is, where
   * `@opentelemetry/api` is installed.
   *
   * @default true
   */
  readonly spanAttributes?: boolean | undefined
}

/** The route of the metrics. */
export interface MetricsRoute {
  /** The path, with a slash at its beginning. @default '/metrics' */
  readonly path?: string | undefined
  /** Runs before the metrics are given, to refuse who may not read them. */
  readonly onRequest?: onRequestHookHandler | undefined
}

/** How OpenTelemetry gets the metrics. */
export interface OpenTelemetryOptions {
  /** The meter to use. @default that of the registered SDK, named `@holdfast/telemetry` */
  readonly meter?: MeterLike | undefined
  /**
   * Whether `http.server.request.duration` is recorded.
   *
   * @default true, unless `@opentelemetry/instrumentation-http` measures the app's server, which makes
   * that metric itself
   */
  readonly duration?: boolean | undefined
}

/** The options of a route, in `config.telemetry`. */
export interface TelemetryRouteOptions {
  /** Whether the duration of its requests is measured: `false` for streams that stay open. @default true */
  readonly duration?: boolean | undefined
}

/** The options, complete. */
export interface ResolvedTelemetryOptions {
  readonly metrics:
    | { readonly path: string; readonly onRequest: onRequestHookHandler | undefined }
    | undefined
  readonly listen: AdminAddress | undefined
  readonly maxSeries: number
  readonly probes: boolean
  readonly runtime: boolean
  readonly exemplars: boolean
  readonly openTelemetry: OpenTelemetryOptions | undefined
  readonly spanAttributes: boolean
}

const DEFAULT_PATH = '/metrics'

const path: (value: unknown, option: string) => void = (value, option) => {
  check.text(value, option)
  if (!String(value).startsWith('/')) {
    throw new InvalidOptionError(option, 'a path with a slash at its beginning', describe(value))
  }
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null

const meter: (value: unknown, option: string) => void = (value, option) => {
  const isMeter =
    isObject(value) && typeof (value as MeterLike).addBatchObservableCallback === 'function'
  if (!isMeter)
    throw new InvalidOptionError(
      option,
      'a meter of @opentelemetry/api 1.9 or later',
      describe(value)
    )
}

const shape: OptionShape = {
  metrics: check.either(
    'a path, { path, onRequest } or false',
    path,
    check.oneOf(false),
    check.shape({ path, onRequest: check.func })
  ),
  listen: check.shape({
    host: check.text,
    port: check.integer({ min: 0, max: 65_535 }),
    hosts: check.listOf(check.text)
  }),
  maxSeries: check.integer({ min: 1 }),
  probes: check.boolean,
  runtime: check.boolean,
  exemplars: check.boolean,
  openTelemetry: check.either(
    "'auto', { meter, duration } or false",
    check.oneOf('auto', false),
    check.shape({ meter, duration: check.boolean })
  ),
  spanAttributes: check.boolean
}

/**
 * Checks the options of the plugin and completes them.
 *
 * @throws UnknownOptionError, InvalidOptionError
 */
export function resolveOptions(given: TelemetryOptions): ResolvedTelemetryOptions {
  checkOptions('telemetry', given, shape)
  const { listen, openTelemetry = 'auto' } = given
  const { metrics = listen === undefined ? DEFAULT_PATH : false } = given
  const route = typeof metrics === 'string' ? { path: metrics } : metrics
  return {
    metrics:
      route === false
        ? undefined
        : { path: route.path ?? DEFAULT_PATH, onRequest: route.onRequest },
    listen,
    maxSeries: given.maxSeries ?? 2000,
    probes: given.probes ?? false,
    runtime: given.runtime ?? true,
    exemplars: given.exemplars ?? true,
    openTelemetry:
      openTelemetry === false ? undefined : openTelemetry === 'auto' ? {} : openTelemetry,
    spanAttributes: given.spanAttributes ?? true
  }
}

const routeCheck = check.either(
  '{ duration } or false',
  check.oneOf(false),
  check.shape({ duration: check.boolean })
)

/**
 * Checks the options of a route.
 *
 * @throws UnknownOptionError, InvalidOptionError
 */
export function checkRouteOptions(given: unknown, route: string): void {
  routeCheck(given, `config.telemetry of ${route}`)
}
