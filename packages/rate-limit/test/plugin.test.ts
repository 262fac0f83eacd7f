/**
 * The plugin as a whole, with its exports, events and errors: `plugin.ts`, `index.ts`, `fact.ts`,
 * `channels.ts` and `errors.ts`.
 */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { factsOf, subscribe } from '@holdfast/core'
import fastifyDefault, {
  type RateLimitEvent,
  type RateLimitEvictedEvent,
  RateLimitExceededError,
  type RateLimitOptions,
  rateLimit
} from '@holdfast/rate-limit'
import compat from '@holdfast/rate-limit/compat'
import Fastify, { type FastifyError, type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { Client, request } from 'undici'
import { listen } from '../../../test/support/http.ts'

/** A service that allows two requests, on a free port. */
async function serve(
  t: Test,
  build: (app: FastifyInstance) => void = () => {},
  options: RateLimitOptions = { max: 2 }
): Promise<string> {
  const app = Fastify()
  t.teardown(() => app.close())
  app.register(rateLimit, options)
  app.get('/', () => 'ok')
  app.get('/other', () => 'ok')
  build(app)
  return `http://127.0.0.1:${await listen(app)}`
}

async function get(url: string, method: 'GET' | 'HEAD' | 'POST' = 'GET') {
  const { statusCode, headers, body } = await request(url, { method })
  return { status: statusCode, headers, text: await body.text() }
}

t.test('is the named and the default export', async (t) => {
  t.equal(fastifyDefault, rateLimit)
})

t.test('allows what the limit allows, then answers 429 with all that a client needs', async (t) => {
  const url = await serve(t)
  for (const left of [1, 0]) {
    const { status, headers, text } = await get(url)
    t.equal(status, 200)
    t.equal(text, 'ok')
    t.equal(headers['ratelimit-policy'], '"default";q=2;w=60')
    t.match(headers.ratelimit, new RegExp(`^"default";r=${left};t=30$`))
    t.notOk(headers['retry-after'])
  }
  const { status, headers, text } = await get(`${url}/other`)
  t.equal(status, 429)
  t.equal(headers['ratelimit-policy'], '"default";q=2;w=60')
  t.match(headers, {
    ratelimit: '"default";r=0;t=30',
    'retry-after': '30',
    'cache-control': 'no-store',
    'content-type': 'application/problem+json'
  })
  t.strictSame(JSON.parse(text), {
    type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
    title: 'Quota exceeded',
    status: 429,
    detail: 'Rate limit exceeded. Try again in 30 s.',
    'violated-policies': ['default'],
    statusCode: 429,
    code: 'HOLDFAST_ERR_RATE_LIMIT_EXCEEDED',
    error: 'Too Many Requests',
    message: 'Rate limit exceeded. Try again in 30 s.'
  })
})

t.test('requests come back one by one, when Retry-After said', async (t) => {
  let now = performance.now()
  t.intercept(performance, 'now', { value: () => now })
  const app = Fastify().register(rateLimit, { max: 4, timeWindow: '10s', burst: 2 })
  t.teardown(() => app.close())
  app.get('/', () => 'ok')
  const statuses: number[] = []
  const ask = async () => {
    const { statusCode, headers } = await app.inject('/')
    statuses.push(statusCode)
    return Number(headers['retry-after'])
  }
  await ask()
  await ask()
  t.equal(await ask(), 3, '2.5 s, rounded up')
  now += 2499
  await ask()
  now += 1
  await ask()
  await ask()
  t.strictSame(statuses, [200, 200, 429, 429, 200, 429])
})

t.test('HEAD and GET are the same to the limit', async (t) => {
  const url = await serve(t, (app) => {
    app.register(async (scope) => {
      scope.get('/own', { config: { rateLimit: { max: 3 } } }, () => 'ok')
    })
  })
  t.equal((await get(`${url}/own`)).status, 200)
  const head = await get(`${url}/own`, 'HEAD')
  t.equal(head.status, 200)
  t.match(head.headers.ratelimit, /r=1/)
  t.equal((await get(`${url}/own`)).status, 200)
  t.equal((await get(`${url}/own`, 'HEAD')).status, 429)
  t.equal((await get(url, 'HEAD')).status, 200)
  t.equal((await get(url)).status, 200)
  t.equal((await get(url, 'HEAD')).status, 429)
})

t.test('unknown paths are limited, with a 404 handler and without', async (t) => {
  for (const handled of [false, true]) {
    const url = await serve(t, (app) => {
      if (handled) app.setNotFoundHandler((_, reply) => reply.code(404).send('nothing'))
    })
    t.equal((await get(`${url}/a`)).status, 404)
    t.equal((await get(`${url}/b`, 'POST')).status, 404)
    t.equal((await get(`${url}/c`)).status, 429)
  }
})

t.test('probes are never limited', async (t) => {
  const url = await serve(t, (app) => {
    app.get('/livez', { config: { holdfast: { probe: true } } }, () => 'alive')
    app.get('/readyz', { config: { rateLimit: { max: 0 }, holdfast: { probe: true } } }, () => 'ok')
  })
  for (let index = 0; index < 5; index++) {
    const { status, headers } = await get(`${url}/livez`)
    t.equal(status, 200)
    t.notOk(headers.ratelimit)
    t.equal((await get(`${url}/readyz`)).status, 200)
  }
  t.match((await get(url)).headers.ratelimit, /r=1/, 'they cost nothing either')

  const app = Fastify()
  app.addHook('onRequest', (request, _reply, done) => {
    factsOf(request).probe = true
    done()
  })
  app.register(rateLimit, { max: 0 })
  app.get('/', () => 'ok')
  t.equal((await app.inject('/')).statusCode, 200, 'marked by a plugin that ran before')
})

t.test('max 0 denies all and sends no Retry-After', async (t) => {
  const url = await serve(t, undefined, { max: 0 })
  const { status, headers, text } = await get(url)
  t.equal(status, 429)
  t.notOk(headers['retry-after'])
  t.equal(headers.ratelimit, '"default";r=0')
  t.match(JSON.parse(text), {
    detail: 'Rate limit exceeded. Requests like this are never allowed.'
  })
})

t.test('the header fields are the older ones, or none, where the options say so', async (t) => {
  const legacy = await serve(t, undefined, { max: 1, headers: 'legacy' })
  const allowed = await get(legacy)
  t.match(allowed.headers, {
    'x-ratelimit-limit': '1',
    'x-ratelimit-remaining': '0',
    'x-ratelimit-reset': '60'
  })
  t.notOk(allowed.headers.ratelimit)
  t.match(await get(legacy), {
    status: 429,
    headers: { 'x-ratelimit-remaining': '0', 'retry-after': '60' }
  })

  const none = await serve(t, undefined, { max: 1, headers: false })
  const silent = await get(none)
  t.notOk(Object.keys(silent.headers).some((name) => name.includes('ratelimit')))
  t.match(await get(none), { status: 429, headers: { 'retry-after': '60' } })
})

t.test(
  "a denial reaches the user's error handler as a coded error, with status and headers",
  async (t) => {
    const seen: Error[] = []
    function answer(error: FastifyError) {
      seen.push(error)
      return { mine: error.code }
    }
    const onInstance = (app: FastifyInstance) => {
      app.setErrorHandler<FastifyError>((error) => answer(error))
    }
    const onRoute = (app: FastifyInstance) => {
      app.get(
        '/handled',
        { errorHandler: (error, _, reply) => reply.send(answer(error)) },
        () => 'ok'
      )
    }
    for (const [build, path] of [
      [onInstance, '/'],
      [onRoute, '/handled']
    ] as const) {
      const url = await serve(t, build, { max: 1 })
      t.equal((await get(url + path)).status, 200)
      const { status, headers, text } = await get(url + path)
      t.equal(status, 429)
      t.strictSame(JSON.parse(text), { mine: 'HOLDFAST_ERR_RATE_LIMIT_EXCEEDED' })
      t.match(headers, {
        'retry-after': '60',
        'cache-control': 'no-store',
        ratelimit: '"default";r=0;t=60',
        'ratelimit-policy': '"default";q=1;w=60'
      })
      const error = seen.pop()
      t.ok(error instanceof RateLimitExceededError)
      t.match(error, { decision: { policy: 'default', limit: 1, reason: 'exceeded' } })
    }
  }
)

t.test('the decision is among the facts of the request', async (t) => {
  const facts: unknown[] = []
  const url = await serve(t, (app) => {
    app.addHook('onResponse', async (request) => {
      const { rateLimit, refusedBy } = factsOf(request)
      facts.push({ ...rateLimit, refusedBy })
    })
  })
  for (let index = 0; index < 3; index++) await get(url)
  t.match(facts, [
    { allowed: true, policy: 'default', limit: 2, remaining: 1, retryAfter: 0, reason: 'within' },
    { allowed: true, remaining: 0, retryAfter: 0, refusedBy: undefined },
    {
      allowed: false,
      remaining: 0,
      retryAfter: Number,
      reason: 'exceeded',
      refusedBy: 'rate-limit'
    }
  ])
})

t.test('decisions are published on channels', async (t) => {
  const events: RateLimitEvent[] = []
  const facts: unknown[] = []
  const listener = (event: RateLimitEvent) => {
    const { rateLimit, refusedBy } = factsOf(event.request)
    facts.push([rateLimit?.allowed, refusedBy])
    events.push(event)
  }
  const stops = [
    subscribe('holdfast:rate-limit:allowed', listener),
    subscribe('holdfast:rate-limit:denied', listener)
  ]
  const url = await serve(t, undefined, { max: 1 })
  await get(`${url}/?a`)
  await get(`${url}/?b`)
  for (const stop of stops) stop()
  await get(`${url}/?c`)
  t.match(events, [
    { request: { url: '/?a' }, key: '127.0.0.1', decision: { allowed: true } },
    { request: { url: '/?b' }, key: '127.0.0.1', decision: { allowed: false } }
  ])
  t.equal(events.length, 2)
  t.strictSame(
    facts,
    [
      [true, undefined],
      [false, 'rate-limit']
    ],
    'whoever listens finds the facts written'
  )
})

t.test('limits injected requests too', async (t) => {
  const app = Fastify().register(rateLimit, { max: 1 })
  app.get('/', () => 'ok')
  t.equal((await app.inject('/')).statusCode, 200)
  t.equal((await app.inject('/')).statusCode, 429)
  t.equal((await app.inject({ url: '/', remoteAddress: '192.0.2.1' })).statusCode, 200)
  t.equal((await app.inject({ url: '/', remoteAddress: '::ffff:192.0.2.1' })).statusCode, 429)
  t.equal((await app.inject({ url: '/', remoteAddress: '2001:db8::1' })).statusCode, 200)
  t.equal((await app.inject({ url: '/', remoteAddress: '2001:db8::2' })).statusCode, 429)
  t.equal((await app.inject({ url: '/', remoteAddress: '2001:db8:0:1::' })).statusCode, 200)
})

t.test('clients of a Unix socket share the key local', async (t) => {
  const app = Fastify().register(rateLimit, { max: 2, allowList: ['192.0.2.1'] })
  t.teardown(() => app.close())
  app.get('/', () => 'ok')
  // The path of a socket must be short.
  const path = join(tmpdir(), `holdfast-rate-limit-${process.pid}.sock`)
  await app.listen({ path })
  const statuses: number[] = []
  for (let index = 0; index < 3; index++) {
    const client = new Client('http://localhost', { socketPath: path })
    const { statusCode, body } = await client.request({ method: 'GET', path: '/' })
    await body.dump()
    await client.close()
    statuses.push(statusCode)
  }
  t.strictSame(statuses, [200, 200, 429])
})

t.test('shows its hook by name, and after close nothing of it is left', async (t) => {
  // Immediates come and go with Fastify's own work.
  const resources = () =>
    process
      .getActiveResourcesInfo()
      .filter((name) => name !== 'Immediate')
      .sort()
  const before = resources()
  const app = Fastify().register(rateLimit)
  app.get('/', () => 'ok')
  t.equal((await app.inject('/')).statusCode, 200)
  t.match(app.printRoutes({ includeHooks: true }), '(onRequest) ["holdfastRateLimit()"]')
  await app.close()
  t.strictSame(resources(), before)
})

t.test(
  'a table that fills up is logged once, and clients that it forgets are published',
  async (t) => {
    const evicted: RateLimitEvictedEvent[] = []
    const stop = subscribe('holdfast:rate-limit:evicted', (event) => evicted.push(event))
    const lines: string[] = []
    const stream = { write: (line: string) => lines.push(JSON.parse(line).msg) }
    const app = Fastify({ logger: { level: 'warn', stream } })
    app.register(rateLimit, { maxKeys: 200, max: 3 })
    app.get('/', () => 'ok')
    for (let index = 0; index < 1000; index++) {
      const remoteAddress = `10.0.${index >> 8}.${index & 255}`
      await app.inject({ url: '/', remoteAddress })
      if (index === 600) stop()
    }
    t.equal(lines.length, 1)
    t.match(lines[0], /four fifths of the 200 clients .* Raise maxKeys/)
    t.ok(evicted.length > 100)
    t.strictSame(evicted[0], { evictions: 1, capacity: 200 })
  }
)

t.test('a trustProxy that does not tell clients apart is warned of, with the remedy', async (t) => {
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
})

t.test('a decorator that another plugin has taken is named at boot, with the remedy', async (t) => {
  const app = Fastify()
  app.register(compat)
  app.register(rateLimit)
  await t.rejects(async () => app.ready(), {
    code: 'HOLDFAST_ERR_DECORATOR_TAKEN',
    message: /rate-limit adds the decorator "rateLimit", .* or give each .* a scope/
  })
  const both = Fastify()
  both.register(rateLimit)
  both.register(compat)
  both.register(async (scope) => {
    scope.register(rateLimit)
  })
  await t.resolves(async () => both.ready(), 'in the other order, and in a scope')
})
