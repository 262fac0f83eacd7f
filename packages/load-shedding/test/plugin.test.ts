/**
 * The plugin in an app. Covers `plugin.ts`, `options.ts`, `refusals.ts`, `errors.ts`, `state.ts`,
 * `channels.ts`, and of `edges/`: `request-hook.ts`, `routes.ts`, `ranking.ts`, `turns.ts`,
 * `episodes.ts`, `readiness.ts`.
 */
import { once } from 'node:events'
import { type IncomingMessage, ServerResponse } from 'node:http'
import { connect } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { factsOf, statesOf, subscribe } from '@holdfast/core'
import { lifecycle } from '@holdfast/lifecycle'
import plugin, {
  type LoadSheddingState,
  loadShedding,
  OverloadedError,
  type Priority,
  type RequestShed,
  type SheddingView
} from '@holdfast/load-shedding'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { Agent, request } from 'undici'
import { eventually, head, listen, rawConnection } from '../../../test/support/http.ts'

type Options = Parameters<typeof loadShedding>[1]

/** Rounds of all kinds of ends over sockets; and the requests of a pipeline in each. */
const ROUNDS = 1000
const PIPELINED = 97

/** An app in which one request may be in flight, and a route that holds it until it is let go. */
async function fullApp(
  t: Test,
  options: Partial<Options> = {},
  arrange: (app: FastifyInstance) => unknown = () => {},
  logger: object | false = false
) {
  const app = Fastify({ logger, forceCloseConnections: true })
  t.teardown(() => app.close())
  await app.register(loadShedding, { maxInFlight: 1, ...options })
  await arrange(app)
  const held: (() => void)[] = []
  app.get('/hold', async () => {
    await new Promise<void>((resolve) => held.push(resolve))
    return 'held'
  })
  app.get('/', async () => 'ok')
  app.post('/', async () => 'ok')
  await app.ready()
  const hold = async () => {
    const answer = app.inject('/hold')
    await eventually(() => held.length > 0)
    const letGo = () => {
      held.shift()?.()
      return answer
    }
    return { letGo }
  }
  return { app, hold }
}

t.test('is the named and the default export', async (t) => {
  t.equal(plugin, loadShedding)
})

t.test('a wrong option stops the boot and is named', async (t) => {
  const wrong: [Record<string, unknown>, RegExp][] = [
    [{ maxQueueDelay: 0 }, /maxQueueDelay" must be a duration of at least 10/],
    [{ maxQueueDelay: '1 hour' }, /maxQueueDelay/],
    [{ maxInFlight: 0 }, /maxInFlight" must be a whole number of at least 1, "auto" or false/],
    [{ priority: 'high' }, /priority" must be one of "critical", .*, or a function/],
    [{ cohort: 'user' }, /cohort" must be a function/],
    [{ cohortPeriod: 1 }, /cohortPeriod/],
    [{ mode: 'off' }, /mode" must be one of "enforce", "shadow"/],
    [{ readiness: true }, /readiness/],
    [{ maxEventLoopDelay: 100 }, /option of @fastify\/under-pressure. Write maxQueueDelay/],
    [{ readiness: 'fail' }, /readiness" must be "keep" where @holdfast\/lifecycle is not/]
  ]
  for (const [options, message] of wrong) {
    const app = Fastify()
    app.register(loadShedding, options)
    await t.rejects(Promise.resolve(app.ready()), { message, code: /^HOLDFAST_ERR_OPTION/ })
    await app.close()
  }
})

t.test('it works at the root only, once', async (t) => {
  const nested = Fastify()
  nested.register(async (scope) => scope.register(loadShedding))
  await t.rejects(Promise.resolve(nested.ready()), { code: 'HOLDFAST_ERR_NOT_AT_ROOT' })
  const twice = Fastify()
  twice.register(loadShedding).register(loadShedding)
  await t.rejects(Promise.resolve(twice.ready()), { code: 'HOLDFAST_ERR_REGISTERED_TWICE' })
})

t.test(
  'a wrong option of a route stops the boot, and is logged where it is too late',
  async (t) => {
    const app = Fastify()
    await app.register(loadShedding)
    t.throws(() => app.get('/', { config: { loadShedding: 'high' as 'bulk' } }, async () => 'ok'), {
      message: /config.loadShedding of GET \/".*must be one of.*"high"/
    })
    t.throws(() =>
      app.get('/', { config: { loadShedding: { maxInFlight: 0.5 } } }, async () => 'ok')
    )
    t.throws(() => app.get('/', { config: { loadSheding: 'bulk' } as object }, async () => 'ok'), {
      code: 'HOLDFAST_ERR_ROUTE_OPTION_MISPLACED'
    })
    await app.close()

    const lines: string[] = []
    const early = Fastify({
      logger: { stream: { write: (line: string) => void lines.push(line) } }
    })
    t.teardown(() => early.close())
    early.register(loadShedding)
    early.get('/', { config: { loadShedding: 'high' as 'bulk' } }, async () => 'ok')
    t.equal((await early.inject('/')).statusCode, 200)
    await early.inject('/')
    t.equal(lines.filter((line) => line.includes('cannot be used')).length, 1)
  }
)

t.test('a refusal is a 503 that says when to come back', async (t) => {
  const { app, hold } = await fullApp(t)
  const { letGo } = await hold()
  const refused = await app.inject('/')
  t.equal(refused.statusCode, 503)
  t.equal(refused.headers['content-type'], 'application/problem+json')
  t.equal(refused.headers['cache-control'], 'no-store')
  t.match(refused.headers['retry-after'], /^[12]$/)
  t.equal(refused.headers.connection, 'keep-alive')
  t.match(refused.json(), { status: 503, code: 'HOLDFAST_ERR_LOAD_SHEDDING_OVERLOADED' })
  t.equal((await letGo()).statusCode, 200)
  t.equal((await app.inject('/')).statusCode, 200)
})

t.test('a connection with a body that nobody reads is closed', async (t) => {
  const { app, hold } = await fullApp(t)
  const port = await listen(app)
  const { letGo } = await hold()
  for (const [fields, isClosed] of [
    [{ 'Content-Length': '0' }, false],
    [{ 'Content-Length': '1000' }, true],
    [{ 'Transfer-Encoding': 'chunked' }, true]
  ] as const) {
    const connection = await rawConnection(port)
    connection.write(head('POST /', fields))
    const answer = await connection.until(/503 Service Unavailable[\s\S]*\r\n\r\n/)
    t.equal(/connection: close/i.test(answer), isClosed)
    connection.destroy()
  }
  await letGo()
})

t.test('a refused request of HTTP/2 says nothing of its connection', async (t) => {
  const app = Fastify({ http2: true })
  t.teardown(() => app.close())
  await app.register(loadShedding, { maxInFlight: 1 })
  let letGo = (): void => {}
  app.get('/', () => new Promise((resolve) => (letGo = () => resolve('held'))))
  const session = connect(await app.listen({ port: 0, host: '127.0.0.1' }))
  const first = session.request({ ':path': '/' })
  await eventually(() => app.loadShedding.inFlight === 1)
  const [headers] = await once(session.request({ ':path': '/' }), 'response')
  t.equal(headers[':status'], 503)
  t.notOk('connection' in headers)
  letGo()
  t.match(await once(first, 'response'), [{ ':status': 200 }])
  session.destroy()
})

t.test("a user's error handler is given the coded error", async (t) => {
  const { app, hold } = await fullApp(t, {}, (app) =>
    app.setErrorHandler((error, _request, reply) => {
      t.ok(error instanceof OverloadedError)
      reply.send({ seen: (error as { code?: string }).code, status: reply.statusCode })
    })
  )
  const { letGo } = await hold()
  const refused = await app.inject('/')
  t.same(refused.json(), { seen: 'HOLDFAST_ERR_LOAD_SHEDDING_OVERLOADED', status: 503 })
  t.match(refused.headers['retry-after'], /^[12]$/)
  await letGo()
})

t.test('facts, channels, state and log tell of it, and no error is logged', async (t) => {
  const lines: { level: number; msg: string }[] = []
  const stream = { write: (line: string) => void lines.push(JSON.parse(line)) }
  const facts: object[] = []
  const { app, hold } = await fullApp(
    t,
    {},
    (app) =>
      app.addHook('onSend', async (request) => {
        const { refusedBy, loadShedding } = factsOf(request)
        if (loadShedding) facts.push({ refusedBy, ...loadShedding })
      }),
    { stream }
  )
  const shed: RequestShed[] = []
  const states: SheddingView[] = []
  t.teardown(subscribe('holdfast:load-shedding:shed', (event) => void shed.push(event)))
  t.teardown(subscribe('holdfast:load-shedding:state', (event) => void states.push(event)))
  const { letGo } = await hold()
  for (let count = 0; count < 5; count++) await app.inject('/')
  const fact = { priority: 'normal', reason: 'in-flight', shadow: false }
  t.match(facts, new Array(5).fill({ refusedBy: 'load-shedding', ...fact }))
  t.match(shed[0], { ...fact, count: 1 })
  await wait(150)
  await app.inject('/')
  const published = shed.reduce((sum, { count }) => sum + count, 0)
  t.equal(published, 6, 'each is counted in a sample')
  t.ok(shed.length < 6)
  t.match(states, [{ inFlight: 1, limit: 1 }])
  t.match(statesOf(app, '@holdfast/load-shedding'), [
    {
      prefix: '',
      state: {
        ...{ offered: 7, shed: 6, inFlight: 1, limit: 1, shadow: false },
        ...{ shedByPriority: { normal: 6, bulk: 0 }, shedByReason: { 'in-flight': 6, level: 0 } }
      }
    }
  ])
  t.equal(lines.filter(({ msg }) => msg.includes('is overloaded')).length, 1)
  t.equal(lines.filter(({ level }) => level >= 50).length, 0)
  await letGo()
})

t.test(
  'when nothing was refused for five seconds, that is told with the next request',
  async (t) => {
    const lines: string[] = []
    const stream = { write: (line: string) => void lines.push(line) }
    const { app, hold } = await fullApp(t, {}, () => {}, { stream })
    const { letGo } = await hold()
    await app.inject('/')
    await letGo()
    await app.inject('/')
    t.notMatch(lines.join(''), /no longer/)
    await wait(5100)
    const states: SheddingView[] = []
    t.teardown(subscribe('holdfast:load-shedding:state', (event) => void states.push(event)))
    await app.inject('/')
    t.match(lines.join(''), /no longer overloaded/)
    t.match(states, [{ shedding: false, inFlight: 0 }])
  }
)

t.test('who reads the state each second does not delay its return to normal', async (t) => {
  const { app, flood } = await flooded(t, {})
  await flood(CLIENTS, SECONDS)
  const end = performance.now() + 4000
  while (app.loadShedding.shedding && performance.now() < end) await wait(900)
  t.equal(app.loadShedding.share, 1)
})

t.test('in shadow mode the same is counted, and nothing refused', async (t) => {
  // Without lifecycle it would not boot if it wanted to change the readiness.
  const { app, hold } = await fullApp(t, { mode: 'shadow', readiness: 'fail' })
  const { letGo } = await hold()
  t.equal((await app.inject('/')).statusCode, 200)
  t.match(statesOf(app, '@holdfast/load-shedding')[0]?.state, { shed: 1, shadow: true })
  await letGo()
})

t.test('probes, exempt routes and upgrades pass, and do not count', async (t) => {
  const { app, hold } = await fullApp(t, {}, (app) => {
    app.server.on('upgrade', (request: IncomingMessage, socket: Socket) => {
      const response = new ServerResponse(request)
      response.assignSocket(socket)
      app.routing(request, response)
    })
    app.get('/metrics', { config: { holdfast: { probe: true } } }, async () => 'metrics')
    app.get('/exempt', { config: { loadShedding: false } }, async () => 'exempt')
  })
  const port = await listen(app)
  const { letGo } = await hold()
  t.equal((await app.inject('/metrics')).statusCode, 200)
  t.equal((await app.inject('/exempt')).statusCode, 200)
  const connection = await rawConnection(port)
  connection.write(head('GET /', { Connection: 'upgrade', Upgrade: 'test' }))
  await connection.until(/200 OK/)
  connection.destroy()
  t.equal(app.loadShedding.inFlight, 1)
  await letGo()
})

t.test('critical requests may be twice as many', async (t) => {
  const { app, hold } = await fullApp(t, {}, (app) => {
    app.get('/pay', { config: { loadShedding: 'critical' } }, async () => 'paid')
  })
  const { letGo } = await hold()
  t.equal((await app.inject('/pay')).statusCode, 200)
  t.equal((await app.inject('/')).statusCode, 503)
  await letGo()
})

t.test('a route may have a limit of its own, which its HEAD shares', async (t) => {
  const lines: string[] = []
  const stream = { write: (line: string) => void lines.push(line) }
  const held: (() => void)[] = []
  const { app } = await fullApp(
    t,
    { maxInFlight: false },
    (app) => {
      const config = { loadShedding: { maxInFlight: 1 } }
      const handler = (): Promise<string> =>
        new Promise((resolve) => held.push(() => resolve('report')))
      app.get('/report', { config }, handler)
      app.post('/report', { config }, async () => 'posted')
      app.get('/other', { config }, async () => 'other')
      app.get('/bulk', { config: { loadShedding: { priority: 'bulk' } } }, async () => 'bulk')
    },
    { stream }
  )
  const states: SheddingView[] = []
  t.teardown(subscribe('holdfast:load-shedding:state', (event) => void states.push(event)))
  const first = app.inject('/report')
  await eventually(() => held.length === 1)
  t.equal((await app.inject({ method: 'HEAD', url: '/report' })).statusCode, 503)
  t.equal((await app.inject({ method: 'POST', url: '/report' })).statusCode, 200)
  t.equal((await app.inject('/other')).statusCode, 200)
  t.equal((await app.inject('/bulk')).statusCode, 200)
  t.equal(app.loadShedding.limit, undefined)
  t.match(stateOf(app), { shed: 1, shedByReason: { 'in-flight': 1 } })
  t.notMatch(lines.join(''), /overloaded: the requests/, 'the service is not overloaded')
  t.equal(states.length, 0)
  held[0]?.()
  t.equal((await first).statusCode, 200)
  const again = app.inject('/report')
  await eventually(() => held.length === 2)
  held[1]?.()
  t.equal((await again).statusCode, 200)
})

t.test(
  'nothing is in flight after all kinds of ends, and a stream only until its head',
  async (t) => {
    const { app } = await fullApp(t, { maxInFlight: false }, (app) => {
      app.server.on('upgrade', (request: IncomingMessage, socket: Socket) => {
        const response = new ServerResponse(request)
        response.assignSocket(socket)
        app.routing(request, response)
      })
      app.get('/stream', (_request, reply) => {
        reply.hijack()
        reply.raw.writeHead(200)
        reply.raw.write('one')
      })
      app.get('/hijack', (_request, reply) => {
        reply.hijack()
        reply.raw.socket?.destroy()
      })
      app.get('/never', () => new Promise(() => {}))
      app.get('/throw', async () => {
        throw new Error('no')
      })
    })
    const port = await listen(app)
    const stream = await rawConnection(port)
    stream.write(head('GET /stream'))
    await stream.until(/one/)
    t.equal(app.loadShedding.inFlight, 0)
    // What was written before a client left may or may not be read.
    const left = ['/', '/throw', '/missing', '/hijack', '/never', '/stream']
    const fields = { Connection: 'upgrade', Upgrade: 'test' }
    let wereNever = 0
    for (let round = 0; round < ROUNDS; round++) {
      const connections = await Promise.all(
        left.map(async (path) => {
          const connection = await rawConnection(port)
          connection.write(head(`GET ${path}`))
          return connection
        })
      )
      const upgraded = await rawConnection(port)
      upgraded.write(head('GET /', fields))
      const kept = await rawConnection(port)
      kept.write(head('GET /').repeat(PIPELINED - 1) + head('GET /missing'))
      await kept.until(/404 Not Found/)
      await upgraded.until(/200 OK/)
      wereNever = Math.max(wereNever, app.loadShedding.inFlight)
      for (const connection of [...connections, upgraded, kept]) connection.destroy()
      await Promise.all(left.slice(0, 3).map(async (path) => (await app.inject(path)).statusCode))
    }
    t.ok(wereNever > 0, 'some were in flight')
    await eventually(() => app.loadShedding.inFlight === 0)
    const { offered } = stateOf(app)
    t.ok(offered >= ROUNDS * (PIPELINED + 3), `${offered} were decided about`)
    stream.destroy()
  }
)

t.test('a request with a deadline is served as others are while all goes well', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.addHook('onRequest', async (request) => {
    const facts = factsOf(request)
    facts.deadline = facts.startedAt + 1
  })
  await app.register(loadShedding)
  app.get('/', async () => 'ok')
  t.equal((await app.inject('/')).statusCode, 200)
})

t.test('a thousand requests by inject() in a row wait for nobody', async (t) => {
  const { app } = await fullApp(t, { maxQueueDelay: 10 })
  let served = 0
  for (let sent = 0; sent < 1000; sent++) {
    if ((await app.inject('/')).statusCode === 200) served++
  }
  t.equal(served, 1000)
})

/** An app whose every answer takes 3 ms of CPU, and sixty clients that ask without a pause. */
async function flooded(
  t: Test,
  options: Partial<Options>,
  headersOf: (client: number) => Record<string, string> = () => ({})
) {
  const { app } = await fullApp(t, { maxQueueDelay: 20, maxInFlight: false, ...options }, (app) => {
    for (const priority of ['critical', 'normal', 'bulk'] satisfies Priority[]) {
      app.get(`/${priority}`, { config: { loadShedding: priority } }, async () => {
        const end = performance.now() + 3
        while (performance.now() < end);
        return 'done'
      })
    }
  })
  const origin = `http://127.0.0.1:${await listen(app)}`
  const agent = new Agent({ connections: 100 })
  t.teardown(() => agent.destroy())
  const counts = new Map<string, { served: number; refused: number }>()
  let wasShedding = false
  const flood = async (priorities: readonly Priority[], seconds: number): Promise<void> => {
    const end = performance.now() + seconds * 1000
    const clients = priorities.map(async (priority, client) => {
      const count = counts.get(priority) ?? { served: 0, refused: 0 }
      counts.set(priority, count)
      while (performance.now() < end) {
        const options = { dispatcher: agent, headers: headersOf(client) }
        const { statusCode, body } = await request(`${origin}/${priority}`, options)
        await body.dump()
        if (statusCode === 200) count.served++
        else count.refused++
        wasShedding ||= app.loadShedding.shedding
      }
    })
    await Promise.all(clients)
  }
  return { app, flood, counts, wasShedding: () => wasShedding }
}

/** Longer than a loop is left to catch up. */
const SECONDS = 3
const CLIENTS: readonly Priority[] = Array.from({ length: 60 }, (_, client) =>
  client < 2 ? 'critical' : client < 12 ? 'normal' : 'bulk'
)

t.test('in a flood the least important are refused, and critical requests served', async (t) => {
  const { app, flood, counts, wasShedding } = await flooded(t, {})
  await flood(CLIENTS, SECONDS)
  const share = (priority: Priority): number => {
    const { served = 0, refused = 0 } = counts.get(priority) ?? {}
    return served / (served + refused)
  }
  t.ok(wasShedding(), 'it was shedding')
  t.ok(share('critical') > share('bulk'), `${share('critical')} > ${share('bulk')}`)
  const { shedByPriority, shedByReason } = stateOf(app)
  t.ok(shedByPriority.bulk > shedByPriority.critical)
  t.ok(shedByReason.level > 0)
  await wait(3000)
  t.match(app.loadShedding, { shedding: false, share: 1, level: 0 }, 'it is over without a request')
})

t.test('clients may lower their requests, and never raise them', async (t) => {
  const headers = [
    { 'sec-purpose': 'prefetch;prerender' },
    { priority: 'u=7, i' },
    { priority: 'u=0' }
  ]
  const { app, flood } = await flooded(t, {}, (client) => headers[client % 3] ?? {})
  await flood(new Array(60).fill('normal'), SECONDS)
  const { shedByPriority } = stateOf(app)
  t.ok(shedByPriority.bulk > shedByPriority.normal, JSON.stringify(shedByPriority))
  t.equal(shedByPriority.critical, 0)
})

t.test('functions of the user that fail do no harm, and are reported once', async (t) => {
  const warnings: string[] = []
  const onWarning = ({ message }: Error): void => void warnings.push(message)
  process.on('warning', onWarning)
  t.teardown(() => process.off('warning', onWarning))
  let calls = 0
  const answers = (values: readonly unknown[]) => () => {
    const value = values[calls++ % values.length]
    if (value instanceof Error) throw value
    return value as never
  }
  const { app, flood } = await flooded(t, {
    priority: answers([new Error('no priority'), 'urgent', 'bulk']),
    cohort: answers([new Error('no cohort'), 12, 'a'])
  })
  app.loadShedding.shedding
  const origin = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  const ends = Array.from({ length: 300 }, async () => (await request(origin)).body.dump())
  await Promise.all(ends)
  await flood(new Array(60).fill('normal'), SECONDS)
  t.equal(warnings.filter((text) => text.includes('loadShedding.priority')).length, 1)
  t.equal(warnings.filter((text) => text.includes('loadShedding.cohort')).length, 1)
})

t.test('readiness fails while requests are refused, where that is asked for', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(lifecycle, { signals: false })
  await app.register(loadShedding, { readiness: 'fail', maxQueueDelay: 10 })
  app.get('/', async () => {
    const end = performance.now() + 5
    while (performance.now() < end);
    return 'done'
  })
  const origin = `http://127.0.0.1:${await listen(app)}`
  t.equal((await request(`${origin}/readyz`)).statusCode, 200)
  const end = performance.now() + 10_000
  let wasUnready = false
  const clients = Array.from({ length: 40 }, async () => {
    while (performance.now() < end && !wasUnready) await (await request(origin)).body.dump()
  })
  while (performance.now() < end && !wasUnready) {
    wasUnready = (await request(`${origin}/readyz`)).statusCode === 503
    await wait(20)
  }
  await Promise.all(clients)
  t.ok(wasUnready)
  await eventually(() => !app.loadShedding.shedding)
})

t.test(
  'a refused request meets no hook behind it, and an idle service has no timer of it',
  async (t) => {
    const app = Fastify()
    await app.register(loadShedding, { maxInFlight: 1 })
    const passed: string[] = []
    app.addHook('onRequest', async ({ url }) => void passed.push(url))
    let letGo = (): void => {}
    app.get('/hold', () => new Promise((resolve) => (letGo = () => resolve('held'))))
    app.get('/', async () => 'ok')
    const origin = `http://127.0.0.1:${await listen(app)}`
    const held = app.inject('/hold')
    await eventually(() => app.loadShedding.inFlight === 1)
    t.equal((await app.inject('/')).statusCode, 503)
    t.same(passed, ['/hold'], 'no hook behind it has seen the refused one')
    letGo()
    await held
    const given = { setImmediate, setTimeout, setInterval }
    let made = 0
    for (const [name, make] of Object.entries(given)) {
      Reflect.set(globalThis, name, (...args: unknown[]) => {
        // The client of this test has timers of its own.
        if (/load-shedding\/(?:src|dist)/.test(new Error().stack ?? '')) made++
        return Reflect.apply(make, undefined, args)
      })
    }
    await (await request(origin)).body.dump()
    t.equal(made, 1, 'one for the turn of a request')
    made = 0
    await wait(200)
    Object.assign(globalThis, given)
    t.equal(made, 0, 'nothing goes on in an idle service')
    await app.close()
  }
)

/** What the plugin knows. */
function stateOf(app: FastifyInstance): LoadSheddingState {
  return statesOf(app, '@holdfast/load-shedding')[0]?.state as LoadSheddingState
}
