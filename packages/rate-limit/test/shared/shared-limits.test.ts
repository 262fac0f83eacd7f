import { rateLimit } from '@holdfast/rate-limit'
import { RedisStore } from '@holdfast/rate-limit/redis'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { startPrivateRedis } from '../../../../test/support/redis.ts'
import { ioredis } from '../support/redis-clients.ts'
import { ask, services } from '../support/services.ts'

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
