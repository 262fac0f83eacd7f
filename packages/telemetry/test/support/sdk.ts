/**
 * A real SDK, registered as an application does it.
 */
import { createRequire } from 'node:module'
import { context, metrics, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type ResourceMetrics
} from '@opentelemetry/sdk-metrics'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor
} from '@opentelemetry/sdk-trace-base'
import type { Test } from 'tap'

/** A value of a metric as a reader got it. */
export interface Point {
  readonly attributes: Readonly<Record<string, unknown>>
  readonly value: number | { readonly count: number }
}

/** Points by the name of their metric. */
export type Points = ReadonlyMap<string, readonly Point[]>

/** An SDK for metrics. */
export interface MetricsSdk {
  readonly provider: MeterProvider
  /** Collects, and returns what was exported. */
  collect(): Promise<Points>
}

/** Makes an SDK for metrics that nothing is registered with yet. */
export function metricsSdk(t: Test): MetricsSdk {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
  const provider = new MeterProvider({ readers: [reader] })
  t.teardown(() => provider.shutdown())
  return {
    provider,
    collect: async () => {
      exporter.reset()
      await reader.forceFlush()
      return pointsOf(exporter.getMetrics())
    }
  }
}

/** Registers it as the SDK of the process. */
export function registerMetrics(t: Test, { provider }: MetricsSdk): void {
  metrics.setGlobalMeterProvider(provider)
  t.teardown(() => metrics.disable())
}

function pointsOf(exported: readonly ResourceMetrics[]): Points {
  const points = new Map<string, readonly Point[]>()
  for (const { scopeMetrics } of exported) {
    for (const { metrics } of scopeMetrics) {
      for (const { descriptor, dataPoints } of metrics) points.set(descriptor.name, dataPoints)
    }
  }
  return points
}

/** The number of values in a histogram, or the sum of a counter, over all attributes. */
export function total(points: Points, name: string): number {
  return (points.get(name) ?? []).reduce(
    (sum, { value }) => sum + (typeof value === 'number' ? value : value.count),
    0
  )
}

/** Registers an SDK for traces, and returns the spans that have ended. */
export function registerTraces(t: Test): () => ReadableSpan[] {
  const exporter = new InMemorySpanExporter()
  const provider = new BasicTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(exporter)]
  })
  trace.setGlobalTracerProvider(provider)
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  t.teardown(() => {
    trace.disable()
    context.disable()
    return provider.shutdown()
  })
  return () => exporter.getFinishedSpans()
}

// One for the process: the class of servers is patched when somebody first requires the module.
const instrumentation = new HttpInstrumentation()
createRequire(import.meta.url)('http')
instrumentation.disable()

/** Instruments the servers of this process until the test is over. */
export function instrumentHttp(t: Test): HttpInstrumentation {
  instrumentation.setTracerProvider(trace.getTracerProvider())
  instrumentation.enable()
  t.teardown(() => instrumentation.disable())
  return instrumentation
}
