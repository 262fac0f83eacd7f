/**
 * Attributes on the spans of requests, with a real SDK: `edges/request-spans.ts` and
 * `span-attributes.ts`.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { FastifyOtelInstrumentation } from '@fastify/otel'
import { circuitBreaker } from '@holdfast/circuit-breaker'
import { lifecycle } from '@holdfast/lifecycle'
import { loadShedding } from '@holdfast/load-shedding'
import { rateLimit } from '@holdfast/rate-limit'
import { telemetry } from '@holdfast/telemetry'
import { SpanKind } from '@opentelemetry/api'
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { fetch } from 'undici'
import { eventually, listen, rawConnection } from '../../../test/support/http.ts'
import { spanAttributesOf } from '../dist/span-attributes.js'
import { instrumentHttp, registerTraces } from './support/sdk.ts'

type Way = '@fastify/otel' | 'instrumentation-http' | 'both'

/** An app whose requests are traced, and the spans of requests that have ended. */
async function tracedApp(
  t: Test,
  way: Way
): Promise<{ app: FastifyInstance; spans: () => ReadableSpan[]; port: number }> {
  const finished = registerTraces(t)
  if (way !== '@fastify/otel') instrumentHttp(t)
  const app = Fastify()
  t.teardown(() => app.close())
  if (way !== 'instrumentation-http') await app.register(new FastifyOtelInstrumentation().plugin())
  await app.register(telemetry)
  await app.register(lifecycle, { signals: false, drainDelay: 0 })
  await app.register(loadShedding, { maxInFlight: 1 })
  await app.register(rateLimit, { max: 1000 })
  await app.register(circuitBreaker, { threshold: 1, resetTimeout: '1s' })
  const breaker = { circuitBreaker: 'orders' }
  app.get('/limited', { config: { rateLimit: { max: 1 } } }, async () => 'ok')
  app.get<{ Querystring: { fail?: string } }>('/orders', { config: breaker }, async ({ query }) => {
    if (query.fail !== undefined) throw new Error('no')
    return 'ok'
  })
  app.get('/broken', async () => {
    throw new Error('no')
  })
  app.get('/slow', () => new Promise(() => {}))
  const name = way === 'instrumentation-http' ? 'GET' : 'request'
  const spans = (): ReadableSpan[] => finished().filter((span) => span.name === name)
  return { app, spans, port: await listen(app) }
}

for (const way of ['@fastify/otel', 'instrumentation-http', 'both'] as const) {
  t.test(`with ${way} the span of a request says who refused it and why`, async (t) => {
    const { app, spans, port } = await tracedApp(t, way)
    const ask = async (path: string): Promise<object> => {
      const before = spans().length
      await (await fetch(`http://127.0.0.1:${port}${path}`)).text()
      await eventually(() => spans().length === before + 1)
      const span = spans().at(-1)
      t.equal(span?.kind, way === 'both' ? SpanKind.INTERNAL : SpanKind.SERVER)
      return ours(span)
    }
    t.same(await ask('/limited'), {}, 'nothing for a usual request')
    t.same(await ask('/limited'), {
      'holdfast.refused_by': 'rate-limit',
      'holdfast.rate_limit.policy': 'GET /limited',
      'holdfast.rate_limit.result': 'denied'
    })
    t.same(await ask('/broken'), { 'error.type': '500' })
    t.same(await ask('/orders?fail'), { 'error.type': '500' })
    t.same(await ask('/orders'), {
      'error.type': 'circuit_open',
      'holdfast.refused_by': 'circuit-breaker',
      'holdfast.circuit_breaker.name': 'orders',
      'holdfast.circuit_breaker.state': 'open'
    })
    await eventually(() => app.circuitBreakers.get('orders')?.state === 'half-open')
    t.same(await ask('/orders'), {
      'holdfast.circuit_breaker.name': 'orders',
      'holdfast.circuit_breaker.state': 'half_open'
    })
    const leaving = await rawConnection(port)
    leaving.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n')
    await eventually(() => app.loadShedding.inFlight === 1)
    t.same(await ask('/orders'), {
      'error.type': 'shed',
      'holdfast.refused_by': 'load-shedding'
    })
    leaving.destroy()
    // With @fastify/otel a span without an answer never ends.
    if (way === 'instrumentation-http') {
      await eventually(() => spans().some((span) => ours(span)['error.type'] === 'aborted'))
    }
  })
}

t.test('a client that leaves is told to the span of @fastify/otel while it is open', async (t) => {
  const finished = registerTraces(t)
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(new FastifyOtelInstrumentation().plugin())
  await app.register(telemetry)
  let arrived = false
  app.get('/', async (_request, { raw }) => {
    arrived = true
    await once(raw, 'close')
    await new Promise(setImmediate)
    return 'too late'
  })
  const leaving = await rawConnection(await listen(app))
  leaving.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await eventually(() => arrived)
  leaving.destroy()
  await eventually(() => finished().some(({ name }) => name === 'request'))
  t.same(ours(finished().find(({ name }) => name === 'request')), { 'error.type': 'aborted' })
})

/** What we, or the conventions, say beside what the instrumentations do. */
function ours(span: ReadableSpan | undefined): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(span?.attributes ?? {}).filter(([name]) =>
      /^holdfast\.|^error\.type$/.test(name)
    )
  )
}

t.test('a span that does not record, and one that throws, harm nothing', async (t) => {
  for (const isRecording of [() => false, (): never => assert.fail('broken SDK')]) {
    let written = 0
    const span = { isRecording, setAttributes: () => written++ }
    const app = Fastify()
    app.decorateRequest('opentelemetry', (() => ({ span })) as never)
    await app.register(telemetry)
    app.get('/', async () => assert.fail('no'))
    t.equal((await app.inject('/')).statusCode, 500)
    t.equal(written, 0)
    await app.close()
  }
})

t.test('without an SDK, and with spanAttributes false nothing happens', async (t) => {
  const ask = async (options: object): Promise<number> => {
    const app = Fastify()
    await app.register(telemetry, options)
    app.get('/', async () => {
      throw new Error('no')
    })
    const { statusCode } = await app.inject('/')
    await app.close()
    return statusCode
  }
  t.equal(await ask({}), 500)
  const finished = registerTraces(t)
  t.equal(await ask({ spanAttributes: false }), 500)
  t.equal(await ask({}), 500)
  t.same(finished(), [])
})

t.test('the attributes follow from the facts', async (t) => {
  const limited = { refusedBy: 'rate-limit', rateLimit: { policy: 'p', reason: 'banned' } }
  t.match(spanAttributesOf(limited, undefined), { 'holdfast.rate_limit.result': 'banned' })
  const unanswered = { refusedBy: 'rate-limit', rateLimit: { policy: 'p', reason: 'store' } }
  t.match(spanAttributesOf(unanswered, undefined), { 'holdfast.rate_limit.result': 'unanswered' })
  t.same(spanAttributesOf({ refusedBy: 'rate-limit' }, undefined), {
    'holdfast.refused_by': 'rate-limit'
  })
  const closed = { circuitBreaker: { name: 'b', state: 'closed' } }
  t.equal(spanAttributesOf(closed, undefined), undefined)
  t.same(spanAttributesOf(closed, 'cut'), { 'error.type': 'cut' })
})
