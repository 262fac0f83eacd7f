/**
 * The options and their mistakes: `options.ts`, `limit-options.ts`, `limit-checks.ts` and
 * `limit-combinations.ts`.
 */
import {
  MemoryStore,
  type RateLimiterOptions,
  type RateLimitOptions,
  rateLimit
} from '@holdfast/rate-limit'
import Fastify from 'fastify'
import t from 'tap'

const limit = { max: 5, timeWindow: '1 minute' }

const wrong: [given: unknown, message: RegExp][] = [
  [{ max: '5' }, /"rateLimit\.max" must be a whole number of at least 0.* it is the text "5"/],
  [{ max: Infinity }, /"rateLimit\.max" must be a whole number.* it is Infinity/],
  [{ max: NaN }, /"rateLimit\.max" must be a whole number.* it is NaN/],
  [{ max: -1 }, /"rateLimit\.max" must be a whole number of at least 0.* it is -1/],
  [{ max: 1.5 }, /"rateLimit\.max" must be a whole number.* it is 1\.5/],
  [{ max: 1e15 }, /"rateLimit\.max" .*at most 999999999999999/],
  [{ timeWindow: 'banana' }, /"rateLimit\.timeWindow" must be a duration.* "banana"/],
  [{ timeWindow: 0 }, /"rateLimit\.timeWindow" must be a duration of at least 1 ms.* it is 0/],
  [{ burst: 0 }, /"rateLimit\.burst" must be a whole number of at least 1.* it is 0/],
  [{ global: 'yes' }, /"rateLimit\.global" must be true or false.* "yes"/],
  [{ keyGenerator: 'ip' }, /"rateLimit\.keyGenerator" must be a function.* "ip"/],
  [{ allowList: '10.0.0.1' }, /"rateLimit\.allowList" must be an array of IP addresses/],
  [{ allowList: ['10.0.0.0/33'] }, /allowList\[0\]" must be an IP address or .* "10\.0\.0\.0\/33"/],
  [{ allowList: ['::1', 5] }, /"rateLimit\.allowList\[1\]" must be an IP address .*but it is 5/],
  [{ algorithm: 'leaky' }, /"rateLimit\.algorithm" must be one of "token-bucket".* "leaky"/],
  [{ strict: 1 }, /"rateLimit\.strict" must be true or false.* it is 1/],
  [
    { strict: true, algorithm: 'fixed-window' },
    /"rateLimit\.strict" must be false where the algorithm is "fixed-window", but it is true/
  ],
  [
    { strict: true, max: 5, burst: 6 },
    /"rateLimit\.burst" must be at most max, 5, where the limit is strict, but it is 6/
  ],
  [
    { burst: 5, algorithm: 'sliding-window' },
    /"rateLimit\.burst" must be left out where the algorithm is "sliding-window", but it is 5/
  ],
  [
    { max: 2 ** 32, algorithm: 'fixed-window' },
    /"rateLimit\.max" must be a whole number of at most 4294967295 where .* it is 4294967296/
  ],
  [{ cost: -1 }, /"rateLimit\.cost" must be a whole number of at least 0.* it is -1/],
  [{ countDenied: 'no' }, /"rateLimit\.countDenied" must be true or false/],
  [{ ipv6Subnet: 129 }, /"rateLimit\.ipv6Subnet" must be a whole number of .* it is 129/],
  [{ groupId: '' }, /"rateLimit\.groupId" must be text that is not empty/],
  [{ groupId: 'caf\u00e9' }, /"rateLimit\.groupId" must be text of at most 64 printable ASCII/],
  [{ mode: 'dry-run' }, /"rateLimit\.mode" must be one of "enforce", "shadow".* "dry-run"/],
  [{ timeWindow: Number.MAX_VALUE }, /"rateLimit\.timeWindow" must be .* of at most 365 days/],
  [{ timeWindow: '366 days' }, /"rateLimit\.timeWindow" must be .* of at most 365 days/],
  [{ hook: 'onSend' }, /"rateLimit\.hook" must be one of "onRequest".* "onSend"/],
  [{ headers: true }, /"rateLimit\.headers" must be one of "draft", "legacy", false.* it is true/],
  [{ maxKeys: 0 }, /"rateLimit\.maxKeys" must be a whole number of at least 1/],
  [{ maxKeys: 2 ** 25 }, /"rateLimit\.maxKeys" .* at most 16777216/],
  [{ storage: {} }, /rateLimit: the option "storage" does not exist.* one of: max, timeWindow/],
  [{ redis: {} }, /"rateLimit\.redis" must be a client of ioredis, iovalkey or redis.* an object/],
  [{ store: {} }, /"rateLimit\.store" must be a store with check\(\), peek\(\), reserve\(\)/],
  [{ store: null }, /"rateLimit\.store" must be a store with/],
  [
    { store: new MemoryStore(), redis: {} },
    /"rateLimit\.redis" must be left out where there is a store/
  ],
  [{ storeTimeout: 0 }, /"rateLimit\.storeTimeout" must be a duration of at least 1/],
  [{ onStoreError: 'panic' }, /"rateLimit\.onStoreError" must be one of "local", "allow", "deny"/],
  [{ instances: 0 }, /"rateLimit\.instances" must be a whole number of at least 1/],
  [{ redis: undefined, lease: true }, /"rateLimit\.lease" must be \{ max \} or false/],
  [
    { redis: undefined, lease: { max: undefined } },
    /"rateLimit\.lease" must be \{ max \} or false/
  ],
  [{ redis: undefined, lease: {} }, /"rateLimit\.lease" must be \{ max \} or false/],
  [{ lease: { max: 5 } }, /"rateLimit\.lease" must be given with "redis" or "store"/],
  [{ instances: 4 }, /"rateLimit\.instances" must be given with "redis" or "store".*it is 4 alone/],
  [{ store: { evalsha() {} } }, /a Redis client is given as "redis"/],
  [{ store: { evalSha() {} } }, /a Redis client is given as "redis"/],
  [{ max: 5, cost: 6 }, /"rateLimit\.cost" must be at most 5, which is all that is ever there at/],
  [{ max: 5, burst: 2, cost: 3 }, /"rateLimit\.cost" must be at most 2/],
  [{ max: 50, strict: true, cost: 20 }, /"rateLimit\.cost" must be at most 10/],
  [{ max: 5, algorithm: 'fixed-window', cost: 6 }, /"rateLimit\.cost" must be at most 5/],
  [{ lease: { max: 1 } }, /"rateLimit\.lease\.max" must be a whole number of at least 2/],
  // Options without effect beside others.
  [
    { countDenied: true, algorithm: 'fixed-window' },
    /"rateLimit\.countDenied" must be false where the algorithm is "fixed-window".*it is true/
  ],
  [
    { keyGenerator: () => 'ann', ipv6Subnet: 48 },
    /"rateLimit\.ipv6Subnet" must be left out where a keyGenerator .*clientKey.* but it is 48/
  ],
  [
    { keyGenerator: () => 'ann', policies: [{ name: 'a', ...limit, ipv6Subnet: 48 }] },
    /"rateLimit\.policies\[0\]\.ipv6Subnet" must be left out where a keyGenerator/
  ],
  [
    { policies: [{ name: 'a', ...limit, keyGenerator: () => 'ann', ipv6Subnet: 48 }] },
    /"rateLimit\.policies\[0\]\.ipv6Subnet" must be left out/
  ],
  [
    { store: new MemoryStore(), countDenied: true, lease: { max: 5 } },
    /"rateLimit\.lease" must be false where denied requests count/
  ],
  [{ refundDenied: 1 }, /"rateLimit\.refundDenied" must be true or false/],
  [
    { store: new MemoryStore(), refundDenied: true, lease: { max: 5 } },
    /"rateLimit\.lease" must be false with refundDenied/
  ],
  [
    { store: new MemoryStore(), onStoreError: 'deny', instances: 4 },
    /"rateLimit\.instances" must be left out where onStoreError is "deny" and nothing is leased/
  ]
]

t.test(
  'a wrong option stops the boot and is named, with its value and what would be right',
  async (t) => {
    for (const [given, message] of wrong) {
      const app = Fastify().register(rateLimit, given as RateLimitOptions)
      await t.rejects(
        async () => app.ready(),
        { code: /^HOLDFAST_ERR_OPTION_/, message },
        String(message)
      )
    }
  }
)

t.test('a wrong option of a route stops the boot and names the route', async (t) => {
  for (const [given, message] of [
    ...wrong
      .filter(
        ([given]) =>
          !/global|maxKeys|redis|store|instances|lease|onStoreError/.test(JSON.stringify(given))
      )
      .map(([given, { source }]): [unknown, RegExp] => [
        given,
        new RegExp(source.replace('rateLimit', 'GET /orders/:id: config.rateLimit'))
      ]),
    [{ global: false }, /GET \/orders\/:id: config\.rateLimit: the option "global" does not exist/],
    [{ maxKeys: 5 }, /the option "maxKeys" does not exist/],
    [true, /"GET \/orders\/:id: config\.rateLimit" must be an object of options or false.* true/],
    [null, /must be an object of options or false.* null/],
    [[], /must be an object of options or false.* an array/]
  ] as [unknown, RegExp][]) {
    const app = Fastify().register(rateLimit)
    app.register(async (scope) => {
      const config = { rateLimit: given as RateLimitOptions }
      scope.get('/orders/:id', { config }, () => 'ok')
    })
    await t.rejects(
      async () => app.ready(),
      { code: /^HOLDFAST_ERR_OPTION_/, message },
      String(message)
    )
  }
})

t.test('the same instance twice is a mistake', async (t) => {
  const app = Fastify().register(rateLimit).register(rateLimit)
  await t.rejects(async () => app.ready(), { code: 'HOLDFAST_ERR_REGISTERED_TWICE' })
})

t.test('options of a store may stay where the store is an explicit undefined', async (t) => {
  const about = { instances: 4, lease: { max: 5 }, storeTimeout: 20, onStoreError: 'deny' } as const
  for (const given of [
    { ...about, redis: undefined },
    { ...about, store: undefined }
  ]) {
    await t.resolves(async () => Fastify().register(rateLimit, given).ready())
  }
  await t.resolves(async () => Fastify().register(rateLimit, { lease: false }).ready())
})

t.test(
  'undefined means not given, and members that Fastify hands along are no options',
  async (t) => {
    const given = {
      max: undefined,
      prefix: '/api',
      logLevel: 'warn'
    } as unknown as RateLimitOptions
    const app = Fastify().register(rateLimit, given)
    app.get('/', () => 'ok')
    const { headers } = await app.inject('/')
    t.equal(headers['ratelimit-policy'], '"default";q=1000;w=60')
    t.equal(headers.ratelimit, '"default";r=999;t=1')
  }
)

t.test('an option that every policy of a route has itself is refused', async (t) => {
  const policy = { name: 'a', ...limit }
  const own = {
    algorithm: 'sliding-window',
    strict: false,
    cost: 2,
    keyGenerator: () => 'ann',
    ipv6Subnet: 48
  }
  for (const [option, value] of Object.entries(own)) {
    const given = { [option]: value, policies: [{ ...policy, [option]: value }] }
    const message = new RegExp(`createRateLimiter\\.${option}" must be left out where every policy`)
    const app = Fastify().register(rateLimit, given as RateLimitOptions)
    await t.resolves(async () => app.ready(), 'the plugin may mean its routes')
    t.throws(() => app.createRateLimiter(given as RateLimiterOptions), { message }, option)
    const one = { ...given, policies: [...given.policies, { name: 'b', ...limit }] }
    t.ok(app.createRateLimiter(one as RateLimiterOptions), 'one policy needs it')
  }
})

t.test('options that have an effect beside others are taken', async (t) => {
  const store = new MemoryStore()
  const policies = [
    { name: 'a', ...limit, algorithm: 'fixed-window' },
    { name: 'b', ...limit }
  ] as const
  for (const given of [
    { countDenied: true, policies },
    { keyGenerator: () => 'ann', ipv6Subnet: undefined },
    { store, onStoreError: 'deny', instances: 4, lease: { max: 5 } },
    { store, onStoreError: 'deny', instances: 1 },
    { store, lease: false, countDenied: true }
  ] as const) {
    const app = Fastify().register(rateLimit, given)
    await t.resolves(async () => app.ready())
    await app.close()
  }
})

t.test('a window below a second without a unit is warned of, with the remedy', async (t) => {
  const lines: string[] = []
  const stream = { write: (line: string) => lines.push(JSON.parse(line).msg) }
  const app = Fastify({ logger: { level: 'warn', stream } })
  app.get('/early', { config: { rateLimit: { timeWindow: 30 } } }, () => 'ok')
  await app.register(rateLimit, { timeWindow: 60 })
  app.get('/route', { config: { rateLimit: { timeWindow: '60' } } }, () => 'ok')
  app.get('/clear', { config: { rateLimit: { timeWindow: '60ms' } } }, () => 'ok')
  app.get('/long', { config: { rateLimit: { timeWindow: 1000 } } }, () => 'ok')
  app.get('/asked', { config: { rateLimit: { timeWindow: () => 60 } } }, () => 'ok')
  for (let index = 0; index < 2; index++) {
    app.createRateLimiter({ policies: [{ name: 'a', max: 1, timeWindow: 15 }] })
  }
  for (const url of ['/early', '/early', '/route']) await app.inject(url)
  const remedy = (number: number) =>
    ` is ${number} ms, because a number without a unit means milliseconds. Write '${number}s' for seconds, or '${number}ms' if it is meant so.`
  t.strictSame(lines, [
    `rateLimit.timeWindow${remedy(60)}`,
    `GET /route: config.rateLimit.timeWindow${remedy(60)}`,
    `app.createRateLimiter.policies[0].timeWindow${remedy(15)}`,
    `GET /early: config.rateLimit.timeWindow${remedy(30)}`
  ])
})
