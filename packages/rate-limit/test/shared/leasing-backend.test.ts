import {
  type LimitSubject,
  MemoryStore,
  type PerPolicy,
  type RateLimiter,
  type RateLimitPolicy,
  rateLimit,
  type Store
} from '@holdfast/rate-limit'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { startPrivateRedis } from '../../../../test/support/redis.ts'
import { FallbackBackend } from '../../dist/edges/shared/fallback-backend.js'
import { GuardedStore } from '../../dist/edges/shared/guarded-store.js'
import { LeasingBackend } from '../../dist/edges/shared/leasing-backend.js'
import { StoreBackend } from '../../dist/edges/shared/store-backend.js'
import { ClientTable } from '../../dist/memory/client-table.js'
import { type Policies, policyOf } from '../../dist/policy.js'
import { ask, calls, services } from '../support/services.ts'

const HOUR = { timeWindow: '1 hour' } as const

function remaining(limiter: RateLimiter, name: string): Promise<number> {
  return limiter.peek(name).then(({ remaining }) => remaining)
}

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

t.test('what is leased and not spent in time is given back, and leased again', async (t) => {
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

/** A limit whose store is asked in memory, and how often it was. */
function leasing(policies: Policies) {
  const store = new MemoryStore()
  let asked = 0
  const guard = new GuardedStore({ store, timeout: 1000, log: Fastify().log, instead: '' })
  t.teardown(() => guard.close())
  const counting = Object.assign(Object.create(guard), {
    ask: (subject: LimitSubject, question: (store: Store) => Promise<unknown>) => {
      asked++
      return guard.ask(subject, question)
    }
  })
  const fallback = new FallbackBackend(policies, new ClientTable(8), {
    ...{ onStoreError: 'local', instances: 1, countDenied: false, count: { decisions: 0 } }
  })
  const options = { limit: 'limit', countDenied: false, store: counting, fallback, bans: undefined }
  const backend = new LeasingBackend(new StoreBackend(options), 20, 1)
  const check = async (keys: PerPolicy<string>, costs = 1) => {
    return (await backend.check({ keys, costs, policies })).remaining
  }
  return { store, backend, check, asked: () => asked }
}

t.test('nothing is leased for a request that is known to be denied', async (t) => {
  const policies: Policies = [policyOf('p', { max: 100, timeWindow: 3_600_000 })]
  const { store, backend, check, asked } = leasing(policies)
  await check('alice')
  const all = { limit: 'limit', keys: 'alice', costs: 97, policies, countDenied: false }
  await store.check(all)
  const { decision } = await backend.reserve({ keys: 'alice', costs: 5, policies })
  t.match(decision, { allowed: false, remaining: 2 })
  t.equal(asked(), 2)
  t.match(await backend.check({ keys: 'alice', costs: 5, policies }), { allowed: false })
  t.equal(asked(), 2)
})

t.test('a limit that was closed leases nothing any more', async (t) => {
  const policies: Policies = [policyOf('p', { max: 100, timeWindow: 3_600_000 })]
  const { backend, check, asked } = leasing(policies)
  for (const left of [99, 98, 97]) t.equal(await check('alice'), left)
  t.equal(asked(), 2)
  await backend.close()
  t.equal(asked(), 3, 'what is left of the lease is given back')
  for (const left of [96, 95, 94]) t.equal(await check('alice'), left)
  t.equal(asked(), 6)
})

t.test('a denial counts what was leased between question and answer', async (t) => {
  const policies: Policies = [policyOf('p', { max: 40, timeWindow: 3_600_000 })]
  const { backend, check } = leasing(policies)
  await check('alice')
  const [, denied, leased] = await Promise.all([
    check('alice'),
    backend.check({ keys: 'alice', costs: 30, policies }),
    check('alice')
  ])
  t.match(denied, { allowed: true, remaining: 40 - 1 - 1 - 1 - 30 })
  t.ok(leased >= 0)
})

t.test('clients that are told apart by policy are never leased for', async (t) => {
  const one = policyOf('one', { max: 9, timeWindow: 3_600_000 })
  const policies: Policies = [one, { ...one, name: 'other' }]
  const { backend, check, asked } = leasing(policies)
  for (const left of [8, 7, 6]) t.equal(await check(['alice', 'acme']), left)
  t.equal(asked(), 3)
  await backend.ban({ keys: ['alice', 'acme'], policies }, 1000)
  t.equal(await check(['alice', 'acme']), 0)
  await backend.reset({ keys: ['alice', 'acme'], policies })
  t.equal(await check(['alice', 'acme']), 8)
})
