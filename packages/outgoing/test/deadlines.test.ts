/**
 * The time that a request and its calls have, from the caller's header to the upstream's. Covers
 * `edges/incoming.ts`, `edges/request-caller.ts`, `edges/call-headers.ts` and the hooks of `plugin.ts`.
 */
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import replyFrom from '@fastify/reply-from'
import { circuitBreaker } from '@holdfast/circuit-breaker'
import { factsOf } from '@holdfast/core'
import { type OutgoingOptions, outgoing, type UpstreamOptions } from '@holdfast/outgoing'
import { rateLimit } from '@holdfast/rate-limit'
import { requestLogging } from '@holdfast/request-logging'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import t, { type Test } from 'tap'
import { eventually, listen } from '../../../test/support/http.ts'
import { serve } from './support/serve.ts'

const ENVOY = 'x-envoy-expected-rq-timeout-ms'

interface Served {
  readonly app: FastifyInstance
  /** The headers of the requests that the upstream was sent. */
  readonly received: Record<string, unknown>[]
}

/** An app that calls an upstream which tells what it was sent. */
async function calling(
  t: Test,
  options: OutgoingOptions = {},
  upstream: Partial<UpstreamOptions> = {},
  server: FastifyServerOptions = {}
): Promise<Served> {
  const received: Record<string, unknown>[] = []
  const origin = await serve(t, (request, response) => {
    received.push(request.headers)
    response.statusCode = request.url === '/fails' ? 503 : 200
    response.end('fine')
  })
  const app = Fastify(server)
  t.teardown(() => app.close())
  await app.register(outgoing, options)
  const payments = app.upstream('payments', { origin, breaker: false, ...upstream })
  app.get('/', async (request) => (await payments.for(request).fetch('/')).text())
  app.get('/fails', async (request, reply) => {
    const { status } = await payments.for(request).fetch('/fails')
    return reply.code(status).send('')
  })
  return { app, received }
}

t.test('each try tells its upstream how long the answer is waited for', async (t) => {
  const { app, received } = await calling(t)
  t.equal((await app.inject('/')).body, 'fine')
  t.equal(received[0]?.[ENVOY], '9995')

  const several = await calling(t, { deadline: { header: [ENVOY, 'Grpc-Timeout'] } })
  await several.app.inject('/')
  t.match(several.received[0], { [ENVOY]: '9995', 'grpc-timeout': '9995m' })

  const short = await calling(t, {}, { tryTimeout: '2s', deadline: { header: 'x-time' } })
  await short.app.inject('/')
  t.equal(short.received[0]?.['x-time'], '1995')
  t.notOk(ENVOY in (short.received[0] as object))

  const silent = await calling(t, { deadline: { write: false } })
  await silent.app.inject('/')
  t.notOk(ENVOY in (silent.received[0] as object))
})

t.test('a call has no more time than its request', async (t) => {
  const { app, received } = await calling(t, {}, {}, { handlerTimeout: 8000 })
  await app.inject('/')
  const told = Number(received[0]?.[ENVOY])
  t.ok(told > 0 && told <= 7995, `${told}`)
})

t.test('a trusted caller shortens the time of the calls, and nobody else', async (t) => {
  const trusting = await calling(t, { deadline: { read: true, trust: true } })
  await trusting.app.inject({ url: '/', headers: { [ENVOY]: '7000' } })
  const told = Number(trusting.received[0]?.[ENVOY])
  t.ok(told > 0 && told <= 6995, `${told}`)

  const { app, received } = await calling(t)
  const values = ['1', '-1', '1e9', 'abc']
  for (const value of values) {
    t.equal((await app.inject({ url: '/', headers: { [ENVOY]: value } })).statusCode, 200, value)
  }
  for (const value of values.slice(1)) {
    const headers = { [ENVOY]: value }
    t.equal((await trusting.app.inject({ url: '/', headers })).statusCode, 200, value)
    received.push(trusting.received.at(-1) as Record<string, unknown>)
  }
  t.strictSame(new Set(received.map((headers) => headers[ENVOY])), new Set(['9995']))
})

t.test('calls for a request that is a retry itself are not tried again', async (t) => {
  const { app, received } = await calling(t, { deadline: { trust: true } }, { retries: 2 })
  const headers = { 'x-envoy-attempt-count': '2' }
  t.equal((await app.inject({ url: '/fails', headers })).statusCode, 503)
  t.equal(received.length, 1)
  t.match(app.outgoing.snapshots(), [{ retries: { 'retried-request': 1 } }])
  t.equal((await app.inject('/fails')).statusCode, 503)
  t.equal(received.length, 4)
  t.strictSame(
    received.map((headers) => headers['x-envoy-attempt-count']),
    [undefined, undefined, '2', '3']
  )
})

/** An upstream that never answers, and the number of the requests that it was left with. */
async function silentUpstream(t: Test): Promise<{ origin: string; left: () => number }> {
  let left = 0
  const origin = await serve(t, (_request, response) => {
    response.on('close', () => left++)
  })
  return { origin, left: () => left }
}

t.test('a call is given up when the time of its request is over, and never earlier', async (t) => {
  const { origin, left } = await silentUpstream(t)
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(outgoing, { deadline: { read: true, trust: true } })
  const payments = app.upstream('payments', { origin, breaker: false })
  const times: number[] = []
  app.get('/', async (request) => {
    try {
      await payments.for(request).fetch('/')
    } finally {
      times.push(performance.now() - factsOf(request).startedAt)
    }
  })
  const answer = await app.inject({ url: '/', headers: { [ENVOY]: '900' } })
  t.equal(answer.statusCode, 504)
  t.match(answer.json(), {
    code: 'HOLDFAST_ERR_OUTGOING_DEADLINE',
    message: /"payments".*the request that it is made for has no time left/
  })
  t.ok((times[0] as number) >= 900, `${times[0]} ms`)
  await eventually(() => left() === 1)
  t.match(app.outgoing.snapshots(), [{ tries: 1, outcomes: { excluded: 1 }, inFlight: 0 }])
})

t.test('a call for a request without time left is not made', async (t) => {
  const { app, received } = await calling(t)
  const payments = app.upstream('payments')
  app.get('/late', async (request) => {
    factsOf(request).deadline = performance.now() - 1
    return payments.for(request).fetch('/')
  })
  const answer = await app.inject('/late')
  t.equal(answer.statusCode, 504)
  t.equal(answer.json().code, 'HOLDFAST_ERR_OUTGOING_DEADLINE')
  t.equal(received.length, 0)
})

t.test('a client that leaves ends the calls that are made for it', async (t) => {
  const { origin, left } = await silentUpstream(t)
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(outgoing, {})
  const payments = app.upstream('payments', { origin, breaker: false })
  const errors: unknown[] = []
  app.get('/', async (request) => {
    for (let call = 0; call < 2; call++) {
      await payments
        .for(request)
        .fetch('/')
        .catch((error) => errors.push(error.code))
    }
  })
  const port = await listen(app)
  const client = httpRequest({ port, path: '/' }).end()
  client.on('error', () => {})
  await eventually(() => app.outgoing.snapshots()[0]?.inFlight === 1)
  client.destroy()
  await eventually(() => errors.length === 2)
  t.strictSame(errors, ['HOLDFAST_ERR_OUTGOING_CLIENT_LEFT', 'HOLDFAST_ERR_OUTGOING_CLIENT_LEFT'])
  await eventually(() => left() === 1)
  t.match(app.outgoing.snapshots(), [{ tries: 1, outcomes: { excluded: 1 } }])
})

/** Keeps the lines of requests. */
function streamTo(lines: Record<string, unknown>[]): { write(text: string): void } {
  return {
    write: (text) => {
      const line = JSON.parse(text)
      if (line.outcome !== undefined) lines.push(line)
    }
  }
}

t.test('a request whose time is over is refused before limits and breakers count it', async (t) => {
  const lines: Record<string, unknown>[] = []
  const app = Fastify({ logger: { stream: streamTo(lines) } })
  t.teardown(() => app.close())
  await app.register(requestLogging, {})
  app.addHook('onRequest', async (request) => {
    const { deadline } = factsOf(request)
    // A look at who it is, that takes longer than the caller waits.
    if (deadline !== undefined) await eventually(() => performance.now() > deadline)
  })
  await app.register(outgoing, { deadline: { read: true, trust: true } })
  await app.register(rateLimit, { max: 2, timeWindow: '1 hour' })
  await app.register(circuitBreaker, { threshold: 1 })
  app.get('/', { config: { circuitBreaker: 'payments' } }, async () => 'done')
  const answers = []
  for (let time = 0; time < 3; time++) {
    answers.push(await app.inject({ url: '/', headers: { [ENVOY]: '1' } }))
  }
  for (const answer of answers) {
    t.equal(answer.statusCode, 503)
    t.equal(answer.json().code, 'HOLDFAST_ERR_OUTGOING_EXPIRED')
  }
  t.equal((await app.inject('/')).statusCode, 200)
  t.equal((await app.inject('/')).statusCode, 200)
  t.equal((await app.inject('/')).statusCode, 429)
  t.match(app.circuitBreaker('payments').snapshot(), { state: 'closed', failures: 0 })
  await eventually(() => lines.length === 6)
  t.match(lines[0], { outcome: 'refused', refusedBy: 'outgoing', status: 503 })
  t.notOk('upstreamName' in (lines[0] as object))
})

t.test('a request whose time went by with its body does not reach its handler', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(outgoing, { deadline: { read: true, trust: true } })
  await app.register(circuitBreaker, { threshold: 1 })
  let handled = 0
  app.post('/', { config: { circuitBreaker: 'payments' } }, async () => {
    handled++
    return 'done'
  })
  const port = await listen(app)
  const headers = { [ENVOY]: '30', 'content-type': 'text/plain', 'content-length': '4' }
  const request = httpRequest({ port, method: 'POST', path: '/', headers })
  request.write('ab')
  const begun = performance.now()
  await eventually(() => performance.now() - begun > 60)
  request.end('cd')
  const [response] = await once(request, 'response')
  response.resume()
  t.equal(response.statusCode, 503)
  t.equal(response.headers['cache-control'], 'no-store')
  t.equal(handled, 0)
  t.match(app.circuitBreaker('payments').snapshot(), { state: 'closed', failures: 0 })
})

t.test('the line of a handler that took too long says which upstream cost the time', async (t) => {
  const { origin } = await silentUpstream(t)
  const fast = await serve(t, (_request, response) => response.end('fine'))
  const lines: Record<string, unknown>[] = []
  const app = Fastify({ logger: { stream: streamTo(lines) }, handlerTimeout: 300 })
  t.teardown(() => app.close())
  await app.register(requestLogging, {})
  await app.register(outgoing, {})
  const stock = app.upstream('stock', { origin: fast, breaker: false })
  const payments = app.upstream('payments', { origin, breaker: false })
  app.get('/orders', async (request) => {
    await (await stock.for(request).fetch('/')).text()
    const paid = await payments.for(request).fetch('/')
    return paid.text()
  })
  // Fastify and the call have the same time: either may be the first to give up.
  const { statusCode } = await app.inject('/orders')
  t.ok([503, 504].includes(statusCode), `${statusCode}`)
  await eventually(() => lines.length > 0)
  const line = lines[0] as Record<string, number>
  t.match(line, { status: statusCode, upstreamName: 'payments', upstreamCalls: 2 })
  t.notOk('upstreamTries' in line)
  t.ok((line['upstreamTime'] as number) > (line['duration'] as number) / 2)
})

t.test('a proxy hands on what is left of a time, not what a client claims', async (t) => {
  for (const [trust, told] of [
    [false, /^9995$/],
    [true, /^[1-6]\d{3}$/]
  ] as const) {
    const { app, received } = await calling(t, { deadline: { read: trust, trust } })
    await app.register(replyFrom, app.outgoing.replyFrom)
    const options = app.upstream('payments').replyOptions()
    app.get('/proxied', (_request, reply) => reply.from('/', options))
    const headers = { [ENVOY]: '6000', 'x-envoy-attempt-count': '2' }
    t.equal((await app.inject({ url: '/proxied', headers })).body, 'fine')
    t.match(received[0]?.[ENVOY], told)
    t.notOk('x-envoy-attempt-count' in (received[0] as object))
  }
})
