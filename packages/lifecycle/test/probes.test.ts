/**
 * The probes: `edges/probes.ts`, `edges/health.ts`, `probe-answers.ts` and `health-options.ts`.
 */
import { createServer } from 'node:net'
import { Writable } from 'node:stream'
import { subscribe } from '@holdfast/core'
import { type LifecycleCheckChange, type LifecycleOptions, lifecycle } from '@holdfast/lifecycle'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import t, { type Test } from 'tap'
import { eventually, head, listen, rawConnection } from '../../../test/support/http.ts'

function build(
  t: Test,
  options: LifecycleOptions = {},
  server: FastifyServerOptions = {}
): FastifyInstance {
  const app = Fastify(server)
  app.register(lifecycle, { signals: false, drainDelay: 0, timeouts: false, ...options })
  t.teardown(() => app.close())
  return app
}

/** A logger whose lines are kept. */
function keepLog() {
  const lines: Record<string, unknown>[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)))
      done()
    }
  })
  return { lines, logger: { stream } }
}

t.test('startup turns 200 once and stays so, through the drain as well', async (t) => {
  const app = build(t, { drainDelay: '30s', gracePeriod: '1 minute' })
  t.match(await app.inject('/startupz'), { statusCode: 503, body: 'starting' })
  const port = await listen(app)
  t.match(await app.inject('/startupz'), { statusCode: 200, body: 'started' })
  const shutdown = app.lifecycle.shutdown('test', { exit: false })
  t.match(await app.inject('/startupz'), { statusCode: 200, body: 'started' })
  t.match(await app.inject('/livez'), { statusCode: 200 })
  t.match(await app.inject('/readyz'), { statusCode: 503, body: 'draining' })
  const asHead = await rawConnection(port)
  asHead.write(head('HEAD /readyz'))
  t.match(await asHead.ended(), /^HTTP\/1.1 503 [\s\S]*content-length: 8[\s\S]*\r\n\r\n$/i)
  await app.close()
  await shutdown
})

t.test('a startup that never came is not made up for by leaving', async (t) => {
  const app = build(t)
  await app.ready()
  const answer = app.inject('/startupz')
  await app.lifecycle.shutdown('test', { exit: false })
  t.match(await answer, { statusCode: 503 })
})

t.test('with ?verbose the answer is JSON and keeps reasons to itself', async (t) => {
  const checks = {
    database: () => true,
    cache: {
      check: async () => Promise.reject(new Error('ECONNREFUSED 10.1.2.3')),
      critical: false
    }
  }
  // A serializer of the app's own must not garble it.
  const app = build(t, { health: { checks } })
  app.setReplySerializer(() => 'garbled')
  await listen(app)
  const ready = await app.inject('/readyz?verbose')
  t.equal(ready.statusCode, 200)
  t.match(ready.headers['content-type'], /^application\/json/)
  t.match(ready.json(), {
    status: 'degraded',
    phase: 'ready',
    checks: [
      { name: 'database', state: 'ok', critical: true, age: Number, took: Number },
      { name: 'cache', state: 'failed', critical: false }
    ],
    pressure: { eventLoopUtilization: Number }
  })
  t.notMatch(ready.body, '10.1.2.3')
  t.equal((await app.inject('/readyz')).body, 'degraded: cache')
  t.same((await app.inject('/livez?a=b&verbose')).json(), { status: 'ok', phase: 'ready' })
  t.same((await app.inject('/startupz?verbose=1')).json(), { status: 'started', phase: 'ready' })
  t.equal((await app.inject('/livez?verbosely')).body, 'ok')
})

t.test('a dead dependency: alive, not ready, and everything else is served', async (t) => {
  const { lines, logger } = keepLog()
  const changes: LifecycleCheckChange[] = []
  t.teardown(subscribe('holdfast:lifecycle:check', (change) => changes.push(change)))
  const dependency = createServer((socket) => socket.end())
  const listening = (port: number): Promise<void> =>
    new Promise((resolve) => dependency.listen(port, '127.0.0.1', resolve))
  await listening(0)
  t.teardown(() => dependency.close())
  const address = dependency.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const database = async (): Promise<void> => {
    await (await rawConnection(port)).ended()
  }

  const app = build(
    t,
    { health: { checks: { database: { check: database, cacheFor: 0 } } } },
    { logger }
  )
  app.get('/', async () => 'hello')
  const own = await listen(app)
  const ask = async (path: string): Promise<number> => {
    const response = await fetch(`http://127.0.0.1:${own}${path}`)
    await response.text()
    return response.status
  }
  const all = async (): Promise<number[]> =>
    Promise.all(['/livez', '/readyz', '/startupz', '/', '/none'].map(ask))
  t.same(await all(), [200, 200, 200, 200, 404])
  await new Promise((resolve) => dependency.close(resolve))
  t.same(await all(), [200, 503, 200, 200, 404])
  t.same(await all(), [200, 503, 200, 200, 404])
  t.equal((await app.inject('/readyz')).body, 'failed: database')
  await listening(port)
  t.same(await all(), [200, 200, 200, 200, 404])

  t.match(changes, [
    { name: 'database', state: 'ok', previous: 'unknown' },
    { state: 'failed', previous: 'ok', reason: /ECONNREFUSED/ },
    { state: 'ok', previous: 'failed' }
  ])
  t.equal(changes.length, 3)
  t.ok(changes.every((change) => change.app.server === app.server))
  const told = lines.filter(({ check }) => check === 'database')
  t.match(told, [
    { level: 50, msg: /the check database fails: .*ECONNREFUSED/ },
    { level: 30, msg: 'the check database passes again' }
  ])
  t.equal(told.length, 2, 'each change is logged once')
})

t.test(
  'a check that hangs does not hang the probe, and a thousand probes ask it once',
  async (t) => {
    const { lines, logger } = keepLog()
    const app = build(t, {}, { logger })
    await app.register(async () => {})
    let calls = 0
    const signals: AbortSignal[] = []
    app.lifecycle.addCheck(
      'hangs',
      ({ signal }) => {
        calls++
        signals.push(signal)
        return new Promise(() => {})
      },
      { timeout: '1s', cacheFor: '1 minute', critical: false }
    )
    await listen(app)
    const answers = await Promise.all(Array.from({ length: 1000 }, () => app.inject('/readyz')))
    t.ok(answers.every(({ statusCode, body }) => statusCode === 200 && body === 'degraded: hangs'))
    t.equal(calls, 1)
    t.equal(signals[0]?.aborted, true)
    t.match(
      lines.filter(({ check }) => check === 'hangs'),
      [{ level: 40, msg: 'the check hangs fails: no answer within 1000 ms' }]
    )
  }
)

t.test(
  'while a check is asked all else is answered, and a shutdown does not wait for it',
  async (t) => {
    const app = build(t)
    await app.register(async () => {})
    let signal: AbortSignal | undefined
    app.lifecycle.addCheck(
      'slow',
      (call) => {
        signal = call.signal
        return new Promise(() => {})
      },
      { timeout: '1 minute' }
    )
    app.get('/', async () => 'hello')
    const port = await listen(app)
    const probe = await rawConnection(port)
    probe.write(head('GET /readyz'))
    await eventually(() => signal !== undefined)
    t.equal((await app.inject('/livez')).statusCode, 200)
    t.equal((await app.inject('/')).body, 'hello')
    t.equal(probe.received(), '')
    const shutdown = app.lifecycle.shutdown('test', { exit: false })
    t.match(await probe.ended(), /^HTTP\/1.1 503 [\s\S]*(?:draining|stopping)$/)
    t.equal(signal?.aborted, true)
    t.match(await shutdown, { finished: 1, clean: true })
  }
)

t.test("the app's own timeout may answer a probe before its check does", async (t) => {
  const app = build(t, {}, { handlerTimeout: 50 })
  await app.register(async () => {})
  let answer = (): void => {}
  app.lifecycle.addCheck(
    'slow',
    () =>
      new Promise<void>((resolve) => {
        answer = resolve
      }),
    { timeout: '1 minute' }
  )
  await listen(app)
  t.match(await app.inject('/readyz'), { statusCode: 503, body: /HANDLER_TIMEOUT/ })
  answer()
  t.equal((await app.inject('/readyz')).statusCode, 200)
})

t.test('a probe of your own may ask the checks too', async (t) => {
  const app = build(t, { health: false })
  await app.register(async () => {})
  app.lifecycle.addCheck('database', () => false)
  t.match(await app.lifecycle.health(), {
    status: 'failed',
    checks: [{ name: 'database', state: 'failed' }]
  })
  t.throws(() => app.lifecycle.addCheck('database', () => true), {
    code: 'HOLDFAST_ERR_LIFECYCLE_CHECK_EXISTS'
  })
  t.throws(() => app.lifecycle.addCheck('x', () => true, { timeout: 0 }), {
    message: '"the check x.timeout" must be a duration'
  })
  t.throws(() => app.lifecycle.addCheck('', () => true), { message: /name of/ })
})

t.test(
  'a misspelled config.holdfast is an error at boot, or one line of log on an early route',
  async (t) => {
    const { lines, logger } = keepLog()
    const app = Fastify({ logger })
    t.teardown(() => app.close())
    const misspelled = JSON.parse('{"holdfast":{"prob":true}}')
    app.get('/early', { config: misspelled }, async () => 'early')
    app.get('/no-probe', { config: { holdfast: { probe: false } } }, async () => 'no probe')
    await app.register(lifecycle, { signals: false, timeouts: false })
    t.throws(() => app.get('/late', { config: misspelled }, async () => 'late'), {
      code: 'HOLDFAST_ERR_OPTION_UNKNOWN',
      message:
        /config.holdfast of GET \/late: the option "prob" does not exist\. Did you mean "probe"/
    })
    t.throws(
      () => app.get('/wrong', { config: { holdfast: { probe: 1 as never } } }, async () => ''),
      {
        code: 'HOLDFAST_ERR_OPTION_INVALID'
      }
    )
    t.equal((await app.inject('/early')).body, 'early')
    t.equal((await app.inject('/early')).body, 'early')
    t.equal((await app.inject('/no-probe')).body, 'no probe')
    const told = lines.filter(({ level }) => level === 50)
    t.match(told, [{ msg: /config.holdfast of GET \/early: the option "prob" does not exist/ }])
    t.equal(told.length, 1)
  }
)

t.test('a route for some hosts only may stand on the path of a probe', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  const status = async () => 'of the host'
  const ofHost = { constraints: { host: 'status.example' } }
  app.get('/livez', ofHost, status)
  await app.register(lifecycle, { signals: false, timeouts: false })
  app.get('/readyz', ofHost, status)
  app.post('/startupz', status)
  const headers = { host: 'status.example' }
  t.equal((await app.inject({ url: '/livez', headers })).body, 'of the host')
  t.equal((await app.inject({ url: '/readyz', headers })).body, 'of the host')
  t.not((await app.inject('/livez')).body, 'of the host')
})

t.test('a route of the app on the path of a probe stops the boot', async (t) => {
  const status = async () => 'of the app'
  const before = Fastify()
  const code = 'HOLDFAST_ERR_LIFECYCLE_PROBE_PATH_TAKEN'
  before.get('/livez', status)
  before.register(lifecycle, { signals: false })
  await t.rejects(Promise.resolve(before.ready()), { code, message: /health\.live/ })
  const after = Fastify()
  await after.register(lifecycle, { signals: false, timeouts: false })
  t.teardown(() => after.close())
  t.throws(() => after.all('/readyz', status), { code, message: /health\.ready/ })
  const moved = Fastify()
  t.teardown(() => moved.close())
  moved.get('/readyz', status)
  const health = { ready: '/internal/ready' }
  await moved.register(lifecycle, { signals: false, timeouts: false, health })
  t.equal((await moved.inject('/readyz')).body, 'of the app')
})
