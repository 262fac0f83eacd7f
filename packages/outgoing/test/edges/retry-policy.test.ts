/**
 * undici's own retries, by our rules, and what happens to answers that nobody reads. Covers
 * `edges/interceptor.ts` and `edges/dispatch-handlers.ts`, too.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { CircuitBreaker } from '@holdfast/circuit-breaker'
import t from 'tap'
import { Agent, interceptors, RetryAgent, request } from 'undici'
import { Agent as Agent6, interceptors as interceptors6, request as request6 } from 'undici-6'
import { NOBODY } from '../../dist/caller.js'
import {
  type FirstHandler,
  guardedHandler,
  type SecondHandler
} from '../../dist/edges/dispatch-handlers.js'
import { guardedDispatch } from '../../dist/edges/interceptor.js'
import { Target } from '../../dist/edges/target.js'
import { resolveOutgoingOptions, resolveUpstreamOptions } from '../../dist/options.js'
import { listen, listenUntilOver, serve } from '../support/serve.ts'
import { payments } from '../support/upstream.ts'

// The timers of calls keep no process alive, and here nothing else may.
const alive = setInterval(() => {}, 60_000)
t.teardown(() => clearInterval(alive))

t.test('undici tries again by our rules, and tells the upstream which try it is', async (t) => {
  for (const version of ['6', '7'] as const) {
    const attempts: unknown[] = []
    const origin = await serve(t, (incoming, response) => {
      attempts.push(incoming.headers['x-envoy-attempt-count'])
      response.statusCode = attempts.length < 3 ? 503 : 200
      response.end('ok')
    })
    const { upstream } = await payments(t, { origin })
    const retry = { retry: upstream.retryPolicy }
    if (version === '6') {
      const agent = new Agent6().compose(upstream.interceptor, interceptors6.retry(retry))
      const { statusCode, body } = await request6(origin, { dispatcher: agent })
      t.equal(`${statusCode} ${await body.text()}`, '200 ok')
    } else {
      const agent = new Agent().compose(upstream.interceptor, interceptors.retry(retry))
      const { statusCode, body } = await request(origin, { dispatcher: agent })
      t.equal(`${statusCode} ${await body.text()}`, '200 ok')
    }
    t.strictSame(attempts, [undefined, '2', '3'], `undici ${version}`)
    t.match(upstream.snapshot(), { calls: 1, tries: 3, retries: { scheduled: 2 } })
  }
})

t.test('a RetryAgent around a guarded agent obeys the rules, too', async (t) => {
  let hits = 0
  const origin = await serve(t, (incoming, response) => {
    hits++
    if (incoming.url === '/reset') incoming.socket.destroy()
    else response.writeHead(503, { 'retry-after': '60' }).end()
  })
  const { upstream } = await payments(t, { origin })
  const inner = new Agent().compose(upstream.interceptor)
  const agent = new RetryAgent(inner, { retry: upstream.retryPolicy })
  const ask = (path: string, method: 'GET' | 'POST'): Promise<unknown> =>
    request(origin + path, { dispatcher: agent, method })
  await t.rejects(ask('/', 'GET'), { code: 'UND_ERR_REQ_RETRY' })
  t.match(upstream.snapshot(), { tries: 1, retries: { 'retry-after': 1 } })
  await t.rejects(ask('/reset', 'POST'), { code: 'UND_ERR_SOCKET' })
  t.match(upstream.snapshot(), { tries: 2, retries: { method: 1 } })
  await t.rejects(ask('/reset', 'GET'), { code: 'UND_ERR_SOCKET' })
  t.equal(hits, 5)
  t.match(upstream.snapshot(), { calls: 3, tries: 5, retries: { scheduled: 2 } })
})

t.test('what undici tells without a request is not tried again', async (t) => {
  const { upstream } = await payments(t, { origin: 'http://payments.test' })
  const error = new Error('of nobody')
  const told: unknown[] = []
  upstream.retryPolicy(error, { opts: {} }, (given) => told.push(given))
  upstream.retryPolicy(error, { opts: { retryOptions: {} } }, (given) => told.push(given))
  t.strictSame(told, [error, error])
})

t.test('what undici tells without a method is tried again as a GET', async (t) => {
  const { upstream } = await payments(t, { origin: 'http://payments.test' })
  const error = Object.assign(new Error('busy'), { statusCode: 503 })
  const told = await new Promise((done) => {
    upstream.retryPolicy(error, { opts: { retryOptions: {} } }, done)
  })
  t.equal(told, null)
})

t.test('a request that undici does not take says nothing about the upstream', async (t) => {
  const { upstream } = await payments(t, { origin: 'http://payments.test' })
  const options = { origin: 'http://payments.test', path: '/', method: 'GET' } as const
  const refuse = upstream.interceptor((_options: typeof options, _handler: object) => {
    throw new Error('not taken')
  })
  t.throws(() => refuse(options, {}), { message: 'not taken' })
  t.match(upstream.snapshot(), { tries: 1, outcomes: { excluded: 1 }, inFlight: 0 })
})

t.test(
  'a body that is not read counts as an answer, and ends with the time of its call',
  async (t) => {
    const given = { origin: 'http://payments.test', breaker: false }
    const rules = resolveUpstreamOptions(resolveOutgoingOptions({}).calls, 'payments', given)
    const target = new Target('payments', rules, new CircuitBreaker(), 20)
    const now = performance.now()
    const plan = { method: 'GET', number: 1, isHedge: false, due: now + 200, boundsBody: true }
    const attempt = target.begin(NOBODY, plan, now)
    attempt.head(200)
    while (attempt.outcome === undefined) await new Promise((next) => setTimeout(next, 5))
    t.equal(attempt.outcome, 'success')
    t.equal(attempt.isOver, false)
    while (!attempt.isOver) await new Promise((next) => setTimeout(next, 5))
    t.match(attempt.stopped, { reason: 'timeout' })
  }
)

t.test('what comes after the end of a try changes nothing', async (t) => {
  const target = freeTarget()
  const attempt = target.beginAlone(NOBODY, 'GET')
  attempt.fail({ code: 'UND_ERR_INVALID_ARG' }, false)
  attempt.head(200)
  attempt.end()
  attempt.stop('closed', new Error('late'))
  t.match(attempt, { outcome: 'excluded', status: undefined, stopped: undefined })
  t.match(target, { inFlight: 0, counts: { outcomes: { excluded: 1, success: 0 } } })
})

t.test('a try is stopped once', async (t) => {
  const attempt = freeTarget().beginAlone(NOBODY, 'GET')
  const stops: string[] = []
  attempt.transport = { abort: ({ message }) => stops.push(message) }
  attempt.stop('closed', new Error('first'))
  attempt.stop('closed', new Error('second'))
  t.same(stops, ['first'])
  attempt.end()
})

t.test('headers of no form and handlers that want to know little do no harm', async (t) => {
  const target = freeTarget()
  const controller = { aborted: false, abort: () => {} }
  const sent: unknown[] = []
  for (const headers of [undefined, null]) {
    for (const wanted of [{}, { onBodySent: (chunk: unknown) => sent.push(chunk) }]) {
      const first: FirstHandler = guardedHandler(target.beginAlone(NOBODY, 'GET'), wanted)
      first.onConnect?.(() => {})
      first.onBodySent?.('body')
      first.onHeaders?.(503, headers, () => {}, 'busy')
      first.onComplete?.([])
    }
    const own = { onRequestStart: () => {} }
    const second: SecondHandler = guardedHandler(target.beginAlone(NOBODY, 'GET'), own)
    second.onRequestStart?.(controller)
    second.onResponseStart?.(controller, 503, headers)
    second.onResponseEnd?.(controller, {})
  }
  t.same(sent, ['body', 'body'])
  t.match(target, { inFlight: 0, counts: { outcomes: { failure: 6 } } })
})

t.test('a wait of undici ends with the app', async (t) => {
  const origin = await serve(t, (_incoming, response) => {
    response.writeHead(503, { 'retry-after': '8' }).end()
  })
  const { app, upstream } = await payments(t, { origin })
  const retry = { retry: upstream.retryPolicy }
  const agent = new Agent().compose(upstream.interceptor, interceptors.retry(retry))
  const call = t.rejects(request(origin, { dispatcher: agent }), { code: 'UND_ERR_REQ_RETRY' })
  while (upstream.snapshot().retries.scheduled === 0) {
    await new Promise((next) => setTimeout(next, 5))
  }
  await app.close()
  await call
})

t.test('twenty large bodies that undici.request leaves unread hold no permit', async (t) => {
  const big = Buffer.alloc(4 << 20)
  const server = createServer((_incoming, response) => void response.end(big))
  const origin = await listen(server)
  const rules = resolveUpstreamOptions(resolveOutgoingOptions({}).calls, 'payments', { origin })
  const breaker = new CircuitBreaker()
  const target = new Target('payments', rules, breaker, 100)
  const pool = new Agent()
  const agent = pool.compose((dispatch) => guardedDispatch(target, () => NOBODY, dispatch))
  t.teardown(async () => {
    server.closeAllConnections()
    server.close()
    await pool.destroy()
  })
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => request(origin, { dispatcher: agent }))
  )
  for (const { body } of answers) body.on('error', () => {})
  t.equal(target.inFlight, 0)
  while (breaker.snapshot().inFlight > 0) await new Promise((next) => setTimeout(next, 10))
  t.match(target.snapshot(performance.now()), { outcomes: { success: 20, failure: 0 } })
})

/** An Agent of each version, what makes its requests, and how it is composed with the guard. */
// biome-ignore lint/suspicious/noExplicitAny: what both versions do, whose types have nothing in common
const versions: [agent: () => any, request: any][] = [
  [() => new Agent6({ connections: 1 }), request6],
  [() => new Agent({ connections: 1 }), request]
]

t.test('a connection that is upgraded is a try that went well', async (t) => {
  const server = createServer()
  server.on('upgrade', (_incoming, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
  })
  const origin = await listenUntilOver(t, server)
  for (const [make] of versions) {
    const { upstream } = await payments(t, { origin })
    const agent = make()
    const guarded = agent.compose(upstream.interceptor)
    const { socket } = await guarded.upgrade({ origin, path: '/', protocol: 'echo' })
    socket.destroy()
    t.match(upstream.snapshot(), { outcomes: { success: 1, failure: 0 }, inFlight: 0 })
    await agent.destroy()
  }
})

t.test(
  'a request that waits for a connection ends at its time, and is not sent after it',
  async (t) => {
    let hits = 0
    const server = createServer(() => hits++)
    const origin = await listenUntilOver(t, server)
    for (const [make, ask] of versions) {
      hits = 0
      const { upstream } = await payments(t, { origin, timeout: 200 })
      const agent = make()
      const unguarded = new AbortController()
      const busy = t.rejects(ask(origin, { dispatcher: agent, signal: unguarded.signal }))
      await once(server, 'request')
      const dispatcher = agent.compose(upstream.interceptor)
      const late = { code: 'HOLDFAST_ERR_OUTGOING_DEADLINE' }
      await t.rejects(ask(origin, { dispatcher }), late)
      t.match(upstream.snapshot(), { outcomes: { failure: 1 }, inFlight: 0 })
      unguarded.abort()
      await busy
      await new Promise((next) => setTimeout(next, 50))
      t.equal(hits, 1)
      await t.rejects(ask(origin, { dispatcher }), late)
      t.equal(hits, 2, 'one that has a connection is sent, and ends at its time, too')
      t.match(upstream.snapshot(), { outcomes: { failure: 2 }, inFlight: 0 })
      await agent.destroy()
    }
  }
)

/** An upstream from inside, without an app. */
function freeTarget(): Target {
  const given = { origin: 'http://payments.test', breaker: false }
  const rules = resolveUpstreamOptions(resolveOutgoingOptions({}).calls, 'payments', given)
  return new Target('payments', rules, new CircuitBreaker({ threshold: 100 }))
}
