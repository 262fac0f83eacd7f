/**
 * `@fastify/otel` beside the suite, with a real SDK.
 */
import { FastifyOtelInstrumentation } from '@fastify/otel'
import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor
} from '@opentelemetry/sdk-trace-base'
import holdfast from 'holdfast'
import t from 'tap'
import { quiet, service } from './service.ts'

t.test('a request has its span, a refusal too, and the line has the ids of the span', async (t) => {
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
  const { app, requests, warnings } = service(t)
  await app.register(new FastifyOtelInstrumentation().plugin())
  await app.register(holdfast, { lifecycle: quiet, rateLimit: { max: 1 }, telemetry: {} })
  app.get('/orders/:id', async ({ params }) => params)
  t.equal((await app.inject('/orders/1')).statusCode, 200)
  t.equal((await app.inject('/orders/1')).statusCode, 429)
  const spans = exporter.getFinishedSpans().filter(({ name }) => name === 'request')
  t.match(
    spans.map(({ attributes }) => attributes['http.response.status_code']),
    [200, 429]
  )
  t.match(
    spans.map(({ attributes }) => attributes['holdfast.refused_by']),
    [undefined, 'rate-limit']
  )
  t.match(
    requests(),
    spans.map((span) => ({ traceId: span.spanContext().traceId }))
  )
  t.match(
    requests().map(({ status }) => status),
    [200, 429]
  )
  t.same(warnings(), [])
})
