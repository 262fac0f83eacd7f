/**
 * The plugin with version 3 of the SDK and the API that belongs to it, and with a copy of the API that is
 * newer than the one that an SDK was registered through. Writes what came of it, a line each.
 *
 *     node test/open-telemetry-3/pair.js
 */
import { cp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { FastifyOtelInstrumentation } from '@fastify/otel'
import { rateLimit } from '@holdfast/rate-limit'
import { context, metrics, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader
} from '@opentelemetry/sdk-metrics'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import Fastify from 'fastify'

const require = createRequire(import.meta.url)
const telemetry = await installedHere()

const spans = new InMemorySpanExporter()
const tracing = new TracerProvider({
  spanProcessors: [new SimpleSpanProcessor({ exporter: spans })]
})
trace.setGlobalTracerProvider(tracing)
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
const metering = new MeterProvider({ readers: [reader] })
metrics.setGlobalMeterProvider(metering)

await tell('@fastify/otel', (app) => app.register(new FastifyOtelInstrumentation().plugin()))
const instrumentation = new HttpInstrumentation()
require('node:http')
await tell('instrumentation-http', () => {})
instrumentation.disable()
await tellOfNewerCopy()

/**
 * Registers what traces requests, makes two requests of which one is refused, and tells.
 *
 * @param {string} name
 * @param {(app: import('fastify').FastifyInstance) => unknown} trace
 */
async function tell(name, trace) {
  exporter.reset()
  spans.reset()
  const { app, warnings } = appWithLog()
  await trace(app)
  await app.register(telemetry)
  await app.register(rateLimit, { max: 1 })
  app.get('/', async () => 'ok')
  await app.listen({ host: '127.0.0.1', port: 0 })
  const url = app.listeningOrigin
  for (let request = 0; request < 2; request++) await (await fetch(url)).text()
  await tracing.forceFlush()
  await reader.forceFlush()
  const counts = countsOf(exporter.getMetrics())
  await app.close()
  const attributes = spans
    .getFinishedSpans()
    .flatMap((span) => Object.entries(span.attributes))
    .filter(([key]) => key.startsWith('holdfast.'))
  const { version } = Reflect.get(globalThis, Symbol.for('opentelemetry.js.api.1'))
  write({ name, version, counts, attributes: Object.fromEntries(attributes), warnings })
}

/** The same plugin, where the SDK was registered through an older copy of the API. */
async function tellOfNewerCopy() {
  Reflect.deleteProperty(globalThis, Symbol.for('opentelemetry.js.api.1'))
  const older = createRequire(require.resolve('../../packages/telemetry/package.json'))
  const { metrics } = older('@opentelemetry/api')
  const { MeterProvider } = older('@opentelemetry/sdk-metrics')
  metrics.setGlobalMeterProvider(new MeterProvider())
  const { app, warnings } = appWithLog()
  await app.register(telemetry)
  const { statusCode } = await app.inject('/metrics')
  await app.close()
  write({ name: 'newer copy', statusCode, warnings })
}

/**
 * The plugin as it is when installed beside this SDK. In the workspace it would find the API among the
 * packages that it is developed with.
 */
async function installedHere() {
  const built = fileURLToPath(new URL('../../packages/telemetry/', import.meta.url))
  const place = new URL('./node_modules/.cache/telemetry/', import.meta.url)
  const folder = fileURLToPath(place)
  await rm(folder, { recursive: true, force: true })
  await cp(`${built}dist`, `${folder}dist`, { recursive: true })
  await cp(`${built}package.json`, `${folder}package.json`)
  const { telemetry } = await import(new URL('dist/index.js', pathToFileURL(folder)).href)
  return telemetry
}

function appWithLog() {
  /** @type {string[]} */
  const warnings = []
  /** @param {string} line */
  const write = (line) => void warnings.push(JSON.parse(line).msg)
  return { app: Fastify({ logger: { level: 'warn', stream: { write } } }), warnings }
}

/**
 * What some metrics of ours count since the process began, all attributes together.
 *
 * @param {import('@opentelemetry/sdk-metrics').ResourceMetrics[]} exported
 */
function countsOf(exported) {
  const names = [
    'http.server.request.duration',
    'holdfast.rate_limit.requests',
    'holdfast.refusals'
  ]
  const scopes = exported.at(-1)?.scopeMetrics ?? []
  const ours = scopes.find(({ scope }) => scope.name === '@holdfast/telemetry')?.metrics ?? []
  return Object.fromEntries(
    names.map((name) => [
      name,
      ours
        .filter(({ descriptor }) => descriptor.name === name)
        .flatMap(({ dataPoints }) => dataPoints.map(({ value }) => sizeOf(value)))
        .reduce((sum, size) => sum + size, 0)
    ])
  )
}

/** @param {object} result */
function write(result) {
  process.stdout.write(`${JSON.stringify(result)}\n`)
}

/** @param {unknown} value A number, or a histogram. */
function sizeOf(value) {
  if (typeof value === 'number') return value
  return /** @type {{ count: number }} */ (value).count
}
