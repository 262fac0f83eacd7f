/**
 * The promises every plugin of the suite keeps, alone and together.
 */
import diagnosticsChannel from 'node:diagnostics_channel'
import { circuitBreaker } from '@holdfast/circuit-breaker'
import { holdfastConsole } from '@holdfast/console'
import { factsOf } from '@holdfast/core'
import { lifecycle } from '@holdfast/lifecycle'
import { loadShedding } from '@holdfast/load-shedding'
import { outgoing } from '@holdfast/outgoing'
import { rateLimit } from '@holdfast/rate-limit'
import { requestLogging } from '@holdfast/request-logging'
import { telemetry } from '@holdfast/telemetry'
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import holdfast, { serverOptions } from 'holdfast'
import t from 'tap'
import { request } from 'undici'
import { eventually, listen } from './support/http.ts'

interface Case {
  readonly name: string
  register(app: FastifyInstance): unknown
  registerWrong(app: FastifyInstance): unknown
  /** What the sentence about the wrong option must name: the option and the value. */
  readonly complaint: RegExp
  /** Set where it has nothing to do with the app's requests. */
  readonly hasNoHook?: true
}

const cases: Case[] = [
  {
    name: '@holdfast/rate-limit',
    register: (app) => app.register(rateLimit, { max: 10 }),
    registerWrong: (app) => app.register(rateLimit, { max: Number.NaN }),
    complaint: /rateLimit\.max.*NaN/
  },
  {
    name: '@holdfast/load-shedding',
    register: (app) => app.register(loadShedding, {}),
    registerWrong: (app) => app.register(loadShedding, { maxQueueDelay: 1 }),
    complaint: /loadShedding\.maxQueueDelay.*1/
  },
  {
    name: '@holdfast/circuit-breaker',
    register: (app) => app.register(circuitBreaker, {}),
    registerWrong: (app) => app.register(circuitBreaker, { threshold: -1 }),
    complaint: /circuitBreaker\.threshold.*-1/
  },
  {
    name: '@holdfast/request-logging',
    register: (app) => app.register(requestLogging, {}),
    // @ts-expect-error the wrong option
    registerWrong: (app) => app.register(requestLogging, { levle: {} }),
    complaint: /requestLogging.*levle/
  },
  {
    name: '@holdfast/lifecycle',
    register: (app) => app.register(lifecycle, {}),
    registerWrong: (app) => app.register(lifecycle, { drainDelay: 'soon' }),
    complaint: /lifecycle\.drainDelay.*soon/
  },
  {
    name: '@holdfast/outgoing',
    register: (app) => app.register(outgoing, {}),
    registerWrong: (app) => app.register(outgoing, { retries: -1 }),
    complaint: /outgoing\.retries.*-1/
  },
  {
    name: '@holdfast/telemetry',
    register: (app) => app.register(telemetry, { listen: { port: 0 } }),
    registerWrong: (app) => app.register(telemetry, { maxSeries: 0 }),
    complaint: /telemetry\.maxSeries.*0/
  },
  {
    name: '@holdfast/console',
    register: (app) => app.register(holdfastConsole, { listen: { port: 0 } }),
    registerWrong: (app) => app.register(holdfastConsole, { listen: { port: -1 } }),
    complaint: /holdfastConsole\.listen\.port.*-1/,
    hasNoHook: true
  },
  {
    name: 'holdfast',
    register: (app) => app.register(holdfast, {}),
    // @ts-expect-error the wrong option
    registerWrong: (app) => app.register(holdfast, { ratelimit: {} }),
    complaint: /holdfast.*ratelimit/
  }
]

for (const plugin of cases.filter(({ hasNoHook }) => !hasNoHook)) {
  t.test(`${plugin.name} alone has an onRequest hook that Fastify lists`, async (t) => {
    const app = Fastify(serverOptions({ logger: false }))
    t.teardown(() => app.close())
    plugin.register(app)
    app.get('/', async () => 'ok')
    await app.ready()
    t.match(app.printRoutes({ includeHooks: true }), /onRequest.*holdfast/)
  })
}

for (const plugin of cases) {
  t.test(`${plugin.name} alone leaves nothing behind after close`, async (t) => {
    const before = await traces()
    const app = Fastify(serverOptions({ logger: false }))
    plugin.register(app)
    app.get('/', { config: { circuitBreaker: true } }, async () => 'ok')
    const port = await listen(app)
    const answer = await request(`http://127.0.0.1:${port}/`, { reset: true })
    t.equal(await answer.body.text(), 'ok')
    await app.close()
    t.same(await traces(), before)
  })

  t.test(`${plugin.name} refuses a wrong option at boot, and names it`, async (t) => {
    const app = Fastify()
    t.teardown(() => app.close())
    const boot = async (): Promise<void> => {
      plugin.registerWrong(app)
      await app.ready()
    }
    await t.rejects(boot, { code: /^HOLDFAST_ERR_OPTION_/, message: plugin.complaint })
  })

  t.test(`${plugin.name} registered twice on one instance stops the boot`, async (t) => {
    const app = Fastify()
    t.teardown(() => app.close())
    const boot = async (): Promise<void> => {
      plugin.register(app)
      plugin.register(app)
      await app.ready()
    }
    await t.rejects(boot, { code: 'HOLDFAST_ERR_REGISTERED_TWICE' })
  })
}

const CHANNELS = ['http.server.request.start', 'http.server.response.finish', 'net.server.socket']

/** What a plugin might leave in the process, once what was closed is gone. */
async function traces(): Promise<object> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve, 1))
  const listeners = process
    .eventNames()
    .map((event) => `${String(event)}: ${process.listenerCount(event)}`)
  return {
    // The test runner and the HTTP client have pipes and sockets of their own.
    resources: process
      .getActiveResourcesInfo()
      .filter((resource) => !/Pipe|TCPSocket|TTY|Immediate/.test(resource))
      .sort(),
    listeners: listeners.sort(),
    channels: CHANNELS.filter((name) => diagnosticsChannel.hasSubscribers(name))
  }
}

for (const [status, code, options] of [
  [429, 'HOLDFAST_ERR_RATE_LIMIT_EXCEEDED', { rateLimit: { max: 0 } }],
  [503, 'HOLDFAST_ERR_CIRCUIT_BREAKER_OPEN', { circuitBreaker: 'payments' }]
] as const) {
  const build = async (
    arrange: (app: FastifyInstance) => void = () => {},
    errorHandler?: Handler
  ) => {
    const app = Fastify({ forceCloseConnections: true })
    await app.register(holdfast, { lifecycle: false })
    arrange(app)
    const payments = app.circuitBreaker('payments', { threshold: 1, resetTimeout: '1 hour' })
    await payments.execute(async () => Promise.reject(new Error('down'))).catch(() => {})
    app.get('/', { config: options, ...(errorHandler && { errorHandler }) }, async () => 'ok')
    return app
  }
  type Handler = (error: Error & { code?: string }, request: unknown, reply: FastifyReply) => void
  const answer: Handler = (error, _request, reply) => {
    reply.send({ seen: error.code, status: reply.statusCode })
  }

  t.test(`a refusal with ${status} is problem+json by default`, async (t) => {
    const app = await build()
    t.teardown(() => app.close())
    const { statusCode, headers, body } = await request(`http://127.0.0.1:${await listen(app)}/`)
    t.equal(statusCode, status)
    t.equal(headers['content-type'], 'application/problem+json')
    t.equal(headers['cache-control'], 'no-store')
    t.match(await body.json(), { status, code, statusCode: status, title: String, type: String })
  })

  t.test(
    `a refusal with ${status} reaches the user's error handlers as a coded error`,
    async (t) => {
      const apps = [
        await build((app) => app.setErrorHandler(answer)),
        await build(undefined, answer)
      ]
      for (const app of apps) {
        t.teardown(() => app.close())
        const { statusCode, headers, body } = await request(
          `http://127.0.0.1:${await listen(app)}/`
        )
        t.equal(statusCode, status)
        t.equal(headers['cache-control'], 'no-store')
        t.same(await body.json(), { seen: code, status })
      }
    }
  )
}

t.test('an open breaker says when to come back', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(circuitBreaker, { threshold: 1, resetTimeout: '30s' })
  app.get('/', { config: { circuitBreaker: true } }, async () => {
    throw new Error('down')
  })
  t.equal((await app.inject('/')).statusCode, 500)
  const refused = await app.inject('/')
  t.equal(refused.statusCode, 503)
  const seconds = Number(refused.headers['retry-after'])
  t.ok(Number.isInteger(seconds) && seconds >= 1 && seconds <= 30, `Retry-After: ${seconds}`)
})

t.test("a breaker does not take the limiter's refusals for failures", async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(holdfast, { lifecycle: false })
  const config = { circuitBreaker: { threshold: 1 }, rateLimit: { max: 1 } }
  app.get('/', { config }, async () => 'ok')
  t.equal((await app.inject('/')).statusCode, 200)
  for (let refusals = 0; refusals < 10; refusals++) {
    t.equal((await app.inject('/')).statusCode, 429)
  }
  t.equal(app.circuitBreaker('GET /').state, 'closed')
})

t.test(
  'what is shed is charged to no limit, is no failure of a breaker, and no error on its line',
  async (t) => {
    const lines: Record<string, unknown>[] = []
    const stream = { write: (line: string) => void lines.push(JSON.parse(line)) }
    const app = Fastify(serverOptions({ logger: { stream } }))
    t.teardown(() => app.close())
    await app.register(holdfast, {
      lifecycle: false,
      loadShedding: { maxInFlight: 1, mode: 'enforce' }
    })
    const config = { circuitBreaker: { threshold: 1 }, rateLimit: { max: 3 } }
    const held: (() => void)[] = []
    app.get('/', { config }, () => new Promise((resolve) => held.push(() => resolve('ok'))))
    const first = app.inject('/')
    await eventually(() => held.length === 1)
    for (let shed = 0; shed < 5; shed++) t.equal((await app.inject('/')).statusCode, 503)
    held[0]?.()
    t.equal((await first).statusCode, 200)
    const second = app.inject('/')
    await eventually(() => held.length === 2)
    held[1]?.()
    t.match((await second).headers['ratelimit'], /r=1/, 'two were charged')
    t.equal(app.circuitBreaker('GET /').state, 'closed')
    const written = lines.filter(({ outcome }) => outcome === 'refused')
    t.match(
      written,
      new Array(5).fill({ refusedBy: 'load-shedding', shed: 'in-flight', status: 503 })
    )
    t.equal(lines.filter(({ level }) => Number(level) >= 50).length, 0)
  }
)

t.test('a failure that a fallback hides is on the line of the request', async (t) => {
  const lines: Record<string, unknown>[] = []
  const stream = { write: (line: string) => void lines.push(JSON.parse(line)) }
  const app = Fastify(serverOptions({ logger: { stream } }))
  t.teardown(() => app.close())
  await app.register(holdfast, { lifecycle: false })
  app.get('/', (request) =>
    app
      .circuitBreaker('payments')
      .execute(() => Promise.reject(new Error('down')), { request, fallback: () => 'a guess' })
  )
  t.equal((await app.inject('/')).payload, 'a guess')
  t.match(lines, [{ route: '/', status: 200, outcome: 'ok', breakerFallback: 'payments' }])
})

t.test('the line of a request says what the others decided about it', async (t) => {
  const lines: Record<string, unknown>[] = []
  const stream = { write: (line: string) => void lines.push(JSON.parse(line)) }
  const app = Fastify(serverOptions({ logger: { stream } }))
  t.teardown(() => app.close())
  await app.register(holdfast, { lifecycle: false, rateLimit: { max: 1 } })
  app.get('/', async (request) => {
    t.equal(factsOf(request).rateLimit?.allowed, true)
    return 'ok'
  })
  await app.inject('/')
  await app.inject('/')
  t.match(lines, [
    { route: '/', status: 200, outcome: 'ok' },
    { route: '/', status: 429, outcome: 'refused', refusedBy: 'rate-limit' }
  ])
})

t.test('probes are neither limited nor logged, and no authentication refuses them', async (t) => {
  const lines: string[] = []
  const stream = { write: (line: string) => void lines.push(line) }
  const app = Fastify(serverOptions({ logger: { stream } }))
  t.teardown(() => app.close())
  await app.register(holdfast, { rateLimit: { max: 1 }, lifecycle: { signals: false } })
  app.addHook('onRequest', async (_request, reply) => reply.code(401).send('who are you?'))
  app.get('/', async () => 'ok')
  await app.ready()
  for (let probes = 0; probes < 5; probes++) {
    t.equal((await app.inject('/livez')).statusCode, 200)
  }
  t.equal((await app.inject('/')).statusCode, 401)
  t.equal(lines.filter((line) => line.includes('/livez')).length, 0)
})

t.test('a plugin registered behind one it should precede is named at boot', async (t) => {
  const lines: string[] = []
  const stream = { write: (line: string) => void lines.push(line) }
  const app = Fastify({ logger: { stream } })
  t.teardown(() => app.close())
  app.register(circuitBreaker, {})
  app.register(rateLimit, {})
  await app.ready()
  t.match(lines.join(''), /rate-limit is registered after @holdfast\/circuit-breaker.*Move/)
})

t.test('the suite pays for no onSend and no onResponse hook', async (t) => {
  const app = Fastify(serverOptions({ logger: false }))
  t.teardown(() => app.close())
  await app.register(holdfast, {})
  app.get('/', async () => 'ok')
  await app.ready()
  t.notMatch(app.printRoutes({ includeHooks: true }), /(onSend|onResponse).*holdfast/)
})

t.test('a suite with all its parts left out is an empty plugin', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(holdfast, {
    lifecycle: false,
    requestLogging: false,
    loadShedding: false,
    rateLimit: false,
    circuitBreaker: false
  })
  t.notOk(app.hasDecorator('rateLimit'))
  t.notOk(app.hasDecorator('lifecycle'))
})
