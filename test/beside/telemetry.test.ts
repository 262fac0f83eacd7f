/**
 * `@fastify/otel` beside the suite, with a real SDK.
 */
import { FastifyOtelInstrumentation } from '@fastify/otel'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor
} from '@opentelemetry/sdk-trace-base'
import holdfast from 'holdfast'
import t from 'tap'
import { quiet, service } from './service.ts'

t.test('requests have their spans, refusals too', async (t) => {
  const exporter = new InMemorySpanExporter()
  const provider = new BasicTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(exporter)]
  })
  t.teardown(() => provider.shutdown())
  const otel = new FastifyOtelInstrumentation()
  otel.setTracerProvider(provider)
  const { app, requests } = service(t)
  await app.register(otel.plugin())
  await app.register(holdfast, { lifecycle: quiet, rateLimit: { max: 1 } })
  app.get('/orders/:id', async ({ params }) => params)
  t.equal((await app.inject('/orders/1')).statusCode, 200)
  t.equal((await app.inject('/orders/1')).statusCode, 429)
  const whole = exporter.getFinishedSpans().filter(({ name }) => name === 'request')
  t.match(
    whole.map(({ attributes }) => attributes['http.response.status_code']),
    [200, 429]
  )
  t.match(
    requests().map(({ status }) => status),
    [200, 429]
  )
})
