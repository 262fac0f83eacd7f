import {
  type Decision,
  MemoryStore,
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
  { name: 'client', max: 10, ...HOUR, cost: ({ url }) => (url === '/dear' ? 4 : 1) },
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
    app.get('/dear', () => 'ok')
  })) as [FastifyInstance, FastifyInstance]
  const left = async (app: FastifyInstance, url: string, user: string, tenant: string) => {
    const { status, headers } = await ask(app, url, { user, tenant })
    return [
      status,
      ...[...String(headers['ratelimit']).matchAll(/r=(\d+)/g)].map((r) => Number(r[1]))
    ]
  }
  t.strictSame(await left(one, '/dear', 'a', 'x'), [200, 6, 2])
  t.strictSame(await left(two, '/', 'b', 'x'), [200, 9, 1])
  t.strictSame(await left(two, '/dear', 'a', 'x'), [200, 2, 0])
  t.strictSame(await left(one, '/', 'c', 'x'), [429, 10, 0], 'the client was charged nothing')
  t.strictSame(await left(one, '/dear', 'a', 'y'), [429, 2, 3], 'nor was the tenant')
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

t.test('who is banned by one service is banned by all, whatever limit asks', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const limiters: RateLimiter[] = []
  const lease = { max: 10 }
  const options = { max: 1000, ...HOUR, lease } as const
  const apps = await services(t, redis, 2, options, (app) => {
    app.after(() => limiters.push(app.createRateLimiter()))
    app.get('/ban', async (request) => limiters[0]?.ban(request, '1 minute'))
  })
  const [one, two] = apps as [FastifyInstance, FastifyInstance]
  for (const app of [one, two]) {
    for (let asked = 0; asked < 3; asked++) t.equal((await ask(app)).status, 200)
  }
  t.equal((await ask(one, '/ban')).status, 200)
  const { status, headers } = await ask(one)
  t.strictSame([status, headers['retry-after']], [429, '60'], 'its leases are given up')
  for (let asked = 0; asked < 10; asked++) await ask(two)
  t.equal((await ask(two)).status, 429, 'a lease is spent before')
  await limiters[1]?.ban('127.0.0.1', 0)
  t.equal((await ask(two)).status, 200)
})

t.test('what was asked before a client was banned or forgotten says nothing after', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const limiters: RateLimiter[] = []
  const options = { lease: { max: 20 } }
  await services(t, redis, 1, options, (app) => {
    app.after(() => limiters.push(app.createRateLimiter({ max: 1000, ...HOUR })))
  })
  const [limiter] = limiters as [RateLimiter]
  await limiter.check('denied', { cost: 1000 })
  await Promise.all([limiter.check('denied'), limiter.reset('denied')])
  t.match(await limiter.check('denied'), { allowed: true }, 'a denial that was under way')
  await limiter.ban('banned', '1 hour')
  await Promise.all([limiter.check('banned'), limiter.ban('banned', 0)])
  t.match(await limiter.check('banned'), { allowed: true }, 'a ban that was under way')
  await limiter.check('leased')
  await Promise.all([limiter.check('leased'), limiter.ban('leased', '1 hour')])
  t.match(await limiter.check('leased'), { reason: 'banned' }, 'a lease that was under way')
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

t.test('a look at what is leased takes nothing of it', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  let limiter: RateLimiter | undefined
  const lease = { max: 10 }
  await services(t, redis, 1, { lease }, (app) => {
    app.after(() => {
      limiter = app.createRateLimiter({ max: 1000, ...HOUR })
    })
  })
  const asked = limiter as RateLimiter
  for (const left of [999, 998, 997]) {
    t.equal((await asked.check('alice')).remaining, left)
    t.equal(await remaining(asked, 'alice'), left)
  }
  const more = await asked.peek('alice', { cost: 11 })
  t.equal(more.remaining, 997, 'more is for the store to say, with what was leased')
  await asked.reset('alice')
  t.equal((await asked.check('alice')).remaining, 999)
})

t.test('what is leased counts for requests that it is too little for', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const limiters: RateLimiter[] = []
  const options = { lease: { max: 40 } }
  await services(t, redis, 1, options, (app) => {
    app.after(() => limiters.push(app.createRateLimiter({ max: 100, ...HOUR })))
  })
  const [limiter] = limiters as [RateLimiter]
  for (const remaining of [99, 98]) t.match(await limiter.check('alice'), { remaining })
  t.match(await limiter.check('alice', { cost: 90 }), { allowed: true })
  t.match(await limiter.check('alice', { cost: 9 }), { allowed: false, remaining: 8 })
  t.match(await limiter.check('alice', { cost: 8 }), { allowed: true, remaining: 0 })
  for (const remaining of [99, 98]) t.match(await limiter.check('bob'), { remaining })
  t.match((await limiter.reserve('bob', { cost: 98 })).decision, { allowed: true, remaining: 0 })
  t.match(await limiter.check('bob'), { allowed: false })
  for (let free = 0; free < 3; free++) await limiter.check('carol', { cost: 0 })
  t.match(
    await limiter.peek('carol', { cost: 100 }),
    { allowed: true },
    'nothing is leased for free'
  )
})

t.test('whoever asks while a lease is on its way is not denied because of it', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const limiters: RateLimiter[] = []
  await services(t, redis, 1, { lease: { max: 20 } }, (app) => {
    app.after(() => limiters.push(app.createRateLimiter({ max: 40, ...HOUR })))
  })
  const [limiter] = limiters as [RateLimiter]
  const together = (key: string, cost: number) => {
    return Promise.all([limiter.check(key), limiter.check(key, { cost })])
  }
  await limiter.check('alice')
  t.match(await together('alice', 25), [{ remaining: 38 }, { allowed: true, remaining: 13 }])
  await limiter.check('bob')
  t.match(await together('bob', 39), [{ remaining: 38 }, { allowed: false, remaining: 38 }])
  t.match(await limiter.check('bob', { cost: 39 }), { allowed: false, remaining: 38 })
  const before = await calls(redis)
  t.match(await limiter.check('bob', { cost: 39 }), { allowed: false, remaining: 38 })
  t.equal(await calls(redis), before, 'which is known then')
  await limiter.check('carol')
  const held = await limiter.reserve('carol', { cost: 38 })
  t.match(await together('carol', 2), [{ allowed: true, remaining: 0 }, { allowed: false }])
  const [, again] = await Promise.all([held.cancel(), limiter.check('carol', { cost: 2 })])
  t.match(again, { allowed: true, remaining: 36 }, 'what is given back counts in the same turn')
})

t.test('requests that policies charge differently are not denied because of a lease', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const policies: RateLimitPolicy[] = [
    { name: 'work', max: 10, ...HOUR, cost: ({ url }) => (url === '/report' ? 7 : 1) },
    { name: 'calls', max: 5000, ...HOUR }
  ]
  const [app] = (await services(t, redis, 1, { policies, lease: { max: 20 } }, (app) => {
    app.get('/report', () => 'ok')
  })) as [FastifyInstance]
  for (const [url, left] of [
    ['/', 9],
    ['/', 8],
    ['/report', 1]
  ] as const) {
    const answer = await ask(app, url)
    t.match(answer, { status: 200, left }, url)
  }
})

t.test('nothing of a lease is lost, however many ask at the same time', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const limiters: RateLimiter[] = []
  const lease = { max: 20 }
  const limit = { max: 10_000, ...HOUR, algorithm: 'fixed-window' } as const
  const [one] = (await services(t, redis, 2, { lease }, (app) => {
    app.after(() => limiters.push(app.createRateLimiter(limit)))
  })) as [FastifyInstance]
  const [limiter, other] = limiters as [RateLimiter, RateLimiter]
  for (const [key, loops, each] of [
    ['alice', 2, 5],
    ['bob', 2, 10],
    ['carol', 4, 100]
  ] as const) {
    const loop = async () => {
      for (let asked = 0; asked < each; asked++) await limiter.check(key)
    }
    await Promise.all(Array.from({ length: loops }, loop))
  }
  t.match((await limiter.reserve('alice', { cost: 1000 })).decision, { remaining: 8990 })
  t.equal((await limiter.peek('alice', { cost: 0 })).remaining, 8990)
  await one.close()
  const left = await Promise.all(['alice', 'bob', 'carol'].map((key) => remaining(other, key)))
  t.strictSame(left, [8990, 9980, 9600])
})

t.test('what is leased and not spent in time is given back, and leased anew', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(rateLimit, { store: new MemoryStore(), lease: { max: 50 } })
  const limiter = app.createRateLimiter({ max: 100, timeWindow: 1200, algorithm: 'fixed-window' })
  let allowed = 0
  for (let round = 0; round < 3; round++) {
    for (let asked = 0; asked < 2; asked++)
      allowed += (await limiter.check('alice')).allowed ? 1 : 0
    await new Promise((resolve) => setTimeout(resolve, 305))
  }
  while ((await limiter.check('alice')).allowed) allowed++
  t.ok(allowed >= 100, `${allowed}, and more where a new window has begun`)
})

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
      message: /ban\(\) holds in this process alone/
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
