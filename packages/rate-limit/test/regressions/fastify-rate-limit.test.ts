/**
 * What @fastify/rate-limit 11.2 gets wrong, and this limiter must not.
 */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { clientKey, type RateLimitOptions, rateLimit } from '@holdfast/rate-limit'
import Fastify, { type FastifyInstance, type InjectOptions } from 'fastify'
import t from 'tap'
import { Client } from 'undici'

const ok = () => 'ok'

async function statuses(app: FastifyInstance, ...requests: (string | InjectOptions)[]) {
  const codes: number[] = []
  for (const request of requests) codes.push((await app.inject(request)).statusCode)
  return codes
}

t.test('an exhausted client stays limited through any number of other keys', async (t) => {
  const app = Fastify().register(rateLimit, { max: 1, maxKeys: 64 })
  app.get('/', ok)
  await app.inject('/')
  for (let index = 0; index < 700; index++) {
    await app.inject({ url: '/', remoteAddress: `10.0.${index >> 8}.${index & 255}` })
  }
  t.strictSame(await statuses(app, '/'), [429])
})

t.test('routes of a group share one counter', async (t) => {
  const app = Fastify()
  await app.register(rateLimit, { global: false })
  for (const url of ['/a', '/b', '/c']) {
    app.get(url, { config: { rateLimit: { groupId: 'g', max: 2 } } }, ok)
  }
  t.strictSame(await statuses(app, '/a', '/b', '/c'), [200, 200, 429])
})

t.test('who keeps asking is admitted when the header says so, and no sooner', async (t) => {
  let now = performance.now()
  t.intercept(performance, 'now', { value: () => now })
  const app = Fastify().register(rateLimit, { max: 2, timeWindow: '10s', countDenied: true })
  app.get('/', ok)
  await app.inject('/')
  await app.inject('/')
  for (let index = 0; index < 5; index++) {
    now += 1000
    const refused = await app.inject('/')
    t.strictSame([refused.statusCode, refused.headers['retry-after']], [429, '5'])
  }
  now += 4999
  t.strictSame(await statuses(app, '/'), [429])
  now += 5000
  t.strictSame(await statuses(app, '/'), [200])
})

t.test('GET and its HEAD twin have one limit under a config of their own', async (t) => {
  const app = Fastify()
  await app.register(rateLimit)
  app.get('/', { config: { rateLimit: { max: 2 } } }, ok)
  const head = { url: '/', method: 'HEAD' } as const
  t.strictSame(await statuses(app, '/', head, '/', head), [200, 200, 429, 429])
})

t.test('clients of a Unix socket get answers', async (t) => {
  const app = Fastify().register(rateLimit, { max: 2 })
  t.teardown(() => app.close())
  app.get('/', ok)
  // The path of a socket must be short.
  const socketPath = join(tmpdir(), `holdfast-regression-${process.pid}.sock`)
  await app.listen({ path: socketPath })
  const client = new Client('http://localhost', { socketPath })
  t.teardown(() => client.close())
  const codes: number[] = []
  for (let index = 0; index < 3; index++) {
    const { statusCode, body } = await client.request({ method: 'GET', path: '/' })
    await body.dump()
    codes.push(statusCode)
  }
  t.strictSame(codes, [200, 200, 429])
})

t.test('the limiter is there when nobody awaits its registration', async (t) => {
  const app = Fastify()
  app.register(rateLimit, { max: 1 })
  app.get('/', ok)
  t.strictSame(await statuses(app, '/', '/'), [200, 429])
})

t.test('a refusal is a 429 whatever the error handler makes of it', async (t) => {
  const app = Fastify().register(rateLimit, { max: 1 })
  app.setErrorHandler(() => ({ nothing: 'of a status' }))
  app.get('/', ok)
  t.strictSame(await statuses(app, '/', '/'), [200, 429])
})

t.test('the allow list works on routes of a group', async (t) => {
  const app = Fastify()
  await app.register(rateLimit, { allowList: ['127.0.0.1'] })
  app.get('/', { config: { rateLimit: { groupId: 'g', max: 1 } } }, ok)
  t.strictSame(await statuses(app, '/', '/', '/'), [200, 200, 200])
})

t.test('clients without a key share a bucket, and the log says so', async (t) => {
  const lines: string[] = []
  const stream = { write: (line: string) => lines.push(JSON.parse(line).msg) }
  const app = Fastify({ logger: { level: 'error', stream } })
  const keyGenerator = (request: { headers: Record<string, unknown> }) =>
    request.headers['x-api-key'] as string
  app.register(rateLimit, { max: 1, keyGenerator })
  app.get('/', ok)
  t.strictSame(await statuses(app, '/', '/'), [200, 429])
  t.match(lines, [/^rateLimit\.keyGenerator .*such requests share one limit\..*logged once/])
})

t.test('unknown paths are limited', async (t) => {
  const app = Fastify().register(rateLimit, { max: 1 })
  t.strictSame(await statuses(app, '/nowhere', '/nothing'), [404, 429])
})

t.test('clients behind NAT64 are told apart', async (t) => {
  t.equal(clientKey('64:ff9b::192.0.2.1'), '192.0.2.1')
  t.not(clientKey('64:ff9b::192.0.2.1'), clientKey('64:ff9b::192.0.2.2'))
})

t.test('IPv4 clients of a server that listens on IPv6 have the keys of IPv4', async (t) => {
  const app = Fastify().register(rateLimit, { max: 1 })
  app.get('/', ok)
  const [plain, mapped] = ['192.0.2.1', '::ffff:192.0.2.1'].map((remoteAddress) => {
    return { url: '/', remoteAddress }
  }) as [InjectOptions, InjectOptions]
  t.strictSame(await statuses(app, plain, mapped), [200, 429])
})

t.test('a second registration leaves the tighter limit in the headers', async (t) => {
  const app = Fastify().register(rateLimit, { max: 2 })
  app.register(async (scope) => {
    scope.register(rateLimit, { max: 50 })
    scope.get('/', ok)
  })
  t.match((await app.inject('/')).headers, { ratelimit: '"default";r=1;t=30' })
})

t.test('a limit that is none stops the boot', async (t) => {
  for (const wrong of [
    { max: '5' },
    { max: NaN },
    { max: -1 },
    { max: Infinity },
    { timeWindow: 'banana' },
    { timeWindow: NaN },
    { maxx: 5 }
  ]) {
    const app = Fastify().register(rateLimit, wrong as RateLimitOptions)
    await t.rejects(async () => app.ready(), { code: /^HOLDFAST_ERR_OPTION_/ })
  }
})

t.test('whatever is in a key, the request is counted', async (t) => {
  const app = Fastify()
  app.register(rateLimit, { max: 1, keyGenerator: (request) => String(request.headers['x-key']) })
  app.get('/', ok)
  const long = 'k'.repeat(16_000)
  for (const key of [
    long,
    `${long}l`,
    '\u0001\u0000',
    '\ud800',
    '__proto__',
    'caf\u00e9 \u{1f600}'
  ]) {
    // Injected: over a socket some of these would not be a header.
    const request = { url: '/', headers: { 'x-key': key } }
    t.strictSame(await statuses(app, request, request), [200, 429])
  }
})
