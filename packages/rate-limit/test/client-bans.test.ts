/**
 * Clients that are banned under all limits: `edges/client-bans.ts` and `edges/shared/ban-register.ts`.
 */
import { MemoryStore, type RateLimitOptions, rateLimit } from '@holdfast/rate-limit'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { startPrivateRedis } from '../../../test/support/redis.ts'
import { ClientBans } from '../dist/edges/client-bans.js'
import { ioredis } from './support/redis-clients.ts'

const limited = { config: { rateLimit: { max: 100 } } }

/** Routes with every kind of limit. */
const ROUTES = ['/', '/own', '/group', '/hook', '/tenant', '/nested/', '/nested/own', '/early']

function declareEarly(app: FastifyInstance): void {
  app.get('/early', limited, () => 'ok')
}

function declare(app: FastifyInstance, options: RateLimitOptions): void {
  const keyGenerator = ({ headers }: { headers: Record<string, unknown> }) =>
    String(headers['tenant'])
  const policies = [
    { name: 'client', max: 100, timeWindow: '1 hour' },
    { name: 'tenant', max: 100, timeWindow: '1 hour', keyGenerator }
  ] as const
  app.get('/', () => 'ok')
  app.get('/own', limited, () => 'ok')
  app.get('/group', { config: { rateLimit: { max: 100, groupId: 'some' } } }, () => 'ok')
  app.get('/tenant', { config: { rateLimit: { policies } } }, () => 'ok')
  app.get('/free', { config: { rateLimit: false } }, () => 'ok')
  app.after(() => {
    const onRequest = app.rateLimit({ max: 100 })
    app.get('/hook', { config: { rateLimit: false }, onRequest }, () => 'ok')
  })
  app.register(
    async (scope) => {
      await scope.register(rateLimit, options)
      scope.get('/', () => 'ok')
      scope.get('/own', limited, () => 'ok')
    },
    { prefix: '/nested' }
  )
}

async function serve(t: Test, options: RateLimitOptions): Promise<FastifyInstance> {
  const app = Fastify()
  t.teardown(() => app.close())
  declareEarly(app)
  app.register(rateLimit, options)
  declare(app, options)
  await app.ready()
  return app
}

/** The routes that deny a client. */
async function denials(
  app: FastifyInstance,
  remoteAddress = '192.0.2.1',
  urls: readonly string[] = [...ROUTES, '/free']
) {
  const denied: string[] = []
  for (const url of urls) {
    const headers = { tenant: 'acme' }
    const { statusCode } = await app.inject({ url, remoteAddress, headers })
    if (statusCode === 429) denied.push(url)
  }
  return denied
}

t.test('a client is banned under all limits of the plugin, and allowed again', async (t) => {
  const app = await serve(t, {})
  await app.banClient('::ffff:192.0.2.1', '1 hour')
  t.strictSame(await denials(app), ROUTES, 'all but the route without a limit')
  t.strictSame(await denials(app, '192.0.2.2'), [])
  t.match(await app.createRateLimiter({ max: 9 }).check('192.0.2.1'), { reason: 'banned' })
  await app.banClient('192.0.2.1', 0)
  t.strictSame(await denials(app), [])
  t.match(await app.createRateLimiter({ max: 8 }).check('192.0.2.1'), { allowed: true })
  await app.banClient('acme', '1 hour')
  t.strictSame(await denials(app), ['/tenant'], 'where a policy calls it that')
})

t.test('a limiter bans from its own limit, a nested registration from its own', async (t) => {
  const app = await serve(t, {})
  await app.createRateLimiter().ban('192.0.2.1', '1 hour')
  t.strictSame(await denials(app), ['/', '/nested/'], 'whatever the plugin limit is asked about')
  const other = Fastify()
  t.teardown(() => other.close())
  let nested: FastifyInstance | undefined
  other.register(rateLimit)
  other.get('/', () => 'ok')
  other.register(async (scope) => {
    await scope.register(rateLimit)
    scope.get('/own', limited, () => 'ok')
    nested = scope
  })
  await other.ready()
  await nested?.banClient('192.0.2.1', '1 hour')
  t.strictSame(await denials(other), ['/own'])
})

t.test('what is no ban is refused, with what would be one', async (t) => {
  const app = await serve(t, {})
  for (const [key, duration, message] of [
    ['', 1000, /"banClient\.key" must be text that is not empty/],
    [undefined, 1000, /"banClient\.key"/],
    ['a', -1, /"banClient\.duration"/],
    ['a', '366 days', /at most 365 days/],
    ['a', undefined, /"banClient\.duration"/]
  ] as const) {
    const banned = app.banClient(key as string, duration as number)
    await t.rejects(banned, { code: 'HOLDFAST_ERR_OPTION_INVALID', message })
  }
})

for (const [which, banning, asking] of [
  ['by a process that knows none of the early routes', 0, 1],
  ['by a process that met them all before', 1, 0]
] as const) {
  t.test(`a ban in a store holds for all services and all limits, ${which}`, async (t) => {
    const redis = await startPrivateRedis(t)
    if (redis === undefined) return
    const apps = await Promise.all(
      [0, 1].map(() => serve(t, { redis: ioredis(t, redis.port), storeTimeout: '10s' }))
    )
    const [banner, asker] = [apps[banning], apps[asking]] as [FastifyInstance, FastifyInstance]
    // Of early routes a process learns when it is asked for them.
    t.strictSame(await denials(apps[1] as FastifyInstance), [])
    await banner.banClient('192.0.2.1', '1 hour')
    t.strictSame(await denials(asker), ROUTES)
    t.strictSame(await denials(asker, '192.0.2.2'), [])
    const late = asker.createRateLimiter({ max: 10, timeWindow: '1 hour' })
    t.match((await late.reserve('192.0.2.1', { cost: 4 })).decision, {
      ...{ allowed: false, reason: 'banned', policy: 'createRateLimiter-1', limit: 10 }
    })
    t.match(await late.peek('192.0.2.1'), { allowed: false, reason: 'banned' })
    t.match((await late.reserve('192.0.2.2', { cost: 4 })).decision, { remaining: 6 })
    await asker.banClient('192.0.2.1', 0)
    t.strictSame(await denials(asker), [])
    t.match(await late.check('192.0.2.1'), { allowed: true, remaining: 9 })
  })
}

t.test('a ban that the store did not hear of holds in the process, and says so', async (t) => {
  const store = new MemoryStore()
  const away = () => Promise.reject(new Error('away'))
  const app = await serve(t, { store: Object.assign(store, { ban: away, check: away }) })
  const banned = app.banClient('192.0.2.1', '1 hour')
  await t.rejects(banned, {
    code: 'HOLDFAST_ERR_RATE_LIMIT_STORE_UNAVAILABLE',
    message: /banClient\(\) applies in this process only/
  })
  t.strictSame(await denials(app), ROUTES)
})

t.test(
  'limits that are made later hear of the bans that are in force, as far as there is room',
  async (t) => {
    const bans = new ClientBans()
    for (let client = 0; client <= 2 ** 12; client++) await bans.ban(`${client}`, 3_600_000)
    await bans.ban('short', 1)
    await bans.ban('lifted', 3_600_000)
    await bans.ban('lifted', 0)
    await bans.ban('x'.repeat(1025), 3_600_000)
    await new Promise((resolve) => setTimeout(resolve, 5))
    const heard = new Set<string>()
    class Hearing extends ClientBans {
      override async ban(key: string, duration: number): Promise<void> {
        if (duration > 3_500_000) heard.add(key)
      }
    }
    const hearing = new Hearing()
    bans.add((key, duration) => hearing.ban(key, duration))
    t.equal(heard.size, 2 ** 12 - 2)
    for (const key of ['0', '1', '2', 'short', 'lifted']) t.notOk(heard.has(key), key)
  }
)

t.test('a group is banned from once, for each way to tell its clients', async (t) => {
  const store = new MemoryStore()
  let bans = 0
  const ban = (...args: Parameters<MemoryStore['ban']>) => {
    if (args[0].limit.startsWith('group')) bans++
    return MemoryStore.prototype.ban.apply(store, args)
  }
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(rateLimit, { store: Object.assign(store, { ban }), lease: { max: 2 } })
  const limiters = [64, 64, 48].map((ipv6Subnet) =>
    app.createRateLimiter({ max: 9, groupId: 'some', ipv6Subnet })
  )
  await app.banClient('2001:db8::1', '1 hour')
  t.equal(bans, 2)
  for (const limiter of limiters) {
    t.match(await limiter.check('2001:db8::2'), { reason: 'banned' })
  }
})
