/**
 * The OpenTelemetry API of the application: an optional peer, loaded where it is installed and never
 * brought along, since a second copy may be one that the SDK does not answer.
 */
import type { MeterLike } from '../meter.ts'

/** As much of a span as is used. */
export interface SpanLike {
  isRecording(): boolean
  setAttributes(attributes: Readonly<Record<string, string>>): unknown
}

/** As much of the API as is used. */
export interface OpenTelemetryApi {
  readonly trace: { getActiveSpan(): SpanLike | undefined; getTracerProvider(): object }
  readonly metrics: { getMeter(name: string): MeterLike; getMeterProvider(): object }
}

/** What an SDK has registered, for every copy of the API in the process. */
interface Registered {
  readonly version: string
  readonly trace?: object | undefined
  readonly metrics?: object | undefined
}

/** Resolves to `undefined` when the API is not installed: caught here, bundlers know that it may not be. */
export function loadOpenTelemetry(): Promise<OpenTelemetryApi | undefined> {
  /* c8 ignore next: this repository has the API; the bundles of its packages have not, and are tested */
  return import('@opentelemetry/api').catch(() => undefined)
}

/** What is registered by now; `undefined` when no SDK is. */
function registered(): Registered | undefined {
  return Reflect.get(globalThis, Symbol.for('opentelemetry.js.api.1'))
}

/** Whether an SDK collects metrics. */
export function hasMeterProvider(): boolean {
  return registered()?.metrics !== undefined
}

/**
 * Returns what is wrong when an SDK is registered and this copy of the API does not reach it, as a
 * sentence for the log; otherwise `undefined`. Nothing else would ever tell: a copy that is newer than
 * the one that the SDK was registered through gives instruments and spans that do nothing.
 */
export function whyUnreachable({ trace, metrics }: OpenTelemetryApi): string | undefined {
  const sdk = registered()
  if (sdk === undefined) return undefined
  const seesMetrics = sdk.metrics === undefined || metrics.getMeterProvider() === sdk.metrics
  const seesSpans = sdk.trace === undefined || trace.getTracerProvider() === sdk.trace
  if (seesMetrics && seesSpans) return undefined
  return `An OpenTelemetry SDK is registered through version ${sdk.version} of @opentelemetry/api, and @holdfast/telemetry loads a newer copy, which does not reach it: it gets no metrics, and its spans no attributes. Install one version for both; "npm ls @opentelemetry/api" shows who brings which.`
}
