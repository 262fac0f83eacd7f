import { MemoryStore, rateLimit } from '@holdfast/rate-limit'
import { RedisStore } from '@holdfast/rate-limit/redis'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { startPrivateRedis } from '../../../../test/support/redis.ts'
import { ioredis } from '../support/redis-clients.ts'
import { ask, calls, services } from '../support/services.ts'

t.test('services that share a Redis share the limits, each by its name', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const options = { max: 6, timeWindow: '1 hour' } as const
  const [one, two] = (await services(t, redis, 2, options, (app) => {
    app.get('/own', { config: { rateLimit: { max: 1 } } }, () => 'ok')
    for (const url of ['/a', '/b']) {
      app.get(url, { config: { rateLimit: { max: 2, groupId: 'pair' } } }, () => 'ok')
    }
    app.register(
      async (scope) => {
        await scope.register(rateLimit, { max: 1, redis: ioredis(t, redis.port) })
        scope.get('/', () => 'ok')
        const config = { rateLimit: { max: 1, groupId: 'pair' } }
        scope.get('/pair', { config }, () => 'ok')
      },
      { prefix: '/nested' }
    )
  })) as [FastifyInstance, FastifyInstance]
  const asked: [FastifyInstance, string, number, Record<string, string>?][] = [
    // Requests of the nested scope meet both limits.
    [one, '/nested/', 200],
    [two, '/nested/', 429],
    [one, '/nested/pair', 200],
    [two, '/nested/pair', 429],
    ...([one, two, one, two] as const).map(
      (app) => [app, '/', 200] as [FastifyInstance, string, 200]
    ),
    [one, '/', 429],
    [two, '/', 429],
    [one, '/own', 200],
    [two, '/own', 429],
    [one, '/a', 200],
    [two, '/b', 200],
    [one, '/b', 429]
  ]
  for (const [app, url, status, headers] of asked) {
    t.equal((await ask(app, url, headers)).status, status, url)
  }
  t.strictSame(((await redis.cli('KEYS', '*')) as string[]).sort(), [
    'holdfast:t{127.0.0.1}/nested@/nested',
    'holdfast:t{127.0.0.1}GET+/own',
    'holdfast:t{127.0.0.1}default',
    'holdfast:t{127.0.0.1}group+pair',
    'holdfast:t{127.0.0.1}group+pair@/nested'
  ])
})

t.test(
  'what many ask of many at once is admitted exactly as often as the limit says',
  async (t) => {
    const redis = await startPrivateRedis(t)
    if (redis === undefined) return
    for (const algorithm of ['token-bucket', 'fixed-window', 'sliding-window'] as const) {
      const options = { max: 100, timeWindow: '1 hour', algorithm } as const
      const apps = await services(t, redis, 4, options)
      const answers = await Promise.all(
        Array.from({ length: 400 }, (_, index) => ask(apps[index % 4] as FastifyInstance))
      )
      t.equal(answers.filter(({ status }) => status === 200).length, 100, algorithm)
    }
  }
)

t.test('a denied client costs no round trip until its time', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const options = { max: 2, timeWindow: 600, algorithm: 'fixed-window' } as const
  const [app] = (await services(t, redis, 1, options)) as [FastifyInstance]
  for (const status of [200, 200, 429]) t.equal((await ask(app)).status, status)
  const before = await calls(redis)
  for (let asked = 0; asked < 50; asked++) {
    const { status, headers } = await ask(app)
    t.strictSame([status, headers['retry-after']], [429, '1'])
  }
  t.equal(await calls(redis), before)
  await new Promise((resolve) => setTimeout(resolve, 650))
  t.equal((await ask(app)).status, 200)
})

t.test('a client denied one thing may still have a smaller one, and other numbers', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const [app] = (await services(t, redis, 1, {
    max: ({ headers }) => Number(headers['max']),
    cost: ({ headers }) => Number(headers['cost']),
    timeWindow: '1 hour',
    algorithm: 'fixed-window'
  })) as [FastifyInstance]
  const asked: [max: number, cost: number, status: number][] = [
    [10, 8, 200],
    [10, 3, 429],
    [10, 3, 429],
    [10, 2, 200],
    [10, 3, 429],
    [20, 3, 200]
  ]
  for (const [max, cost, status] of asked) {
    const headers = { max: `${max}`, cost: `${cost}` }
    t.equal((await ask(app, '/', headers)).status, status, `${cost} of ${max}`)
  }
})

t.test('a denied client is told how long the request in question has to wait', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const [app] = (await services(t, redis, 1, {
    max: 10,
    timeWindow: '10 hours',
    cost: ({ headers }) => Number(headers['cost'])
  })) as [FastifyInstance]
  const wait = async (cost: number) => {
    return (await ask(app, '/', { cost: `${cost}` })).headers['retry-after']
  }
  t.strictSame([await wait(10), await wait(1), await wait(5)], [undefined, '3600', '18000'])
  t.equal(await wait(11), undefined, 'what is more than everything never comes')
  const before = await calls(redis)
  t.strictSame([await wait(5), await wait(1), await wait(11)], ['18000', '3600', undefined])
  t.equal(await calls(redis), before)
})

t.test('what a denied client is told counts what it was allowed since', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const limit = { max: 100, timeWindow: '10 hours', lease: { max: 20 } } as const
  const [app] = (await services(t, redis, 1, {
    ...limit,
    cost: ({ headers }) => Number(headers['cost'])
  })) as [FastifyInstance]
  for (const [cost, status, left] of [
    [101, 429, 100],
    [1, 200, 99],
    [101, 429, 99],
    [1, 200, 98],
    [1, 200, 97],
    [101, 429, 97]
  ] as const) {
    t.match(await ask(app, '/', { cost: `${cost}` }), { status, left })
  }
})

t.test('a denial that is remembered names no policy that has recovered since', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const policies = [
    { name: 'burst', max: 5, timeWindow: 100 },
    { name: 'day', max: 5, timeWindow: '1 day' }
  ]
  const [app] = (await services(t, redis, 1, { policies })) as [FastifyInstance]
  for (let asked = 0; asked < 6; asked++) await ask(app)
  const before = await calls(redis)
  await new Promise((resolve) => setTimeout(resolve, 150))
  const { body } = await app.inject('/')
  t.strictSame(JSON.parse(body)['violated-policies'], ['day'])
  t.match((await ask(app)).headers['ratelimit'], /"burst";r=5, "day";r=0;t=/)
  t.equal(await calls(redis), before)
})

t.test('where denied requests count, the store sees them all', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const options = { max: 2, timeWindow: '1 hour', countDenied: true, lease: { max: 10 } } as const
  const [app] = (await services(t, redis, 1, options)) as [FastifyInstance]
  const before = await calls(redis)
  for (const status of [200, 200, 429, 429]) t.equal((await ask(app)).status, status)
  t.match(await app.createRateLimiter().peek('127.0.0.1'), { allowed: false })
  t.equal((await calls(redis)) - before, 5)
})

t.test(
  'a lease saves nine of ten round trips away from the limit, and is exact at it',
  async (t) => {
    const redis = await startPrivateRedis(t)
    if (redis === undefined) return
    const algorithm = 'fixed-window'
    const lease = { max: 20 }
    const options = { max: 4000, timeWindow: '1 hour', algorithm, lease, instances: 2 } as const
    const apps = await services(t, redis, 2, options)
    const [one, two] = apps as [FastifyInstance, FastifyInstance]
    const before = await calls(redis)
    for (let asked = 0; asked < 500; asked++) {
      const { status, left } = await ask(one)
      if (status !== 200 || left !== 4000 - asked - 1) t.fail(`${left} left after ${asked}`)
    }
    t.ok((await calls(redis)) - before <= 50)
    let admitted = 500
    let denied = 0
    while (denied < 100) {
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, i) => ask(i % 2 ? one : two))
      )
      const passed = answers.filter(({ status }) => status === 200).length
      admitted += passed
      denied = 100 - passed
    }
    t.equal(admitted, 4000, 'whatever was leased, nothing came back within the hour')
  }
)

t.test('routes of a group share leases and denials', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const lease = { max: 20 }
  const [app] = (await services(t, redis, 1, { timeWindow: '1 hour', lease }, (app) => {
    for (const url of ['/a', '/b']) {
      app.get(url, { config: { rateLimit: { max: 100, groupId: 'pair' } } }, () => 'ok')
    }
  })) as [FastifyInstance]
  const urls = Array.from({ length: 104 }, (_, index) => (index % 4 < 2 ? '/a' : '/b'))
  let admitted = 0
  for (const url of urls) if ((await ask(app, url)).status === 200) admitted++
  t.equal(admitted, 100)
  const before = await calls(redis)
  for (const url of urls) t.equal((await ask(app, url)).status, 429)
  t.equal(await calls(redis), before)
})

t.test('limits are told apart, however long and strange their names are', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const long = `/api/${'organizations/:organizationId/'.repeat(3)}`
  const urls = [`${long}list`, `${long}export`, '/ä', '/ö', '/a+b', '/a b', '/a%20b', '/a{b}', '/x']
  const policies = [
    { name: 'users', max: 2, timeWindow: '1 hour' },
    { name: 'all', max: 2, timeWindow: '1 hour' }
  ]
  const options = { global: false, timeWindow: '1 hour' } as const
  const [app] = (await services(t, redis, 1, options, (app) => {
    for (const url of urls) {
      app.get(url, { config: { rateLimit: { max: 1 } } }, () => 'ok')
    }
    app.get('/api', { config: { rateLimit: { policies } } }, () => 'ok')
    app.get('/api{users}', { config: { rateLimit: { max: 3 } } }, () => 'ok')
    const nested = { config: { rateLimit: { max: 1 } } }
    for (const prefix of ['/ü', '/@']) {
      app.register(
        async (scope) => {
          await scope.register(rateLimit, { redis: ioredis(t, redis.port), timeWindow: '1 hour' })
          scope.get('/x', nested, () => 'ok')
        },
        { prefix }
      )
    }
  })) as [FastifyInstance]
  const all = [...urls, '/ü/x', '/@/x'].map((url) => encodeURI(url))
  for (const url of all) t.match(await ask(app, url), { status: 200 }, url)
  for (const url of all) t.match(await ask(app, url), { status: 429 }, url)
  for (const left of [1, 0]) t.match((await ask(app, '/api')).headers.ratelimit, `"all";r=${left}`)
  t.match(await ask(app, encodeURI('/api{users}')), { left: 2 })
  for (const key of (await redis.cli('KEYS', '*')) as string[]) {
    t.match(key, /^holdfast:t\{127\.0\.0\.1\}[!-z|~]{1,100}(\{(users|all)\})?$/)
  }
})

t.test('what is left of leases returns when a service closes', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const options = { max: 100, timeWindow: '1 hour', lease: { max: 20 }, instances: 2 } as const
  const [one, two] = (await services(t, redis, 2, options)) as [FastifyInstance, FastifyInstance]
  for (const left of [99, 98, 97]) t.equal((await ask(one)).left, left)
  t.ok((await ask(two)).left < 96, 'the second sees what the first has leased as gone')
  await one.close()
  t.equal((await ask(two)).left, 95)
})

t.test('a lease expires with a quarter of the window', async (t) => {
  const store = new MemoryStore()
  let asked = 0
  const counting = {
    check: (charge: Parameters<MemoryStore['check']>[0]) => {
      asked++
      return store.check(charge)
    },
    peek: store.peek.bind(store),
    reserve: (charge: Parameters<MemoryStore['check']>[0]) => {
      asked++
      return store.reserve(charge)
    },
    reset: store.reset.bind(store),
    ban: store.ban.bind(store)
  }
  const app = Fastify()
  t.teardown(() => app.close())
  app.register(rateLimit, { max: 1000, timeWindow: 2000, store: counting, lease: { max: 100 } })
  app.get('/', () => 'ok')
  for (let times = 0; times < 20; times++) await ask(app)
  t.equal(asked, 2)
  await new Promise((resolve) => setTimeout(resolve, 550))
  await ask(app)
  t.equal(asked, 3)
})

t.test('when the store dies nobody waits for a lease', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const lease = { max: 10 }
  const options = { max: 1000, timeWindow: '1 hour', lease, storeTimeout: 50 } as const
  const [app] = (await services(t, redis, 1, options)) as [FastifyInstance]
  await ask(app)
  redis.freeze()
  const answers = await Promise.all(Array.from({ length: 200 }, () => ask(app)))
  t.ok(answers.every(({ status }) => status === 200))
  redis.thaw()
})

t.test(
  'nested registrations have limits of their own, also where they have no prefix',
  async (t) => {
    const redis = await startPrivateRedis(t)
    if (redis === undefined) return
    const [app] = (await services(t, redis, 1, { max: 100 }, (app) => {
      for (const url of ['/one', '/two']) {
        app.register(async (scope) => {
          await scope.register(rateLimit, { max: 1, redis: ioredis(t, redis.port) })
          scope.get(url, () => 'ok')
        })
      }
    })) as [FastifyInstance]
    for (const url of ['/one', '/two']) {
      t.strictSame([(await ask(app, url)).status, (await ask(app, url)).status], [200, 429])
    }
    t.strictSame(((await redis.cli('KEYS', '*')) as string[]).sort(), [
      'holdfast:t{127.0.0.1}default',
      'holdfast:t{127.0.0.1}nested@#2',
      'holdfast:t{127.0.0.1}nested@#3'
    ])
  }
)

t.test('several policies are decided together, and denied together until their time', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const policies = [
    { name: 'burst', max: 3, timeWindow: '1 hour' },
    { name: 'day', max: 100, timeWindow: '1 day', algorithm: 'sliding-window' }
  ] as const
  const [app] = (await services(t, redis, 1, { policies })) as [FastifyInstance]
  for (let asked = 0; asked < 3; asked++) t.equal((await ask(app)).status, 200)
  const denied = await ask(app)
  t.equal(denied.status, 429)
  const before = await calls(redis)
  const again = await ask(app)
  t.strictSame([again.status, again.headers['ratelimit']], [429, denied.headers['ratelimit']])
  t.match(again.headers['ratelimit'], /"burst";r=0.*"day";r=97/)
  t.equal(await calls(redis), before)
})

t.test('a store of another kind is used in the same way', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const store = new RedisStore({ client: ioredis(t, redis.port), prefix: 'mine:' })
  const [app] = (await services(t, redis, 1, { max: 1, store, redis: undefined as never })) as [
    FastifyInstance
  ]
  t.strictSame([(await ask(app)).status, (await ask(app)).status], [200, 429])
  t.strictSame(await redis.cli('KEYS', '*'), ['mine:t{127.0.0.1}default'])
})
