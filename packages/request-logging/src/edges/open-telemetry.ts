/**
 * The span that an OpenTelemetry SDK has open for a request. The API is an optional peer: without
 * it there is no span to ask for.
 */
import { reportOnce, type TraceContext } from '@holdfast/core'

/** As much of a span's context as a line needs. */
interface SpanContext {
  readonly traceId: string
  readonly spanId: string
  readonly traceFlags: number
  readonly traceState?: { serialize(): string } | undefined
}

interface OpenTelemetryApi {
  readonly trace: { getActiveSpan(): { spanContext(): SpanContext } | undefined }
  isSpanContextValid(context: SpanContext): boolean
}

/** Returns the active span as a place in a trace; `undefined` when none is active. */
export type ActiveSpan = () => TraceContext | undefined

/** Resolves to `undefined` when the API is not installed: caught here, bundlers know that it may not be. */
function loadApi(): Promise<OpenTelemetryApi | undefined> {
  /* c8 ignore next: this repository has the API; the bundles of its packages have not, and are tested */
  return import('@opentelemetry/api').catch(() => undefined)
}

/** Resolves to what asks for the active span; to `undefined` when the API is not installed. */
export async function findOpenTelemetry(
  load: () => Promise<OpenTelemetryApi | undefined> = loadApi
): Promise<ActiveSpan | undefined> {
  const api = await load()
  if (api === undefined) return undefined
  return () => {
    try {
      const span = api.trace.getActiveSpan()?.spanContext()
      // Without an SDK, and for what an SDK suppresses, the span is all zeros.
      if (span === undefined || !api.isSpanContextValid(span)) return undefined
      const { traceId, spanId, traceFlags, traceState } = span
      return { traceId, spanId, flags: traceFlags, state: traceState?.serialize() }
    } catch (error) {
      reportOnce(api, 'the OpenTelemetry SDK', error)
      return undefined
    }
  }
}
