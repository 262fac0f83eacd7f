import { factsOf, subscribe } from '@holdfast/core'
import {
  type RateLimitEvent,
  type RateLimitEvictedEvent,
  type RateLimitOptions,
  rateLimit
} from '@holdfast/rate-limit'
import Fastify, { type FastifyInstance, type FastifyReply, type InjectOptions } from 'fastify'
import t from 'tap'
import { RequestHook } from '../dist/edges/request-hook.js'

const ok = () => 'ok'

async function statuses(app: FastifyInstance, ...requests: (string | InjectOptions)[]) {
  const codes: number[] = []
  for (const request of requests) codes.push((await app.inject(request)).statusCode)
  return codes
}

t.test('routes of a group share one budget, which they name', async (t) => {
  const app = Fastify().register(rateLimit, { max: 100 })
  const config = { rateLimit: { groupId: 'search', max: 3 } }
  app.register(async (scope) => {
    scope.get('/a', { config }, ok)
    scope.get('/b', { config: { rateLimit: { groupId: 'search', max: 3, cost: 2 } } }, ok)
    scope.get('/c', { config: { rateLimit: { max: 3 } } }, ok)
  })
  const first = await app.inject('/b')
  t.match(first.headers, { 'ratelimit-policy': '"search";q=3;w=60', ratelimit: /"search";r=1/ })
  t.strictSame(await statuses(app, '/a', '/a', '/b', '/c'), [200, 429, 429, 200])
})

t.test('a group with two different limits is a mistake', async (t) => {
  const app = Fastify().register(rateLimit)
  app.register(async (scope) => {
    scope.get('/a', { config: { rateLimit: { groupId: 'search', max: 3 } } }, ok)
    scope.get('/b', { config: { rateLimit: { groupId: 'search', max: 4 } } }, ok)
  })
  await t.rejects(async () => app.ready(), {
    code: 'HOLDFAST_ERR_OPTION_INVALID',
    message:
      /"GET \/b: config\.rateLimit\.max" must be 3 as on the other routes of the group "search", but it is 4/
  })
})

t.test(
  'in shadow mode everybody passes, untold, and what would have been is published',
  async (t) => {
    const denied: RateLimitEvent[] = []
    const stop = subscribe('holdfast:rate-limit:denied', (event) => denied.push(event))
    t.teardown(stop)
    const facts: unknown[] = []
    const app = Fastify().register(rateLimit, { max: 1, mode: 'shadow' })
    app.addHook('onResponse', async (request) => {
      const { rateLimit, refusedBy } = factsOf(request)
      facts.push([rateLimit?.allowed, refusedBy])
    })
    app.get('/', ok)
    for (let index = 0; index < 2; index++) {
      const { statusCode, headers } = await app.inject('/')
      t.equal(statusCode, 200)
      t.notOk(headers.ratelimit)
    }
    t.match(denied, [{ mode: 'shadow', key: '127.0.0.1', decision: { allowed: false } }])
    t.equal(denied.length, 1)
    t.strictSame(facts, [
      [true, undefined],
      [false, undefined]
    ])
  }
)

t.test('who comes near the limit is published', async (t) => {
  const near: number[] = []
  const stop = subscribe('holdfast:rate-limit:near-limit', ({ decision }) => {
    near.push(decision.remaining)
  })
  t.teardown(stop)
  const app = Fastify().register(rateLimit, { max: 10 })
  app.get('/', ok)
  for (let index = 0; index < 11; index++) await app.inject('/')
  t.strictSame(near, [2, 1, 0])
})

t.test('a table that fills up is told once, and what it gives up is published', async (t) => {
  const evicted: RateLimitEvictedEvent[] = []
  const stop = subscribe('holdfast:rate-limit:evicted', (event) => evicted.push(event))
  const lines: string[] = []
  const stream = { write: (line: string) => lines.push(JSON.parse(line).msg) }
  const app = Fastify({ logger: { level: 'warn', stream } })
  app.register(rateLimit, { maxKeys: 200, max: 3 })
  app.get('/', ok)
  for (let index = 0; index < 1000; index++) {
    const remoteAddress = `10.0.${index >> 8}.${index & 255}`
    await app.inject({ url: '/', remoteAddress })
    if (index === 600) stop()
  }
  t.equal(lines.length, 1)
  t.match(lines[0], /four fifths of the 200 clients .* Raise maxKeys/)
  t.ok(evicted.length > 100)
  t.strictSame(evicted[0], { evictions: 1, capacity: 200 })
})

t.test(
  'a trustProxy that does not tell clients apart is called out, with the remedy',
  async (t) => {
    const told = async (trust: boolean | number | string[], options: RateLimitOptions = {}) => {
      const lines: string[] = []
      const stream = { write: (line: string) => lines.push(JSON.parse(line).msg) }
      // Its types no longer know a number, but it still takes one.
      const trustProxy = trust as boolean
      const app = Fastify({ trustProxy, logger: { level: 'warn', stream } })
      app.register(rateLimit, options)
      await app.ready()
      return lines
    }
    for (const trust of [true, 1]) {
      const lines = await told(trust)
      t.equal(lines.length, 1)
      t.match(
        lines[0],
        new RegExp(`^rateLimit: trustProxy: ${trust} .*Name the addresses of your proxies`)
      )
    }
    t.strictSame(await told(['10.0.0.0/8']), [])
    t.strictSame(await told(false), [])
    t.strictSame(await told(true, { keyGenerator: () => 'a' }), [])
  }
)

t.test('a refusal tells the limit that refused, and none of another scope', async (t) => {
  for (const headers of ['draft', 'legacy', false] as const) {
    const app = Fastify().register(rateLimit, { max: 100 })
    app.register(
      async (scope) => {
        scope.register(rateLimit, { max: 1, headers })
        scope.get('/', ok)
      },
      { prefix: '/inner' }
    )
    await app.inject('/inner')
    const refused = await app.inject('/inner')
    t.equal(refused.statusCode, 429)
    t.strictSame(refused.json()['violated-policies'], ['/inner'])
    const names = Object.keys(refused.headers).filter((name) => name.includes('ratelimit'))
    t.strictSame(
      names.sort(),
      {
        draft: ['ratelimit', 'ratelimit-policy'],
        legacy: ['x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset'],
        false: []
      }[String(headers)]
    )
    if (headers === 'draft') t.equal(refused.headers.ratelimit, '"/inner";r=0;t=60')
  }
})

t.test('each limit has its own name, whatever the route is called', async (t) => {
  const app = Fastify().register(rateLimit)
  const config = { rateLimit: { max: 7 } }
  app.register(async (scope) => {
    scope.get('/caf\u00e9', { config }, ok)
    scope.route({ method: ['PUT', 'DELETE'], url: '/both', config, handler: ok })
  })
  await app.ready()
  const policy = async (request: InjectOptions) =>
    (await app.inject(request)).headers['ratelimit-policy']
  t.equal(await policy({ url: '/caf%C3%A9' }), '"GET /caf?";q=7;w=60')
  t.equal(await policy({ url: '/both', method: 'PUT' }), '"PUT,DELETE /both";q=7;w=60')
  t.equal(await policy({ url: '/else' }), '"default";q=1000;w=60')
})

t.test('answers that would differ by no word are made once, and know their decision', async (t) => {
  const waits: number[] = []
  let now = performance.now()
  t.intercept(performance, 'now', { value: () => now })
  const app = Fastify().register(rateLimit, { max: 1, timeWindow: 300_000 })
  app.setErrorHandler((error, _, reply) => {
    waits.push((error as unknown as RateLimitEvent).decision.retryAfter)
    return reply.send('no')
  })
  app.get('/', ok)
  await app.inject('/')
  const fields: unknown[] = []
  for (let index = 0; index < 300; index++) {
    now += 500
    fields.push((await app.inject('/')).headers['retry-after'])
  }
  t.strictSame(
    waits.map((wait) => Math.round(wait)),
    Array.from({ length: 300 }, (_, index) => 300_000 - 500 * (index + 1))
  )
  t.strictSame(
    fields,
    waits.map((wait) => String(Math.ceil(Math.round(wait) / 1000)))
  )
})

t.test('a request is limited on a Fastify whose inside is unknown', async (t) => {
  let fields: object = {}
  const app = Fastify().register(rateLimit, { max: 3 })
  app.get('/', (request) => {
    // The reply of another Fastify, handed to the hook of this one.
    const headers = (given: object) => {
      fields = given
    }
    hooks[0]?.check('onRequest', request, { request, headers } as unknown as FastifyReply, () => {})
    return 'ok'
  })
  const hooks: RequestHook[] = []
  const check = RequestHook.prototype.check
  t.intercept(RequestHook.prototype, 'check', {
    value(this: RequestHook, ...args: Parameters<typeof check>) {
      hooks.push(this)
      return check.apply(this, args)
    }
  })
  await app.inject('/')
  t.match(fields, { ratelimit: '"default";r=1;t=20' })
})
