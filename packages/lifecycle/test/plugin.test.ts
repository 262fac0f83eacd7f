/**
 * The plugin in an app: `edges/decorator.ts`, `edges/service.ts`, `edges/in-flight.ts`,
 * `edges/websockets.ts`, `fact.ts` and `errors.ts`.
 */
import { connect as connectHttp2 } from 'node:http2'
import { Writable } from 'node:stream'
import underPressure from '@fastify/under-pressure'
import websocket from '@fastify/websocket'
import { subscribe } from '@holdfast/core'
import lifecycleDefault, {
  type LifecycleOptions,
  type LifecycleStateChange,
  lifecycle,
  ServerDrainingError
} from '@holdfast/lifecycle'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import t, { type Test } from 'tap'
import { WebSocket } from 'undici'
import { eventually, head, listen, rawConnection } from '../../../test/support/http.ts'

function build(
  t: Test,
  options: LifecycleOptions = {},
  server: FastifyServerOptions = {}
): FastifyInstance {
  const app = Fastify(server)
  app.register(lifecycle, options)
  t.teardown(() => app.close())
  return app
}

/** A logger whose lines are kept. */
function keepLog() {
  const lines: { level: number; msg: string }[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)))
      done()
    }
  })
  return { lines, logger: { stream } }
}

function processListeners(): Record<string, number> {
  return Object.fromEntries(
    process.eventNames().map((event) => [String(event), process.listenerCount(event)])
  )
}

t.test('the plugin is the named and the default export', (t) => {
  t.equal(lifecycle, lifecycleDefault)
  t.end()
})

t.test('liveness is 200 always, readiness when the app listens', async (t) => {
  const app = build(t)
  app.addHook('onRequest', async (_request, reply) => reply.code(401).send('who are you?'))
  t.match(await app.inject('/livez'), { statusCode: 200, body: 'ok' })
  t.match(await app.inject('/readyz'), { statusCode: 503, body: 'starting' })
  t.match(await app.inject('/else'), { statusCode: 401 })
  await listen(app)
  const ready = await app.inject('/readyz')
  t.match(ready, { statusCode: 200, body: 'ready' })
  t.match(ready.headers, { 'cache-control': 'no-store', 'content-type': /^text\/plain/ })
  const asHead = await app.inject({ method: 'HEAD', url: '/readyz' })
  t.match(asHead, { statusCode: 200, body: '' })
})

t.test('the probes are routes, at other paths or not at all', async (t) => {
  const app = build(t, { health: { live: '/health/live', ready: '/health/ready' } })
  t.equal((await app.inject('/health/live')).statusCode, 200)
  t.equal(app.hasRoute({ method: 'GET', url: '/health/ready' }), true)
  t.equal(app.hasRoute({ method: 'HEAD', url: '/health/ready' }), true)
  t.match(app.printRoutes({ includeHooks: true }), 'holdfastLifecycle')
  const without = build(t, { health: false })
  t.equal((await without.inject('/livez')).statusCode, 404)
})

t.test("a route of the app's own may be a probe, and it answers itself", async (t) => {
  const app = build(t)
  app.get('/ping', { config: { holdfast: { probe: true } } }, async () => 'pong')
  t.equal((await app.inject('/ping')).body, 'pong')
})

t.test('each phase is published', async (t) => {
  const changes: LifecycleStateChange[] = []
  t.teardown(subscribe('holdfast:lifecycle:state', (change) => changes.push(change)))
  const app = build(t, { drainDelay: 0 })
  await app.ready()
  t.equal(app.lifecycle.state, 'starting')
  await listen(app)
  t.equal(app.lifecycle.state, 'ready')
  const report = await app.lifecycle.shutdown('the test is over', { exit: false })
  t.match(report, { reason: 'the test is over', cut: 0, clean: true })
  t.equal(app.lifecycle.state, 'closed')
  t.same(
    changes.map(({ state }) => state),
    ['ready', 'draining', 'stopping', 'closed']
  )
  t.ok(changes.every((change) => change.app.server === app.server))
  t.equal(await app.lifecycle.shutdown('again', { exit: false }), report, 'it happens once')
})

t.test('requests in flight are counted, on any address and injected', async (t) => {
  const app = build(t, { drainDelay: 0 })
  const replies: (() => void)[] = []
  app.get('/', (_request, reply) => {
    replies.push(() => reply.send('done'))
  })
  const port = await listen(app)
  const connection = await rawConnection(port)
  connection.write(head('GET /'))
  const injected = app.inject('/')
  await eventually(() => replies.length === 2)
  t.equal(app.lifecycle.inFlight, 2)
  for (const reply of replies) reply()
  await Promise.all([injected, connection.until(/done/)])
  await eventually(() => app.lifecycle.inFlight === 0)
})

t.test('of pipelined requests the last says goodbye, and none is lost', async (t) => {
  const app = build(t, { drainDelay: '30s', finishTimeout: '5s', gracePeriod: '1 minute' })
  const replies: (() => void)[] = []
  app.get('/:name', (request, reply) => {
    replies.push(() => reply.send(`answer ${(request.params as { name: string }).name}`))
  })
  const port = await listen(app)
  const connection = await rawConnection(port)
  connection.write(head('GET /a') + head('GET /b'))
  await eventually(() => replies.length === 2)
  const shutdown = app.lifecycle.shutdown('test', { exit: false })
  connection.write(head('GET /c'))
  await eventually(() => replies.length === 3)
  for (const reply of replies) reply()
  const received = await connection.ended()
  t.match(received, /answer a[\s\S]*answer b[\s\S]*answer c/)
  t.same(
    received.match(/^connection: .*$/gim)?.map((line) => line.toLowerCase()),
    ['connection: keep-alive', 'connection: keep-alive', 'connection: close']
  )
  // Somebody closes the app while the others still get their delay.
  await app.close()
  t.match(await shutdown, { finished: 3, cut: 0, clean: true })
})

t.test('a stream that began before the drain ends its connection', async (t) => {
  const app = build(t, { drainDelay: 0 })
  let end = (): void => {}
  app.get('/', (_request, reply) => {
    reply.hijack()
    reply.raw.writeHead(200, { 'content-type': 'text/event-stream', connection: 'keep-alive' })
    reply.raw.write('data: 1\n\n')
    end = () => reply.raw.end('data: 2\n\n')
  })
  const connection = await rawConnection(await listen(app))
  connection.write(head('GET /'))
  await connection.until(/data: 1/)
  const shutdown = app.lifecycle.shutdown('test', { exit: false })
  await eventually(() => app.lifecycle.state === 'stopping')
  end()
  t.match(await connection.ended(), /keep-alive[\s\S]*data: 2/)
  t.match(await shutdown, { finished: 1, clean: true })
})

t.test('HTTP/2: GOAWAY, running streams finish, hanging ones are cut', async (t) => {
  const { lines, logger } = keepLog()
  const app = Fastify({ http2: true, logger })
  app.register(lifecycle, { drainDelay: 0, finishTimeout: '2s', signals: false })
  t.teardown(() => app.close())
  let answer = (): void => {}
  app.get('/', (_request, reply) => {
    answer = () => reply.send('done')
  })
  app.get('/hang', () => {})
  await app.listen({ port: 0, host: '127.0.0.1' })
  const address = app.server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const client = connectHttp2(`http://127.0.0.1:${address.port}`)
  const idle = connectHttp2(`http://127.0.0.1:${address.port}`)
  const went = Promise.all(
    [client, idle].map((session) => new Promise((resolve) => session.once('goaway', resolve)))
  )
  const stream = client.request({ ':path': '/' })
  const hanging = client.request({ ':path': '/hang' })
  hanging.on('error', () => {})
  const body = (async () => {
    let text = ''
    for await (const chunk of stream.setEncoding('utf8')) text += chunk
    return text
  })()
  await eventually(() => app.lifecycle.inFlight === 2)
  const shutdown = app.lifecycle.shutdown('test', { exit: false })
  await went
  answer()
  t.equal(await body, 'done')
  t.match(await shutdown, { finished: 1, cut: 1 })
  const unfinished = [{ route: '/hang', phase: 'handling' }]
  t.match(
    lines.find(({ msg }) => msg.startsWith('not finished')),
    { unfinished }
  )
})

t.test('a plain close goes through the phases, without delay, in flight answered', async (t) => {
  const { lines, logger } = keepLog()
  const app = build(t, {}, { logger })
  let answer = (): void => {}
  app.get('/', (_request, reply) => {
    answer = () => reply.send('done')
  })
  const connection = await rawConnection(await listen(app))
  connection.write(head('GET /'))
  await eventually(() => app.lifecycle.inFlight === 1)
  const silent = await rawConnection(Number(new URL(app.listeningOrigin).port))
  const closed = app.close()
  await eventually(() => app.lifecycle.state === 'stopping')
  await silent.ended()
  answer()
  t.match(await connection.ended(), /connection: close[\s\S]*done/i)
  await closed
  t.equal(app.lifecycle.state, 'closed')
  await eventually(() => lines.some(({ msg }) => msg === 'shut down'))
  t.match(lines.at(-1), { reason: 'app.close()', finished: 1, cut: 0 })
})

t.test('a plain close lets a slow reader have the whole of a complete answer', async (t) => {
  const app = Fastify()
  await app.register(lifecycleDefault, { signals: false })
  const size = 20_000_000
  app.get('/large', async () => Buffer.alloc(size, 'x'))
  const connection = await rawConnection(await listen(app))
  connection.write(head('GET /large', { Connection: 'close' }))
  await connection.until(/x/)
  connection.socket.pause()
  const closed = app.close()
  await new Promise((resolve) => setTimeout(resolve, 100))
  connection.socket.resume()
  const text = await connection.ended()
  t.equal(text.length - text.indexOf('\r\n\r\n') - 4, size)
  await closed
})

t.test('the steps of a plain close come before onClose, however long requests take', async (t) => {
  const app = build(t, {}, { pluginTimeout: 600 })
  const seen: string[] = []
  app.addHook('onClose', async () => void seen.push('pool closed'))
  app.get('/', async () => {
    await new Promise((resolve) => setTimeout(resolve, 1000))
    seen.push('answered')
    return 'done'
  })
  const connection = await rawConnection(await listen(app))
  app.lifecycle.onShutdown('flush', async () => {
    seen.push('flush')
    await new Promise((resolve) => setTimeout(resolve, 100))
    seen.push('flushed')
  })
  connection.write(head('GET /'))
  await eventually(() => app.lifecycle.inFlight === 1)
  await app.close()
  t.match(await connection.ended(), /200 OK/)
  t.same(seen, ['answered', 'flush', 'flushed', 'pool closed'])
})

t.test('the steps of an app that was never ready run in its close, too', async (t) => {
  const app = build(t)
  await app.after()
  const seen: string[] = []
  app.addHook('onClose', async () => void seen.push('pool closed'))
  app.lifecycle.onShutdown('flush', () => void seen.push('flushed'))
  await app.close()
  t.same(seen, ['flushed', 'pool closed'])
})

t.test('a close by somebody else ends the drain delay, and the log says so', async (t) => {
  const { lines, logger } = keepLog()
  const app = Fastify({ logger })
  app.register(lifecycle, { signals: false, drainDelay: '10s', timeouts: false })
  t.teardown(() => app.close())
  await listen(app)
  const report = app.lifecycle.shutdown('test', { exit: false })
  await app.close()
  t.match(await report, { clean: true, reason: 'test' })
  t.match(lines.map(({ msg }) => msg).join('\n'), /which ends the drain delay/)
})

t.test('an app that is closed while it boots does not listen, and says so', async (t) => {
  for (const wait of [0, 20, 100]) {
    const app = build(t)
    app.register(async () => {
      await new Promise((resolve) => setTimeout(resolve, 100))
    })
    const listening = app.listen({ port: 0, host: '127.0.0.1' })
    const rejected = t.rejects(listening, {
      code: 'HOLDFAST_ERR_LIFECYCLE_CLOSED_BEFORE_LISTENING'
    })
    await new Promise((resolve) => setTimeout(resolve, wait))
    await app.close()
    await rejected
    t.equal(app.server.listening, false)
  }
})

t.test('work is waited for before onClose: behind an answer, a goodbye or a step', async (t) => {
  for (const way of ['close', 'shutdown'] as const) {
    const app = build(t, { drainDelay: 0 })
    app.register(websocket)
    await app.after()
    const seen: string[] = []
    app.addHook('onClose', async () => void seen.push('pool closed'))
    const work = (name: string): void => {
      const done = new Promise((resolve) => setTimeout(resolve, 200))
      app.lifecycle.waitUntil(
        name,
        done.then(() => seen.push(name))
      )
    }
    app.get('/', async () => {
      work('mail')
      return 'accepted'
    })
    app.get('/ws', { websocket: true }, (socket) => {
      socket.on('close', () => work('session'))
    })
    if (way === 'shutdown') app.lifecycle.onShutdown('leave', () => work('farewell'))
    const port = await listen(app)
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`)
    await new Promise((resolve) => socket.addEventListener('open', resolve))
    t.equal(
      (await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } })).status,
      200
    )
    if (way === 'close') await app.close()
    else t.match(await app.lifecycle.shutdown('test', { exit: false }), { clean: true })
    const farewell = way === 'shutdown' ? ['farewell'] : []
    t.same(seen, ['mail', 'session', ...farewell, 'pool closed'])
  }
})

t.test('a plain close waits for work behind the answers, without any step', async (t) => {
  const app = build(t)
  const seen: string[] = []
  app.addHook('onClose', async () => void seen.push('pool closed'))
  await app.ready()
  const done = new Promise((resolve) => setTimeout(resolve, 200))
  app.lifecycle.waitUntil(
    'mail',
    done.then(() => seen.push('mail'))
  )
  await app.close()
  t.same(seen, ['mail', 'pool closed'])
})

t.test('an injected request that never ends does not hold a close', async (t) => {
  const app = build(t)
  app.get('/', () => {})
  app.inject('/').catch(() => {})
  await eventually(() => app.lifecycle?.inFlight === 1)
  await app.close()
  t.equal(app.lifecycle.state, 'closed')
})

t.test('the signal aborts with a coded error', async (t) => {
  const app = build(t, { drainDelay: 0, finishTimeout: 100 })
  app.get('/', () => {})
  const connection = await rawConnection(await listen(app))
  connection.write(head('GET /missing?never=routed'))
  await connection.until(/404/)
  connection.write(head('GET /'))
  await eventually(() => app.lifecycle.inFlight === 1)
  t.equal(app.lifecycle.signal.aborted, false)
  t.match(await app.lifecycle.shutdown('test', { exit: false }), { cut: 1, clean: false })
  const { reason } = app.lifecycle.signal
  t.type(reason, ServerDrainingError)
  t.match(reason, { code: 'HOLDFAST_ERR_LIFECYCLE_DRAINING', statusCode: 503 })
})

t.test('the pressure of the process is measured and refuses nobody', async (t) => {
  const app = build(t)
  t.same(Object.values(app.lifecycle?.pressure ?? {}), [])
  await app.ready()
  await eventually(() => app.lifecycle.pressure.heapUsed > 0)
  t.match(app.lifecycle.pressure, {
    eventLoopDelay: Number,
    eventLoopUtilization: Number,
    heapUsed: Number,
    rssBytes: Number
  })
  t.ok(app.lifecycle.pressure.eventLoopUtilization <= 1)
})

t.test(
  'with thresholds a standstill of the loop is a finite delay, which JSON can carry',
  async (t) => {
    const app = build(t, { pressure: { maxEventLoopDelay: 60_000, sampleInterval: 100 } })
    await app.ready()
    await eventually(() => app.lifecycle.pressure.heapUsed > 0)
    const delays: unknown[] = []
    for (let turn = 0; turn < 3; turn++) {
      const end = performance.now() + 400
      while (performance.now() < end);
      for (let look = 0; look < 5; look++) {
        await new Promise((resolve) => setTimeout(resolve, 20))
        delays.push(JSON.parse(JSON.stringify(app.lifecycle.pressure)).eventLoopDelay)
      }
    }
    t.strictSame(
      delays.map((delay) => typeof delay),
      delays.map(() => 'number')
    )
    t.ok(Math.max(...(delays as number[])) > 50, 'the standstill is seen')
  }
)

t.test('under-pressure may stand before it or after it', async (t) => {
  const before = Fastify()
  t.teardown(() => before.close())
  await before.register(underPressure, { sampleInterval: 10 })
  before.register(lifecycle)
  await before.ready()
  await eventually(() => before.lifecycle.pressure.rssBytes > 0)
  t.equal(before.isUnderPressure(), false)

  const after = build(t)
  after.register(underPressure, { maxEventLoopDelay: 1000 })
  await after.ready()
  t.equal(after.isUnderPressure(), false)
})

t.test('a pressure read before the first sample is zero', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(lifecycle, { pressure: { sampleInterval: '1 hour' } })
  t.match(app.lifecycle.pressure, { eventLoopDelay: 0, heapUsed: 0 })

  const watched = Fastify()
  t.teardown(() => watched.close())
  const early: object[] = []
  watched.addHook('onRegister', (scope) => {
    early.push(scope.lifecycle.pressure)
  })
  await watched.register(lifecycle, { pressure: { maxRssBytes: 1e15 } })
  t.match(early, [{ eventLoopDelay: 0, heapUsed: 0 }])
})

t.test('a request that an app hands on to another one is counted by the first', async (t) => {
  const inner = build(t)
  inner.get('/', async () => 'inner')
  await inner.ready()
  const outer = build(t)
  const counts: number[][] = []
  outer.get('/', (request, reply) => {
    reply.hijack()
    inner.routing(request.raw, reply.raw)
    counts.push([outer.lifecycle.inFlight, inner.lifecycle.inFlight])
  })
  t.equal((await outer.inject('/')).body, 'inner')
  t.same(counts, [[1, 0]])
})

t.test('a hundred apps leave no listener behind and warn of none', async (t) => {
  const warnings: Error[] = []
  const onWarning = (warning: Error): void => {
    warnings.push(warning)
  }
  process.on('warning', onWarning)
  const before = processListeners()
  const apps = await Promise.all(
    Array.from({ length: 100 }, async () => {
      const app = Fastify()
      await app.register(lifecycle)
      await app.ready()
      return app
    })
  )
  const during = processListeners()
  for (const event of [
    'SIGTERM',
    'SIGINT',
    'SIGHUP',
    'SIGBREAK',
    'uncaughtException',
    'beforeExit'
  ]) {
    t.equal(during[event], (before[event] ?? 0) + 1, event)
  }
  for (const event of ['SIGSEGV', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGUSR2']) {
    t.equal(during[event], before[event], event)
  }
  await Promise.all(apps.map((app) => app.close()))
  await new Promise((resolve) => setImmediate(resolve))
  t.same(processListeners(), before)
  t.same(warnings, [])
  process.off('warning', onWarning)
})

t.test('nothing of it survives the close', async (t) => {
  // What the test before has left to the next turn of the loop.
  await eventually(() => !process.getActiveResourcesInfo().includes('Immediate'))
  const before = process.getActiveResourcesInfo().sort()
  const app = build(t)
  app.get('/', async () => 'hello')
  const connection = await rawConnection(await listen(app))
  connection.write(head('GET /'))
  await connection.until(/hello/)
  await app.close()
  await connection.ended()
  await eventually(() => {
    const now = process.getActiveResourcesInfo().sort()
    // The wait itself is a timer.
    return (
      now.filter((name) => name !== 'Timeout').join() ===
      before.filter((name) => name !== 'Timeout').join()
    )
  })
  t.equal(app.server.listening, false)
  t.same(
    ['connection', 'session', 'secureConnection'].map((event) => app.server.listenerCount(event)),
    [1, 0, 0],
    "Node's own"
  )
})

t.test('a budget that cannot be kept is called out at start', async (t) => {
  const { lines, logger } = keepLog()
  await build(t, { gracePeriod: '10s', finishTimeout: '20s' }, { logger }).ready()
  t.match(lines, [{ level: 40, msg: /finishTimeout 20000 ms.*= 23332 ms.*10000 ms/ }])
})

t.test('a wrong option, a scope, a second time: the boot fails with a sentence', async (t) => {
  await t.rejects(async () => build(t, JSON.parse('{"drain":1}')).ready(), {
    message: /the option "drain" does not exist/
  })
  const scoped = Fastify()
  t.teardown(() => scoped.close())
  scoped.register(async (scope) => {
    scope.register(lifecycle)
  })
  await t.rejects(async () => scoped.ready(), { code: 'HOLDFAST_ERR_NOT_AT_ROOT' })
  const twice = build(t)
  twice.register(lifecycle)
  await t.rejects(async () => twice.ready(), { code: 'HOLDFAST_ERR_REGISTERED_TWICE' })
})

t.test('a hook that was there before it refuses requests, and no probe', async (t) => {
  const { lines, logger } = keepLog()
  const app = Fastify({ logger })
  t.teardown(() => app.close())
  app.addHook('onRequest', async (_request, reply) => reply.code(401).send('who are you?'))
  app.register(lifecycle)
  app.get('/', async () => 'never')
  t.equal((await app.inject('/livez')).statusCode, 200)
  t.equal((await app.inject('/')).statusCode, 401)
  t.notMatch(JSON.stringify(lines), /onRequest/, 'nothing to warn of')
})

t.test('a step or work that cannot be is refused with a sentence', async (t) => {
  const app = build(t)
  await app.after()
  const { lifecycle: life } = app
  const step = (): void => {}
  const late = async (): Promise<void> => {
    const pool = build(t)
    await pool.after()
    pool.lifecycle.onShutdown('pool', step, { after: ['queue', 'cache'] })
    pool.lifecycle.onShutdown('queue', step)
    await pool.ready()
  }
  const circle = async (): Promise<void> => {
    const pool = build(t)
    await pool.after()
    pool.lifecycle.onShutdown('pool', step, { after: 'queue' })
    pool.lifecycle.onShutdown('queue', step, { after: 'pool' })
    await pool.ready()
  }
  const alone = build(t)
  await alone.ready()
  t.throws(() => alone.lifecycle.onShutdown('a', step, { after: 'b' }), { message: /none yet/ })
  await t.rejects(late(), {
    message:
      'The option "onShutdown("pool").after" must be the name of another step (there are: pool, queue), but it is the text "cache".'
  })
  await t.rejects(circle(), { message: /an order that has a beginning.* a circle: pool, queue/ })

  life.onShutdown('pool', step)
  for (const [call, message] of [
    [() => life.onShutdown('', step), /"onShutdown\(name\)" must be text that is not empty/],
    [
      () => life.onShutdown('pool', step),
      /a name that no other step has, but it is the text "pool"/
    ],
    [() => life.onShutdown('a', step, { timeout: 0 }), /"onShutdown\("a"\).timeout" must be/],
    [() => life.onShutdown('a', step, { after: [''] }), /the name of a step, or an array of such/],
    // @ts-expect-error what a program without types may do
    [() => life.onShutdown('a', 'later'), /"onShutdown\("a"\) function" must be a function/],
    // @ts-expect-error what a program without types may do
    [() => life.onShutdown('a', step, { before: 'b' }), /the option "before" does not exist/],
    // @ts-expect-error what a program without types may do
    [() => life.waitUntil('a', 1), /"waitUntil\("a"\) promise.then" must be a function/],
    // @ts-expect-error what a program without types may do
    [() => life.waitUntil('a'), /"waitUntil\("a"\) promise.then" must be a function/],
    [() => life.waitUntil('', Promise.resolve()), /"waitUntil\(name\)" must be text/]
  ] as const) {
    t.throws(call, { message })
  }

  await app.ready()
  t.throws(() => life.onShutdown('a', step, { after: 'b' }), {
    message: /the name of another step \(there are: pool\), but it is the text "b"/
  })
  life.onShutdown('a', step, { after: 'pool' })
  await app.close()
  t.throws(() => life.onShutdown('b', step), { code: 'HOLDFAST_ERR_LIFECYCLE_STEP_TOO_LATE' })
})

t.test('steps that ask for more time than there is are called out at start', async (t) => {
  const { lines, logger } = keepLog()
  const app = build(t, { closeTimeout: '2s' }, { logger })
  await app.after()
  app.lifecycle.onShutdown('queue', () => {}, { timeout: '1s' })
  app.lifecycle.onShutdown('pool', () => {}, { timeout: '1s' })
  await app.ready()
  t.ok(lines.some(({ msg }) => /may take 2000 ms together.* closeTimeout of 2000 ms/.test(msg)))
})

t.test("work that fails is logged, and is nobody else's error", async (t) => {
  const { lines, logger } = keepLog()
  const app = build(t, {}, { logger })
  await app.ready()
  app.lifecycle.waitUntil('mail', Promise.reject(new Error('no server')))
  const failed = (line: { msg: string }): boolean => line.msg === '"mail" failed'
  await eventually(() => lines.some(failed))
  t.match(lines.find(failed), {
    level: 50,
    msg: '"mail" failed',
    task: 'mail',
    err: { message: 'no server' }
  })
})

t.test('what is called websocketServer and is none does no harm', async (t) => {
  const app = build(t)
  Reflect.apply(app.decorate, app, ['websocketServer', 'none'])
  app.register(async (scope) => {
    const broken = {
      once: (_event: string, closed: () => void) => closed(),
      close: () => {
        throw new Error('no use')
      }
    }
    Reflect.apply(scope.decorate, scope, ['websocketServer', { clients: [broken] }])
  })
  await app.listen()
  t.match(await app.lifecycle.shutdown('test', { exit: false }), { clean: true })
})
