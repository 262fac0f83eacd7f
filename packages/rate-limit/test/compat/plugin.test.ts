/**
 * The drop-in as a whole: `compat/plugin.ts`, `compat/index.ts`, `compat/exports.ts`, `compat/options.ts`,
 * `compat/limits.ts`, `compat/answer.ts`, `compat/checks.ts`, `compat/limiter.ts`, `compat/counters.ts`,
 * `compat/store.ts` and `compat/stores.ts`.
 */
import { once } from 'node:events'
import { factsOf, statesOf } from '@holdfast/core'
import fastifyRateLimit, {
  type FastifyRateLimitStore,
  fastifyRateLimit as named,
  type RateLimitPluginOptions
} from '@holdfast/rate-limit/compat'
import Fastify, { type FastifyInstance, type FastifyRequest, type InjectOptions } from 'fastify'
import fp from 'fastify-plugin'
import t from 'tap'
import { runQuietly } from '../../../../test/support/pack.js'
import { resolveOptions } from '../../dist/compat/limits.js'
import { LocalMemory } from '../../dist/compat/local-store.js'
import { listenerOf } from '../../dist/compat/stores.js'

const ok = () => 'ok'
const keyGenerator = ({ headers }: FastifyRequest) => String(headers.key)

async function statuses(app: FastifyInstance, ...requests: (string | InjectOptions)[]) {
  const codes: number[] = []
  for (const request of requests) codes.push((await app.inject(request)).statusCode)
  return codes
}

function logged() {
  const lines: { msg: string; level: number }[] = []
  const stream = { write: (line: string) => lines.push(JSON.parse(line)) }
  return { lines, logger: { level: 'warn', stream } as const }
}

t.test('it is exported as the original is', async (t) => {
  const script = `
    const required = require('@holdfast/rate-limit/compat')
    import('@holdfast/rate-limit/compat').then((imported) => {
      const { default: plugin, fastifyRateLimit, normalizeIP } = required
      console.log([plugin, fastifyRateLimit, imported.default].every((it) => it === required))
      console.log(normalizeIP === imported.normalizeIP)
    })`
  // The test runner has a require() of its own.
  const { stdout } = await runQuietly(process.execPath, ['-e', script], import.meta.dirname)
  t.equal(stdout, 'true\ntrue\n')
  t.equal(named, fastifyRateLimit)
})

t.test('plugins that depend on the original find it', async (t) => {
  const dependent = fp(async () => {}, { dependencies: ['@fastify/rate-limit'] })
  const app = Fastify().register(fastifyRateLimit).register(dependent)
  await app.ready()
  t.ok(app.hasPlugin('@fastify/rate-limit'))
})

t.test('every hook checks, on routes from before and after', async (t) => {
  for (const hook of ['onRequest', 'preParsing', 'preValidation', 'preHandler'] as const) {
    const app = Fastify()
    app.get('/before', ok)
    app.register(fastifyRateLimit, { max: 2, hook })
    app.register(async (scope) => {
      scope.get('/after', { config: {} }, ok)
    })
    const urls = ['/before', '/after', '/after', '/before', '/none']
    t.strictSame(await statuses(app, ...urls), [200, 200, 429, 429, 429], hook)
  }
})

t.test('routes from before have their own limit or none, but no hook of their own', async (t) => {
  const { lines, logger } = logged()
  const app = Fastify({ logger })
  app.register(fastifyRateLimit, { max: 1 })
  app.get('/own', { config: { rateLimit: { max: 2, hook: 'preHandler' } } }, ok)
  app.get('/free', { config: { rateLimit: false } }, ok)
  app.get('/wrong', { config: { rateLimit: { max: -1 } } }, ok)
  t.strictSame(await statuses(app, '/own', '/own', '/own'), [200, 200, 429])
  t.strictSame(await statuses(app, '/free', '/free'), [200, 200])
  t.strictSame(await statuses(app, '/wrong', '/wrong'), [200, 429])
  t.match(
    lines.map(({ msg }) => msg),
    [
      /^GET \/own: config\.rateLimit: the hook preHandler came too late/,
      /^GET \/wrong: config\.rateLimit cannot be used/
    ]
  )
})

t.test('global: false limits nothing but what says so', async (t) => {
  const app = Fastify().register(fastifyRateLimit, { max: 1, global: false })
  app.get('/before', ok)
  await app.after()
  app.get('/', ok)
  app.get('/own', { config: { rateLimit: {} } }, ok)
  t.strictSame(await statuses(app, '/', '/', '/before', '/before', '/no', '/no'), [
    ...[200, 200, 200, 200, 404, 404]
  ])
  t.strictSame(await statuses(app, '/own', '/own'), [200, 429])
})

t.test('probes are not limited', async (t) => {
  const app = Fastify()
  await app.register(fastifyRateLimit, { max: 0 })
  app.get('/live', { config: { holdfast: { probe: true } } }, ok)
  t.strictSame(await statuses(app, '/live', '/live'), [200, 200])
})

t.test('the rest of the suite learns who refused', async (t) => {
  const refusers: unknown[] = []
  const app = Fastify().register(fastifyRateLimit, { max: 1 })
  app.addHook('onResponse', async (request) => refusers.push(factsOf(request).refusedBy))
  app.get('/', ok)
  await statuses(app, '/', '/')
  t.strictSame(refusers, [undefined, 'rate-limit'])
})

t.test('a handler of 404 has its own limit, or asks for one itself', async (t) => {
  const app = Fastify()
  await app.register(fastifyRateLimit, { max: 2 })
  app.setNotFoundHandler({ preHandler: app.rateLimit({ max: 3 }) }, (_request, reply) => {
    reply.code(404).send('nothing')
  })
  t.strictSame(await statuses(app, '/a', '/a', '/a', '/a'), [404, 404, 404, 429])

  const asking = Fastify()
  await asking.register(fastifyRateLimit, { max: 2 })
  const check = asking.createRateLimit({ max: 5 })
  asking.setNotFoundHandler(async (request, reply) => {
    const checked = await check(request)
    return reply.code(404).send(checked)
  })
  const left: number[] = []
  for (let index = 0; index < 4; index++) left.push((await asking.inject('/a')).json().remaining)
  t.strictSame(left, [4, 3, 2, 1])
})

t.test('a hook is put where the user wants it, and checks once', async (t) => {
  const app = Fastify()
  await app.register(fastifyRateLimit, { global: false, max: 2 })
  app.get('/', { preHandler: [app.rateLimit(), app.rateLimit(), app.rateLimit({ max: 1 })] }, ok)
  t.strictSame(await statuses(app, '/', '/', '/'), [200, 200, 429])
})

class Counter implements FastifyRateLimitStore {
  static readonly made: Record<string, unknown>[] = []
  static readonly asked: unknown[][] = []
  #current = 0

  constructor(options: object) {
    Counter.made.push({ ...options })
  }

  incr(...[key, callback, timeWindow, max]: Parameters<FastifyRateLimitStore['incr']>) {
    Counter.asked.push([key, timeWindow, max])
    callback(null, { current: ++this.#current, ttl: timeWindow })
  }

  read(...[, callback]: Parameters<FastifyRateLimitStore['incr']>) {
    callback(null, { current: this.#current, ttl: 0 })
  }

  child(options: object) {
    return new Counter(options)
  }
}

t.test("a user's store is made, asked and read as ever", async (t) => {
  const app = Fastify()
  await app.register(fastifyRateLimit, { max: 2, timeWindow: '1s', store: Counter })
  const check = app.createRateLimit({ max: 4 })
  const config = { rateLimit: { max: 3, groupId: 'g', mine: 'kept' } }
  app.get('/', { config }, async (request) => check(request, { increment: false }))
  t.match((await app.inject('/')).json(), { remaining: 4, timeWindow: 1000 })
  t.match(Counter.made, [
    { max: 2, timeWindow: 1000, global: true, labels: { rateLimit: 'x-ratelimit-limit' } },
    { max: 4, routeInfo: {} },
    { max: 3, groupId: 'g', mine: 'kept', routeInfo: { url: '/', method: 'GET' } },
    // The route that answers HEAD.
    { max: 3, routeInfo: { method: 'HEAD' } }
  ])
  t.strictSame(Counter.asked, [['127.0.0.1g', 1000, 3]])
})

t.test("a user's store that cannot be read is not needed to, until somebody asks", async (t) => {
  const { incr } = Counter.prototype
  class Unreadable {
    incr = incr.bind(new Counter({}))
    child = () => this
  }
  const app = Fastify()
  await app.register(fastifyRateLimit, { store: Unreadable, skipOnError: true })
  const check = app.createRateLimit()
  app.get('/', async (request) => check(request, { increment: false }))
  t.match((await app.inject('/')).json(), { statusCode: 500, message: /no `read` method/ })
})

t.test('what a store fails with goes to the client, or is passed over', async (t) => {
  class Broken extends Counter {
    override incr(...[, callback]: Parameters<FastifyRateLimitStore['incr']>) {
      callback(new Error('the store is down'))
    }
    override child() {
      return this
    }
  }
  const app = Fastify()
  await app.register(fastifyRateLimit, { store: Broken, max: 2 })
  app.get('/', ok)
  app.get('/skip', { config: { rateLimit: { skipOnError: true } } }, ok)
  t.match((await app.inject('/')).json(), { statusCode: 500, message: 'the store is down' })
  const skipped = await app.inject('/skip')
  t.match([skipped.statusCode, skipped.headers['x-ratelimit-remaining']], [200, '2'])
  t.match(statesOf(app, '@holdfast/rate-limit')[0]?.state, {
    limits: [
      { limit: 'default', policies: [{ allowed: 0, unanswered: 0 }] },
      { limit: 'GET /skip', policies: [{ allowed: 0, unanswered: 1 }] },
      { limit: 'HEAD /skip' }
    ],
    table: undefined,
    store: undefined
  })
})

t.test('what it decides is counted, in a bounded number of limits', async (t) => {
  const app = Fastify()
  await app.register(fastifyRateLimit, { max: 2, ban: 1, allowList: ['friend'], keyGenerator })
  const check = app.createRateLimit()
  app.get('/', ok)
  app.get('/search', { config: { rateLimit: { max: 1, groupId: 'search' } } }, ok)
  app.get('/peek', { config: { rateLimit: false } }, async (request) => {
    return check(request, { increment: false })
  })
  app.get('/check', { config: { rateLimit: false } }, async (request) => {
    const limiter = app.createRateLimit({ max: Number(request.headers.max), timeWindow: 1000 })
    return limiter(request)
  })
  const friend = { key: 'friend' }
  const requests = [{}, {}, {}, {}, { headers: friend }].map((one) => ({ url: '/', ...one }))
  t.strictSame(await statuses(app, ...requests), [200, 200, 429, 403, 200])
  t.strictSame(await statuses(app, '/search', '/search', '/peek'), [200, 429, 200])
  const limits = () => statesOf(app, '@holdfast/rate-limit')[0]?.state.limits ?? []
  t.match(limits(), [
    {
      limit: 'default',
      mode: 'enforce',
      policies: [{ max: 2, allowed: 2, denied: 1, banned: 1, allowListed: 1, unanswered: 0 }]
    },
    { limit: 'search', policies: [{ policy: 'search', max: 1, allowed: 1, denied: 1 }] }
  ])
  for (let max = 1; max <= 1200; max++) await app.inject({ url: '/check', headers: { max } })
  t.match(limits()[2], { limit: 'limiter 1/1000', policies: [{ allowed: 1 }] })
  t.equal(limits().length, 1001)
  t.match(limits()[1000], { limit: 'others', policies: [{ allowed: 202 }] })
  t.equal(statesOf(app, '@holdfast/rate-limit')[0]?.state.table?.maxKeys, 2 ** 20)
})

t.test('limits with equal numbers are counted apart, the first ten of them', async (t) => {
  const app = Fastify()
  await app.register(fastifyRateLimit)
  const given = { max: 1, timeWindow: 1000 }
  const limiters = Array.from({ length: 12 }, () => app.createRateLimit(given))
  app.get('/:number', { config: { rateLimit: false } }, async (request) => {
    const { number } = request.params as { number: number }
    return limiters[number]?.(request)
  })
  const requests = ['/0', '/1', '/1', '/9', '/10', '/11']
  t.strictSame(
    await statuses(app, ...requests),
    requests.map(() => 200)
  )
  const limits = statesOf(app, '@holdfast/rate-limit')[0]?.state.limits ?? []
  t.match(limits, { length: 11 })
  t.match(limits[0], { limit: 'default', policies: [{ max: 1000 }] })
  t.match(limits[1], { limit: 'limiter 1/1000', policies: [{ allowed: 1, denied: 0 }] })
  t.match(limits[2], { limit: 'limiter 1/1000 (2)', policies: [{ allowed: 1, denied: 1 }] })
  t.match(limits[10], { limit: 'limiter 1/1000 (10)', policies: [{ allowed: 3, denied: 0 }] })
})

t.test("answers of users' functions that are of no use are logged once", async (t) => {
  const { lines, logger } = logged()
  const app = Fastify({ logger })
  const wrong = { max: () => undefined, timeWindow: () => 'banana', keyGenerator: () => undefined }
  await app.register(fastifyRateLimit, wrong as unknown as RateLimitPluginOptions)
  app.get('/', ok)
  t.match((await app.inject('/')).headers, {
    'x-ratelimit-limit': '1000',
    'x-ratelimit-reset': '60'
  })
  t.match((await app.inject('/')).headers, { 'x-ratelimit-remaining': '998' })
  t.equal(lines.length, 3)
  t.match(lines[0], { msg: /^rateLimit: keyGenerator returned nothing/ })
})

t.test('what functions answer counts, Infinity too, and what they throw is thrown', async (t) => {
  const app = Fastify()
  await app.register(fastifyRateLimit, {
    keyGenerator: (request) => {
      if (request.headers.key === undefined)
        throw Object.assign(new Error('who?'), { statusCode: 401 })
      return String(request.headers.key)
    },
    max: (_request, key) => (key === 'admin' ? Infinity : 0),
    timeWindow: async () => 5000.5,
    ban: 1
  })
  app.get('/', ok)
  const [nobody, guest, admin] = [{ url: '/' }, 'guest', 'admin'].map((key) =>
    typeof key === 'string' ? { url: '/', headers: { key } } : key
  ) as [InjectOptions, InjectOptions, InjectOptions]
  t.strictSame(await statuses(app, nobody, guest, guest, admin, admin), [401, 429, 403, 200, 200])
})

t.test('nonsense among the lesser options counts as the default', async (t) => {
  const app = Fastify()
  const wrong = { max: 1, ban: NaN, ipv6Subnet: 300, skipOnError: 'no', onExceeded: 5, cache: NaN }
  await app.register(fastifyRateLimit, wrong as unknown as RateLimitPluginOptions)
  app.get('/', ok)
  app.get('/own', { config: { rateLimit: { ban: 0, ipv6Subnet: 56.9 } } }, ok)
  t.strictSame(await statuses(app, '/', '/', '/', '/own', '/own'), [200, 429, 429, 200, 403])
})

t.test('routes refuse what is no configuration', async (t) => {
  const app = Fastify()
  await app.register(fastifyRateLimit)
  const config = (rateLimit: unknown) => ({ config: { rateLimit } }) as object
  t.throws(() => app.get('/', config(true), ok), /Unknown value for route/)
  t.throws(() => app.get('/', config({ groupId: 5 }), ok), /groupId must be a string/)
  t.throws(() => app.get('/', config({ timeWindow: 'banana' }), ok), {
    message: /"GET \/: config\.rateLimit\.timeWindow" must be at least 1 ms/
  })
})

t.test('a full table says so', async (t) => {
  const { lines, logger } = logged()
  const memory = new LocalMemory(64, listenerOf(Fastify({ logger }).log), () => 0)
  const store = memory.storeFor(resolveOptions({}))
  for (let index = 0; index < 2000; index++) store.increment(`key ${index}`, 1000, 1)
  t.match(lines, [{ level: 40, msg: /four fifths of the 64 clients.*Raise cache/ }])
})

t.test('header fields are those of the early draft, and only those wanted', async (t) => {
  const app = Fastify()
  const enableDraftSpec = true
  const addHeaders = { 'ratelimit-reset': false }
  await app.register(fastifyRateLimit, { max: 1, enableDraftSpec, addHeaders })
  app.get('/', ok)
  const [passed, denied] = [await app.inject('/'), await app.inject('/')]
  const fields = { 'ratelimit-limit': '1', 'ratelimit-remaining': '0', 'ratelimit-reset': '60' }
  t.match(passed.headers, fields)
  t.match(denied.headers, { ...fields, 'ratelimit-reset': undefined, 'retry-after': '60' })
})

t.test('the clock follows the global Date', async (t) => {
  let now = 0
  t.intercept(Date, 'now', { value: () => now })
  const app = Fastify()
  await app.register(fastifyRateLimit, { max: 1, timeWindow: 1000 })
  app.get('/', ok)
  t.strictSame(await statuses(app, '/', '/'), [200, 429])
  now = 1000
  t.strictSame(await statuses(app, '/'), [200])
})

t.test('over a socket a client reads what the original would have told it', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fastifyRateLimit, { max: 1 })
  app.get('/', ok)
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  await (await fetch(url)).text()
  const denied = await fetch(url)
  t.equal(denied.headers.get('retry-after'), '60')
  t.strictSame(await denied.json(), {
    statusCode: 429,
    error: 'Too Many Requests',
    message: 'Rate limit exceeded, retry in 1 minute'
  })
  app.server.closeAllConnections()
  await Promise.all([once(app.server, 'close'), app.close()])
})
