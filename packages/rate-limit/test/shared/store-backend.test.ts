import {
  type Decision,
  type RateLimiter,
  type RateLimitOptions,
  type RateLimitPolicy,
  type Reservation,
  rateLimit
} from '@holdfast/rate-limit'
import fc from 'fast-check'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { startPrivateRedis } from '../../../../test/support/redis.ts'
import { ask, calls, services } from '../support/services.ts'

const HOUR = { timeWindow: '1 hour' } as const

/** Per client, by what it costs; and per tenant, by calls. */
const POLICIES: readonly RateLimitPolicy[] = [
  { name: 'client', max: 10, ...HOUR, cost: ({ url }) => (url === '/report' ? 4 : 1) },
  {
    name: 'tenant',
    max: 3,
    ...HOUR,
    algorithm: 'fixed-window',
    keyGenerator: ({ headers }) => String(headers['tenant'])
  }
]

function remaining(limiter: RateLimiter, name: string): Promise<number> {
  return limiter.peek(name).then(({ remaining }) => remaining)
}

t.test('policies with clients and costs of their own are decided together in Redis', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const options: RateLimitOptions = {
    policies: POLICIES,
    keyGenerator: ({ headers }) => String(headers['user'])
  }
  const [one, two] = (await services(t, redis, 2, options, (app) => {
    app.get('/report', () => 'ok')
  })) as [FastifyInstance, FastifyInstance]
  const left = async (app: FastifyInstance, url: string, user: string, tenant: string) => {
    const { status, headers } = await ask(app, url, { user, tenant })
    return [
      status,
      ...[...String(headers['ratelimit']).matchAll(/r=(\d+)/g)].map((r) => Number(r[1]))
    ]
  }
  t.strictSame(await left(one, '/report', 'a', 'x'), [200, 6, 2])
  t.strictSame(await left(two, '/', 'b', 'x'), [200, 9, 1])
  t.strictSame(await left(two, '/report', 'a', 'x'), [200, 2, 0])
  t.strictSame(await left(one, '/', 'c', 'x'), [429, 10, 0], 'the client was charged nothing')
  t.strictSame(await left(one, '/report', 'a', 'y'), [429, 2, 3], 'nor was the tenant')
  t.strictSame(await left(one, '/', 'a', 'y'), [200, 1, 2])
  const before = await calls(redis)
  t.strictSame(await left(one, '/', 'c', 'x'), [429, 10, 0])
  t.equal(await calls(redis), before, 'a denied client costs no round trip')
  t.strictSame(((await redis.cli('KEYS', '*')) as string[]).sort(), [
    'holdfast:f:{default}x{tenant}',
    'holdfast:f:{default}y{tenant}',
    'holdfast:t:{default}a{client}',
    'holdfast:t:{default}b{client}'
  ])
})

t.test('limiters of several services count together', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const limiters: RateLimiter[] = []
  await services(t, redis, 2, {}, (app) => {
    app.after(() => limiters.push(app.createRateLimiter({ max: 5, ...HOUR })))
  })
  const [one, two] = limiters as [RateLimiter, RateLimiter]
  t.match(await one.check('alice'), { allowed: true, remaining: 4, policy: 'createRateLimiter-1' })
  t.match(await two.check('alice', { cost: 3 }), { allowed: true, remaining: 1 })
  t.match(await one.peek('alice', { cost: 2 }), { allowed: false, remaining: 1 })
  t.match(await one.check('alice', { cost: 2 }), { allowed: false })
  t.match(await one.peek('alice', { cost: 2 }), { allowed: false }, 'which is known by now')
  t.throws(() => one.checkSync('alice'), {
    code: 'HOLDFAST_ERR_RATE_LIMIT_NOT_SYNCHRONOUS',
    message: /the limit is kept in a store/
  })
  await two.reset('alice')
  t.equal(await remaining(two, 'alice'), 5)
  await one.reset('alice')
  t.match(
    await one.check('alice', { cost: 2 }),
    { allowed: true },
    'and what was known is forgotten'
  )
})

t.test('what clients are told is the same in Redis and in memory, denied or not', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const [shared] = (await services(t, redis, 1, {})) as [FastifyInstance]
  const own = Fastify()
  t.teardown(() => own.close())
  await own.register(rateLimit)
  const policy = fc.record({
    max: fc.constantFrom(0, 2, 5, 20),
    timeWindow: fc.constantFrom('10d', '30d'),
    algorithm: fc.constantFrom('token-bucket', 'fixed-window', 'sliding-window')
  })
  const step = fc.record({
    what: fc.constantFrom('check', 'check', 'peek', 'reserve', 'settle', 'reset', 'ban', 'lift'),
    key: fc.constantFrom('a', 'b'),
    cost: fc.constantFrom(0, 1, 1, 2, 3, 7, 30)
  })
  /** Nothing comes back while this runs; how long that takes is all that differs. */
  const days = ({ each, ...decision }: Decision): unknown => ({
    ...decision,
    retryAfter: Math.ceil(decision.retryAfter / 86_400_000),
    moreAfter: Math.ceil(decision.moreAfter / 86_400_000),
    resetAfter: Math.ceil(decision.resetAfter / 86_400_000),
    each: each?.map(days)
  })
  let groups = 0
  const limits = fc.array(policy, { minLength: 1, maxLength: 3 })
  await fc.assert(
    fc.asyncProperty(limits, fc.array(step, { maxLength: 30 }), async (limits, steps) => {
      const policies = limits.map((limit, index) => ({ ...limit, name: `${index}` }))
      const groupId = `group ${groups++}`
      const limiters = [shared, own].map((app) => app.createRateLimiter({ policies, groupId }))
      const held: Reservation[][] = []
      for (const { what, key, cost } of steps) {
        const told = await Promise.all(
          limiters.map(async (limiter, index) => {
            if (what === 'check' || what === 'peek') return days(await limiter[what](key, { cost }))
            if (what === 'reset') return limiter.reset(key)
            if (what === 'ban') return limiter.ban(key, '3d')
            if (what === 'lift') return limiter.ban(key, 0)
            if (what === 'settle') return held[index]?.shift()?.settle(cost)
            const reservation = await limiter.reserve(key, { cost })
            held[index] = [...(held[index] ?? []), reservation]
            return days(reservation.decision)
          })
        )
        t.strictSame(told[0], told[1])
      }
    }),
    { numRuns: Number(process.env['RUNS'] ?? 60) }
  )
})

t.test('what one service reserves and settles, the others see', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const limiters: RateLimiter[] = []
  await services(t, redis, 2, {}, (app) => {
    app.after(() => limiters.push(app.createRateLimiter({ max: 10, ...HOUR })))
  })
  const [one, two] = limiters as [RateLimiter, RateLimiter]
  const some = await one.reserve('alice', { cost: 6 })
  t.equal(await remaining(two, 'alice'), 4)
  const most = await two.reserve('alice', { cost: 4 })
  t.match(await one.check('alice'), { allowed: false })
  await some.settle(1)
  await some.settle(6)
  t.match(await one.check('alice', { cost: 0 }), { allowed: true, remaining: 5 })
  t.match(await one.check('alice'), { allowed: true, remaining: 4 }, 'no longer denied from memory')
  await most.cancel()
  t.equal(await remaining(one, 'alice'), 8)
  const none = await one.reserve('alice', { cost: 9 })
  t.match(none.decision, { allowed: false, remaining: 8 })
  t.match((await one.reserve('alice', { cost: 9 })).decision, { allowed: false })
  await none.settle(0)
  t.equal(await remaining(two, 'alice'), 8)
})

t.test(
  'a client that shares one of its names is asked about when that was given back',
  async (t) => {
    const redis = await startPrivateRedis(t)
    if (redis === undefined) return
    const limiters: RateLimiter[] = []
    const keyGenerator = ({ headers }: { headers: Record<string, unknown> }) => String(headers['t'])
    const policies = [
      { name: 'client', max: 10, ...HOUR },
      { name: 'tenant', max: 4, ...HOUR, keyGenerator }
    ]
    const [app] = (await services(t, redis, 1, { global: false }, (app) => {
      app.after(() => {
        limiters.push(
          app.createRateLimiter({ policies, keyGenerator: ({ headers }) => String(headers['c']) })
        )
        app.get('/check', async (request) => (await limiters[0]?.check(request))?.allowed)
        app.get('/cancel', async (request) => {
          const reservation = await limiters[0]?.reserve(request, { cost: 4 })
          // Another client of the tenant, meanwhile.
          const denied = await app.inject({ url: '/check', headers: { c: 'a', t: 'x' } })
          await reservation?.cancel()
          return denied.body
        })
      })
    })) as [FastifyInstance]
    const got = await app.inject({ url: '/cancel', headers: { c: 'b', t: 'x' } })
    t.equal(got.body, 'false')
    t.equal((await app.inject({ url: '/check', headers: { c: 'a', t: 'x' } })).body, 'true')
  }
)

t.test(
  'without the store limiters decide alone, and say what they could not tell it',
  async (t) => {
    const redis = await startPrivateRedis(t)
    if (redis === undefined) return
    const limiters: RateLimiter[] = []
    const build = (app: FastifyInstance) => {
      app.after(() => {
        const policies = [
          { name: 'client', max: 10, ...HOUR },
          { name: 'tenant', max: 3, ...HOUR, cost: 1 }
        ]
        limiters.push(
          app.createRateLimiter({ max: 10, ...HOUR }),
          app.createRateLimiter({ policies })
        )
      })
    }
    const options = { storeTimeout: 50, instances: 2, lease: { max: 10 } } as const
    await services(t, redis, 1, options, build)
    await services(t, redis, 1, { ...options, onStoreError: 'deny' }, build)
    const [limiter, several, denying] = limiters as [RateLimiter, RateLimiter, RateLimiter]
    const before = await limiter.reserve('alice', { cost: 5 })
    for (let times = 0; times < 2; times++) await limiter.check('leased')
    redis.freeze()
    // Some wait for the store, later ones do not: the answers are the same.
    for (let times = 0; times < 6; times++) {
      const held = await limiter.reserve('bob', { cost: 3 })
      t.match(held.decision, { allowed: true, remaining: 2 })
      await held.cancel()
      t.match(await limiter.peek('bob', { cost: 6 }), { allowed: true, remaining: 5 })
      t.match((await denying.reserve('bob')).decision, { allowed: false, reason: 'store' })
      t.match(await denying.peek('bob'), { allowed: false, reason: 'store' })
      t.match(await limiter.check(`client-${times}`, { cost: 4 }), { allowed: true, remaining: 1 })
    }
    await before.settle(0)
    t.match(await several.peek('carol', { cost: 2 }), { allowed: true, remaining: 1 })
    t.match(await several.check('carol', { cost: 4 }), { allowed: true, remaining: 0 })
    t.match(await several.check('carol'), { allowed: false, policy: 'tenant' })
    const code = 'HOLDFAST_ERR_RATE_LIMIT_STORE_UNAVAILABLE'
    await t.rejects(limiter.ban('bob', '1 hour'), {
      code,
      message: /ban\(\) applies in this process only/
    })
    t.match(await limiter.check('bob'), { allowed: false, reason: 'banned' })
    await t.rejects(limiter.reset('bob'), { code, statusCode: 503 })
    await t.rejects(
      limiter.ban('leased', 1000),
      { code },
      'there is nobody to give a lease back to'
    )
    t.match(await limiter.check('bob'), { allowed: true })
    redis.thaw()
  }
)

t.test('a denied client costs no round trip until its time', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const options = { max: 2, timeWindow: 2000, algorithm: 'fixed-window' } as const
  const [app] = (await services(t, redis, 1, options)) as [FastifyInstance]
  for (const status of [200, 200, 429]) t.equal((await ask(app)).status, status)
  const before = await calls(redis)
  for (let asked = 0; asked < 50; asked++) {
    const { status, headers } = await ask(app)
    t.equal(status, 429)
    t.match(headers['retry-after'], /^[12]$/)
  }
  t.equal(await calls(redis), before)
  await new Promise((resolve) => setTimeout(resolve, 2050))
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
  const options = { max: 2, timeWindow: '1 hour', lease: { max: 10 } } as const
  const [app] = (await services(t, redis, 1, options)) as [FastifyInstance]
  const limiter = app.createRateLimiter({ countDenied: true })
  const before = await calls(redis)
  for (const allowed of [true, true, false, false]) {
    t.match(await limiter.check('127.0.0.1'), { allowed })
  }
  t.match(await limiter.peek('127.0.0.1'), { allowed: false })
  t.equal((await calls(redis)) - before, 5)
})

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
