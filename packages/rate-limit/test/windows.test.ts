/**
 * The windows of a limit whose `timeWindow` is a function: `windows.ts`, and what the plugin makes of
 * it in memory and in Redis.
 */
import { MemoryStore, type RateLimitOptions, rateLimit } from '@holdfast/rate-limit'
import { RedisStore } from '@holdfast/rate-limit/redis'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { startPrivateRedis } from '../../../test/support/redis.ts'
import { MAX_WINDOWS, WindowSet } from '../dist/windows.js'
import { closing } from './support/redis-clients.ts'

const isLogin = ({ url }: FastifyRequest) => url === '/login'
/** Five logins in a quarter of an hour, and three hundred of anything else in ten seconds. */
const BY_URL = {
  max: (request: FastifyRequest) => (isLogin(request) ? 5 : 300),
  timeWindow: (request: FastifyRequest) => (isLogin(request) ? '15 minutes' : '10s')
}

/** An app that keeps its limits in memory, in a store, or in Redis. */
const PLACES: Readonly<Record<string, (t: Test) => Promise<RateLimitOptions | undefined>>> = {
  memory: async () => ({}),
  'a store': async () => ({ store: new MemoryStore() }),
  Redis: async (t) => {
    const redis = await startPrivateRedis(t)
    if (redis === undefined) return undefined
    return { store: new RedisStore({ client: closing(t, new Redis(redis.url)) }) }
  }
}

async function serve(t: Test, options: RateLimitOptions, lines?: string[]) {
  const stream = { write: (line: string) => lines?.push(JSON.parse(line).msg) }
  const app = Fastify({ logger: { level: 'warn', stream } })
  t.teardown(() => app.close())
  await app.register(rateLimit, options)
  app.get('/*', () => 'ok')
  return app
}

async function passed(app: FastifyInstance, url: string, times: number): Promise<number> {
  let count = 0
  for (let time = 0; time < times; time++) {
    if ((await app.inject(url)).statusCode === 200) count++
  }
  return count
}

t.test('seventeen windows are sixteen: the next longer, else the longest', async (t) => {
  const windows = new WindowSet()
  for (let window = 1; window <= MAX_WINDOWS; window++)
    t.equal(windows.take(10 * window), 10 * window)
  t.equal(windows.take(10), 10)
  t.equal(windows.take(5), 10)
  t.equal(windows.take(75), 80)
  t.equal(windows.take(1000), 160)
  t.equal(windows.take(75), 80, 'and stays it')
})

for (const [place, optionsOf] of Object.entries(PLACES)) {
  t.test(`in ${place}, a limit that depends on the request`, async (t) => {
    const options = await optionsOf(t)
    if (options === undefined) return

    t.test('counts for each window by itself, and forgives nothing', async (t) => {
      const app = await serve(t, { ...options, ...BY_URL })
      let logins = 0
      let others = 0
      for (let round = 0; round < 20; round++) {
        logins += await passed(app, '/login', 6)
        others += await passed(app, '/', 1)
      }
      t.strictSame([logins, others], [5, 20])
    })

    t.test('is known by the key alone', async (t) => {
      const app = await serve(t, { ...options, global: false })
      const limiter = app.createRateLimiter({ ...BY_URL, keyGenerator: () => 'client' })
      const hook = {
        onRequest: async (request: FastifyRequest) => void (await limiter.check(request))
      }
      app.get('/login', hook, () => 'ok')
      app.get('/else', hook, () => 'ok')
      await t.rejects(limiter.peek('client'), { code: 'HOLDFAST_ERR_RATE_LIMIT_REQUEST_NEEDED' })
      await passed(app, '/else', 1)
      t.match(await limiter.peek('client'), { allowed: true, remaining: 299 })
      await passed(app, '/login', 5)
      t.match(await limiter.peek('client'), { allowed: false, limit: 5, remaining: 0 })
      t.match(await limiter.peek('client', { cost: 0 }), { allowed: true, remaining: 0 })
      await limiter.reset('client')
      t.match(await limiter.peek('client'), { allowed: true, limit: 5, remaining: 5 })
      await limiter.ban('client', '1h')
      t.match(await limiter.peek('client'), { allowed: false, reason: 'banned' })
    })
  })
}

t.test('a key on the allow list is told so, whatever its limit depends on', async (t) => {
  const app = await serve(t, {})
  const limiter = app.createRateLimiter({ ...BY_URL, allowList: ['192.0.2.1'] })
  t.match(await limiter.peek('192.0.2.1'), { allowed: true, reason: 'allow-listed' })
  await t.rejects(limiter.peek('192.0.2.2'), { message: /"max" is a function of the request/ })
  const windows = app.createRateLimiter({ max: 1, timeWindow: BY_URL.timeWindow })
  await t.rejects(windows.peek('a'), { message: /"timeWindow" is a function of the request/ })
})

t.test('of a group a key is known in the windows that any of its routes has met', async (t) => {
  const app = await serve(t, { keyGenerator: () => 'client' })
  const rateLimit = { groupId: 'both', ...BY_URL }
  app.get('/login', { config: { rateLimit } }, () => 'ok')
  const limiter = app.createRateLimiter(rateLimit)
  await passed(app, '/login', 6)
  t.match(await limiter.peek('client'), { allowed: false, limit: 5, remaining: 0 })
})

t.test('of several policies a key is looked up in every window of each', async (t) => {
  const app = await serve(t, {})
  const limiter = app.createRateLimiter({
    keyGenerator: () => 'client',
    policies: [
      { name: 'by url', ...BY_URL },
      { name: 'day', max: 1000, timeWindow: '1 day' }
    ]
  })
  const hook = { onRequest: async (request: FastifyRequest) => void (await limiter.check(request)) }
  app.get('/login', hook, () => 'ok')
  app.get('/else', hook, () => 'ok')
  await passed(app, '/login', 5)
  await passed(app, '/else', 1)
  const decision = await limiter.peek('client')
  t.match(decision, { allowed: false, policy: 'by url', each: [{ limit: 5 }, { remaining: 994 }] })
})

t.test('more windows than there is room for are told once, and counted in others', async (t) => {
  const lines: string[] = []
  const app = await serve(
    t,
    {
      groupId: 'all',
      max: 1,
      timeWindow: ({ url }: FastifyRequest) => `${url.slice(1)} minutes`,
      keyGenerator: () => 'client'
    },
    lines
  )
  for (let minutes = 101; minutes <= 116; minutes++) t.equal(await passed(app, `/${minutes}`, 2), 1)
  t.strictSame(lines, [])
  for (let minutes = 1; minutes <= 20; minutes++) t.equal(await passed(app, `/${minutes}`, 1), 0)
  t.match(lines, [
    /rateLimit\.timeWindow returned more than 16 different windows: a request was counted in a window of 6060000 ms in place of 60000 ms\. .* once\.$/
  ])
  t.equal(lines.length, 1)
  t.match((await app.inject('/1')).headers, { 'ratelimit-policy': '"all";q=1;w=6060' })
})

t.test('routes of a group share the windows', async (t) => {
  const lines: string[] = []
  const app = Fastify({
    logger: { level: 'warn', stream: { write: (line: string) => lines.push(line) } }
  })
  t.teardown(() => app.close())
  await app.register(rateLimit, { keyGenerator: () => 'client' })
  const timeWindow = ({ query }: FastifyRequest) => `${(query as { w: string }).w} minutes`
  const config = { rateLimit: { groupId: 'both', max: 1, timeWindow } }
  for (const url of ['/a', '/b']) app.get(url, { config }, () => 'ok')
  for (let minutes = 1; minutes <= 16; minutes++) {
    t.equal(await passed(app, `/${minutes % 2 ? 'a' : 'b'}?w=${minutes}`, 1), 1)
  }
  t.equal(await passed(app, '/a?w=17', 1), 0)
  t.equal(await passed(app, '/b?w=18', 1), 0)
  t.equal(lines.length, 1)
})
