import { type RateLimitOptions, rateLimit } from '@holdfast/rate-limit'
import Fastify from 'fastify'
import t from 'tap'

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
  [{ allowList: ['10.0.0.0/8'] }, /allowList\[0\]" must be an IP address, .* "10\.0\.0\.0\/8"/],
  [{ allowList: ['::1', 5] }, /"rateLimit\.allowList\[1\]" must be an IP address, but it is 5/],
  [{ timeWindow: Number.MAX_VALUE }, /"rateLimit\.timeWindow" must be .* of at most 365 days/],
  [{ timeWindow: '366 days' }, /"rateLimit\.timeWindow" must be .* of at most 365 days/],
  [{ hook: 'onSend' }, /"rateLimit\.hook" must be one of "onRequest".* "onSend"/],
  [{ headers: true }, /"rateLimit\.headers" must be one of "draft", "legacy", false.* it is true/],
  [{ maxKeys: 0 }, /"rateLimit\.maxKeys" must be a whole number of at least 1/],
  [{ maxKeys: 2 ** 25 }, /"rateLimit\.maxKeys" .* at most 16777216/],
  [{ redis: {} }, /rateLimit: the option "redis" does not exist.* one of: max, timeWindow/]
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
      .filter(([given]) => !/global|maxKeys/.test(JSON.stringify(given)))
      .map(([given, { source }]): [unknown, RegExp] => [
        given,
        new RegExp(source.replace('rateLimit', 'config.rateLimit of GET /orders/:id'))
      ]),
    [
      { global: false },
      /config\.rateLimit of GET \/orders\/:id: the option "global" does not exist/
    ],
    [{ maxKeys: 5 }, /the option "maxKeys" does not exist/],
    [true, /"config\.rateLimit of GET \/orders\/:id" must be an object of options or false.* true/],
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

t.test('undefined means not given, and what Fastify hands along is no option', async (t) => {
  const given = { max: undefined, prefix: '/api', logLevel: 'warn' } as unknown as RateLimitOptions
  const app = Fastify().register(rateLimit, given)
  app.get('/', () => 'ok')
  const { headers } = await app.inject('/')
  t.equal(headers['ratelimit-policy'], '"default";q=1000;w=60')
  t.equal(headers.ratelimit, '"default";r=999;t=1')
})
