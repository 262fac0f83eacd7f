/**
 * The plugin in an app, asked as Prometheus asks. Covers `plugin.ts`, `options.ts`, `state.ts`, and of
 * `edges/`: `metrics-text.ts`, `request-listener.ts`, `client-durations.ts`, `runtime.ts`.
 */
import { once } from 'node:events'
import { createServer, get, ServerResponse } from 'node:http'
import { connect } from 'node:http2'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import { circuitBreaker } from '@holdfast/circuit-breaker'
import { statesOf } from '@holdfast/core'
import { lifecycle } from '@holdfast/lifecycle'
import { outgoing } from '@holdfast/outgoing'
import { rateLimit } from '@holdfast/rate-limit'
import plugin, { type TelemetryOptions, telemetry } from '@holdfast/telemetry'
import fc from 'fast-check'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { eventually, freePort, head, listen, rawConnection } from '../../../test/support/http.ts'

const OPENMETRICS = 'application/openmetrics-text;version=1.0.0'
const DURATION = 'http_server_request_duration_seconds_count'

async function appWith(t: Test, options?: TelemetryOptions): Promise<FastifyInstance> {
  const app = Fastify({ forceCloseConnections: true })
  t.teardown(() => app.close())
  await app.register(telemetry, options ?? {})
  app.get('/', async () => 'ok')
  return app
}

/** The samples of a metric whose labels hold each of the texts, added up. */
function total(text: string, name: string, ...labels: readonly string[]): number {
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => labels.every((label) => line.includes(label)))
    .reduce((sum, line) => sum + Number(line.split(/[ ](?=[^ ]*$)/)[1]), 0)
}

/** The text as it is now: the app gives one of the last second. */
async function fresh(app: FastifyInstance): Promise<string> {
  await new Promise((resolve) => setTimeout(resolve, 1050))
  return app.telemetry.text()
}

async function fetchText(port: number, accept = '*/*'): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { accept } })
  return answer.text()
}

t.test('nothing needs to be set: the app answers at /metrics', async (t) => {
  t.equal(plugin, telemetry)
  const app = await appWith(t)
  await app.inject('/')
  const { statusCode, headers, body } = await app.inject('/metrics')
  t.equal(statusCode, 200)
  t.match(headers, {
    'content-type': app.telemetry.contentType,
    'cache-control': 'no-store',
    vary: 'accept'
  })
  t.equal(total(body, DURATION, 'http_route="/"', 'http_response_status_code="200"'), 1)
  t.ok(total(body, 'process_cpu_time_seconds_total') > 0)
  t.ok(total(body, 'nodejs_eventloop_time_seconds_total') > 0)
  t.match(body, 'nodejs_eventloop_delay_max_seconds ')
  const open = await app.inject({ url: '/metrics', headers: { accept: OPENMETRICS } })
  t.match(open.headers['content-type'], 'application/openmetrics-text; version=1.0.0')
  t.ok(open.body.endsWith('# EOF\n'))
  t.equal(app.telemetry.text(OPENMETRICS), open.body)
  t.equal((await app.inject({ url: '/metrics', method: 'HEAD' })).body, '')
})

t.test('the text is made at most once a second, however often it is asked for', async (t) => {
  const app = await appWith(t)
  await app.ready()
  const before = app.telemetry.text()
  await app.inject('/')
  t.equal(app.telemetry.text(), before)
  const texts = await Promise.all(Array.from({ length: 500 }, () => app.inject('/metrics')))
  t.ok(texts.every(({ body }) => body === before))
  t.equal(total(await fresh(app), DURATION), 1, 'scrapes are no requests')
})

t.test('a hook says who may read them', async (t) => {
  const app = await appWith(t, {
    metrics: {
      path: '/internal/metrics',
      onRequest: (request, reply, done) => {
        if (request.headers.authorization === 'let me in') done()
        else reply.code(401).send('no')
      }
    }
  })
  t.equal((await app.inject('/internal/metrics')).statusCode, 401)
  const headers = { authorization: 'let me in' }
  t.match((await app.inject({ url: '/internal/metrics', headers })).body, '# HELP')
  t.equal((await app.inject('/metrics')).statusCode, 404)
})

t.test(
  'a server with TLS is one of https, and a route without a path has the usual one',
  async (t) => {
    const app = Fastify({ https: {} })
    t.teardown(() => app.close())
    await app.register(telemetry, { metrics: {} })
    app.get('/', async () => 'ok')
    await app.inject('/')
    const { body } = await app.inject('/metrics')
    t.equal(total(body, DURATION, 'url_scheme="https"'), 1)
  }
)

t.test('scrapes are not limited', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(telemetry)
  await app.register(rateLimit, { max: 1 })
  for (let count = 0; count < 3; count++) {
    t.equal((await app.inject('/metrics')).statusCode, 200)
  }
})

t.test('routes and probes are measured as they say', async (t) => {
  const app = await appWith(t)
  const measured = await appWith(t, { probes: true, runtime: false, metrics: false })
  for (const one of [app, measured]) {
    one.get('/probe', { config: { holdfast: { probe: true } } }, async () => 'ok')
    one.get('/stream', { config: { telemetry: { duration: false } } }, async () => 'ok')
    one.get('/left', { config: { telemetry: false } }, async () => 'ok')
    one.get('/told', { config: { telemetry: {} } }, async () => 'ok')
    for (const url of ['/probe', '/stream', '/left', '/told']) await one.inject(url)
  }
  const routes = (text: string) =>
    [...text.matchAll(/_count\{.*http_route="([^"]*)"/g)].map(([, route]) => route)
  t.strictSame(routes(app.telemetry.text()), ['/told'])
  t.strictSame(routes(measured.telemetry.text()), ['/probe', '/told'])
  t.notMatch(measured.telemetry.text(), 'nodejs_')
  t.equal((await measured.inject('/metrics')).statusCode, 404)
  t.match(statesOf(app, '@holdfast/telemetry'), [{ state: { requests: { ok: 4 } } }])
})

t.test('examples are of sampled traces only', async (t) => {
  const app = await appWith(t)
  const without = await appWith(t, { exemplars: false })
  const [sampled, unsampled] = ['a'.repeat(32), 'b'.repeat(32)]
  for (const one of [app, without]) {
    const ask = (traceparent: string) => one.inject({ url: '/', headers: { traceparent } })
    await ask(`00-${sampled}-${'1'.repeat(16)}-01`)
    await ask(`00-${unsampled}-${'1'.repeat(16)}-00`)
  }
  t.match(app.telemetry.text(OPENMETRICS), ` # {trace_id="${sampled}"} `)
  t.notMatch(app.telemetry.text(OPENMETRICS), unsampled)
  t.notMatch(without.telemetry.text(OPENMETRICS), 'trace_id')
})

t.test('over HTTP/2 each request is counted, those that were aborted too', async (t) => {
  const app = Fastify({ http2: true })
  t.teardown(() => app.close())
  await app.register(telemetry, { metrics: false })
  app.get('/', async () => 'ok')
  let isHeld = false
  app.get('/hold', () => {
    isHeld = true
    return new Promise(() => {})
  })
  const session = connect(`http://127.0.0.1:${await listen(app as never)}`)
  t.teardown(() => session.destroy())
  const ask = async (path: string) => {
    const stream = session.request({ ':path': path }).resume()
    await once(stream, 'close')
  }
  for (let count = 0; count < 50; count++) await ask('/')
  await ask('/nowhere')
  const aborted = session.request({ ':path': '/hold' })
  aborted.on('error', () => {})
  await eventually(() => isHeld)
  aborted.close(8)
  const state = () => statesOf(app, '@holdfast/telemetry')[0]?.state.requests
  await eventually(() => state()?.aborted === 1)
  t.match(state(), { ok: 50, 'client-error': 1, aborted: 1 })
  const text = app.telemetry.text()
  t.equal(total(text, DURATION, 'network_protocol_version="2"'), 52)
  t.equal(total(text, DURATION, 'error_type="aborted"'), 1)
})

t.test('requests that come while the service closes are refusals', async (t) => {
  const app = await appWith(t)
  app.get('/hold', () => new Promise((resolve) => setTimeout(resolve, 300, 'held')))
  const port = await listen(app)
  const [first, second] = [await rawConnection(port), await rawConnection(port)]
  first.write(head('GET /hold'))
  second.write(head('GET /'))
  await second.until(/ok$/)
  app.server.closeIdleConnections = () => {}
  app.server.closeAllConnections = () => {}
  const closed = app.close()
  await new Promise((resolve) => setTimeout(resolve, 50))
  second.write(head('GET /'))
  await second.until(/503/)
  const state = statesOf(app, '@holdfast/telemetry')[0]?.state
  t.match(state, {
    requests: { refused: 1 },
    refusals: [{ refusedBy: 'lifecycle', reason: 'draining', count: 1 }]
  })
  t.match(app.telemetry.text(), 'error_type="draining"')
  first.destroy()
  second.destroy()
  await closed
})

t.test('upgrades and what is not HTTP are counted and not measured', async (t) => {
  const app = await appWith(t)
  app.server.on('upgrade', (request, socket) => {
    if (request.url !== '/routed') return socket.end('HTTP/1.1 101 OK\r\n\r\n')
    // As @fastify/websocket does it.
    const response = new ServerResponse(request)
    response.assignSocket(socket as Socket)
    app.routing(request, response)
  })
  app.get('/routed', (_request, reply) => {
    reply.hijack()
    reply.raw.end()
  })
  const port = await listen(app)
  const routed = await rawConnection(port)
  routed.write(head('GET /routed', { connection: 'upgrade', upgrade: 'x' }))
  await routed.until(/200 OK/)
  routed.destroy()
  const upgrade = await rawConnection(port)
  upgrade.write(head('GET /', { connection: 'upgrade', upgrade: 'x' }))
  await upgrade.ended()
  const nonsense = await rawConnection(port)
  nonsense.write('nonsense\r\n\r\n')
  await nonsense.ended()
  const state = () => statesOf(app, '@holdfast/telemetry')[0]?.state.requests
  await eventually(() => state()?.hijacked === 2 && state()?.malformed === 1)
  t.equal(total(app.telemetry.text(), DURATION), 0)
  t.equal(total(app.telemetry.text(), 'holdfast_malformed_requests_total'), 1)
})

t.test('a listener of its own answers through the whole shutdown, to its end', async (t) => {
  const port = await freePort()
  const app = Fastify()
  await app.register(telemetry, { listen: { port } })
  await app.register(lifecycle, { signals: false, exit: false, drainDelay: '1s' })
  let last = ''
  let atTheEnd: Promise<string> | undefined
  app.addHook('onClose', async () => {
    atTheEnd = fetchText(port)
    last = await atTheEnd
  })
  await listen(app)
  t.equal((await app.inject('/metrics')).statusCode, 404, 'none on the app then')
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`, {
    headers: { accept: OPENMETRICS }
  })
  t.match(answer.headers.get('content-type'), 'openmetrics')
  t.match(await answer.text(), /# EOF\n$/)
  const probe = await fetch(`http://127.0.0.1:${port}/metrics`, { method: 'HEAD' })
  t.equal(await probe.text(), '')
  t.ok(Number(probe.headers.get('content-length')) > 100)
  const closed = app.lifecycle.shutdown('a test')
  await eventually(() => app.lifecycle.snapshot().phase === 'draining')
  t.match(await fetchText(port), 'holdfast_lifecycle_status')
  await closed
  t.match(last, '# HELP')
  await t.rejects(fetchText(port), 'nothing listens any more')
})

t.test('a scrape of the app works during drainDelay', async (t) => {
  const app = Fastify()
  await app.register(telemetry)
  await app.register(lifecycle, { signals: false, exit: false, drainDelay: '1s' })
  const port = await listen(app)
  const closed = app.lifecycle.shutdown('a test')
  await eventually(() => app.lifecycle.snapshot().phase === 'draining')
  const text = await fetchText(port)
  t.equal(total(text, 'holdfast_lifecycle_status', 'state="draining"'), 1)
  await closed
})

t.test('a port that is taken stops the boot', async (t) => {
  const other = createTcpServer().listen(0, '127.0.0.1')
  t.teardown(() => other.close())
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const app = Fastify()
  t.teardown(() => app.close().catch(() => {}))
  await app.register(telemetry, { listen: { port } })
  await t.rejects(async () => app.ready(), {
    code: 'HOLDFAST_ERR_ADMIN_PORT_TAKEN',
    message: /telemetry\.listen/
  })
})

t.test('outgoing calls are measured by upstream, those of this app alone', async (t) => {
  const server = createServer((request, response) => {
    response.statusCode = request.url === '/broken' ? 500 : 200
    response.end('ok')
  }).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const app = await appWith(t)
  const other = await appWith(t)
  for (const one of [app, other]) await one.register(outgoing, { retries: 0 })
  const origin = `http://127.0.0.1:${port}`
  const bank = app.upstream('bank', { origin, breaker: false })
  const shop = other.upstream('shop', { origin, breaker: false })
  for (const path of ['/', '/', '/broken']) await (await bank.fetch(path)).text()
  await (await shop.fetch('/')).text()
  const name = 'http_client_request_duration_seconds_count'
  const text = app.telemetry.text()
  t.equal(total(text, name, 'upstream="bank"', 'status_code="200"', `server_port="${port}"`), 2)
  t.equal(total(text, name, 'error_type="500"'), 1)
  t.notMatch(text, 'shop')
  t.equal(total(other.telemetry.text(), name), 1)
  const { upstreams } = statesOf(app, '@holdfast/telemetry')[0]?.state ?? {}
  t.equal(
    upstreams?.['bank']?.counts.reduce((sum, count) => sum + count, 0),
    3
  )
  t.equal(total(text, 'holdfast_outgoing_calls_total', 'upstream="bank"'), 3)
})

t.test('a hundred thousand names make no more series than there may be', async (t) => {
  const app = await appWith(t, { maxSeries: 100 })
  await app.register(circuitBreaker)
  await app.ready()
  const names = fc.sample(fc.string({ minLength: 1, maxLength: 12 }), 2000)
  const methods = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH'] as const
  const seriesAfter = async (from: number, to: number): Promise<number> => {
    for (let index = from; index < to; index++) {
      const name = `${names[index % names.length]}-${index}`
      app.circuitBreaker(name.replace(/\s/g, '_'))
      if (index % 20 === 0) {
        const url = `/${encodeURIComponent(name.replace(/[\ud800-\udfff]/g, '_'))}`
        await app.inject({ method: methods[index % 5] ?? 'GET', url, headers: { 'x-key': name } })
      }
    }
    const text = await fresh(app)
    t.ok(total(text, DURATION) >= Math.floor(to / 20))
    const breakers = new Set(
      [
        ...text.matchAll(
          /holdfast_circuit_breaker_calls_total\{holdfast_circuit_breaker_name="((?:[^"\\]|\\.)*)"/g
        )
      ].map(([, name]) => name)
    )
    t.ok(breakers.size <= 201, `${breakers.size} names of breakers`)
    t.ok(breakers.has('__overflow__'))
    return text.split('\n').filter((line) => !line.startsWith('#')).length
  }
  const early = await seriesAfter(0, 10_000)
  // The first names of breakers were those of breakers that are gone by then.
  t.ok((await seriesAfter(10_000, 100_000)) <= early)
})

t.test('more series than there may be are one more', async (t) => {
  const app = await appWith(t, { maxSeries: 2 })
  for (const route of ['a', 'b', 'c', 'd']) app.get(`/${route}`, async () => 'ok')
  for (const route of ['a', 'b', 'c', 'd', 'a']) await app.inject(`/${route}`)
  const text = app.telemetry.text()
  t.equal(total(text, DURATION), 5)
  t.equal(total(text, DURATION, 'otel_metric_overflow="true"'), 2)
})

t.test('what cannot be right stops the boot with a sentence', async (t) => {
  const wrong: [object, RegExp][] = [
    [{ metrics: 'metrics' }, /telemetry\.metrics" must be a path/],
    [{ metrics: true }, /telemetry\.metrics/],
    [{ metrics: { path: 1 } }, /telemetry\.metrics/],
    [{ metrics: { onRequest: 'me' } }, /telemetry\.metrics/],
    [{ listen: 9464 }, /telemetry\.listen/],
    [{ listen: { port: -1 } }, /telemetry\.listen\.port.*-1/],
    [{ listen: { host: '' } }, /telemetry\.listen\.host/],
    [{ listen: { hosts: 'a' } }, /telemetry\.listen\.hosts/],
    [{ maxSeries: 0 }, /telemetry\.maxSeries.*0/],
    [{ probes: 'yes' }, /telemetry\.probes/],
    [{ runtime: 1 }, /telemetry\.runtime/],
    [{ exemplars: null }, /telemetry\.exemplars/],
    [{ openTelemetry: true }, /telemetry\.openTelemetry/],
    [{ openTelemetry: { meter: {} } }, /telemetry\.openTelemetry/],
    [{ spanAttributes: 'no' }, /telemetry\.spanAttributes/],
    [{ defaultMetrics: true }, /defaultMetrics/]
  ]
  for (const [options, message] of wrong) {
    const app = Fastify()
    await t.rejects(
      async () => app.register(telemetry, options),
      { message },
      JSON.stringify(options)
    )
    await app.close()
  }
  for (const config of [
    { telemetry: true },
    { telemetry: { duration: 1 } },
    { telemetri: false }
  ]) {
    const app = await appWith(t)
    t.throws(() => app.get('/x', { config: config as object }, async () => 'ok'), /telemetry/)
  }
  const app = await appWith(t)
  await t.rejects(async () => app.register(telemetry), { code: /TWICE/ })
})

t.test('a client that leaves in the middle of a scrape harms nobody', async (t) => {
  const app = await appWith(t, { listen: { port: await freePort() }, metrics: '/metrics' })
  const port = await listen(app)
  const leaving = get(`http://127.0.0.1:${port}/metrics`)
  leaving.on('error', () => {})
  leaving.once('socket', () => leaving.destroy())
  await new Promise((resolve) => leaving.once('close', resolve))
  t.match(await fetchText(port), '# HELP')
})
