/**
 * What @fastify/rate-limit 11.2 gets wrong and its own tests leave open: the drop-in must not.
 */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fastifyRateLimit, {
  normalizeIP,
  type RateLimitPluginOptions
} from '@holdfast/rate-limit/compat'
import Fastify, { type FastifyInstance, type InjectOptions } from 'fastify'
import t from 'tap'
import { Client } from 'undici'

const ok = () => 'ok'

async function statuses(app: FastifyInstance, ...requests: (string | InjectOptions)[]) {
  const codes: number[] = []
  for (const request of requests) codes.push((await app.inject(request)).statusCode)
  return codes
}

t.test('an exhausted client stays limited through more keys than the cache holds', async (t) => {
  const app = Fastify()
  await app.register(fastifyRateLimit, { max: 1, cache: 10 })
  app.get('/', ok)
  await app.inject('/')
  for (let index = 0; index < 700; index++) {
    await app.inject({ url: '/', remoteAddress: `10.0.${index >> 8}.${index & 255}` })
  }
  t.strictSame(await statuses(app, '/'), [429])
})

t.test('routes of a group share one counter', async (t) => {
  const app = Fastify()
  await app.register(fastifyRateLimit, { global: false })
  for (const url of ['/a', '/b', '/c']) {
    app.get(url, { config: { rateLimit: { groupId: 'g', max: 2 } } }, ok)
  }
  t.strictSame(await statuses(app, '/a', '/b', '/c'), [200, 200, 429])
})

t.test('back-off lasts as long as the header says', async (t) => {
  let now = 0
  t.intercept(Date, 'now', { value: () => now })
  const app = Fastify()
  await app.register(fastifyRateLimit, { max: 1, timeWindow: 1000, exponentialBackoff: true })
  app.get('/', ok)
  await statuses(app, '/', '/', '/')
  t.match((await app.inject('/')).headers, { 'retry-after': '4' })
  now = 3999
  t.match((await app.inject('/')).headers, { 'retry-after': '8' })
  now += 8000
  t.strictSame(await statuses(app, '/'), [200])
})

t.test('clients of a Unix socket get answers', async (t) => {
  const app = Fastify()
  await app.register(fastifyRateLimit, { max: 2 })
  t.teardown(() => app.close())
  app.get('/', ok)
  // The path of a socket must be short.
  const socketPath = join(tmpdir(), `holdfast-compat-${process.pid}.sock`)
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
  app.register(fastifyRateLimit, { max: 1 })
  app.get('/', ok)
  t.strictSame(await statuses(app, '/', '/'), [200, 429])
})

t.test('a denial is a 429 or a 403 whatever the builder answers', async (t) => {
  for (const answer of [{ message: 'no' }, { statusCode: 200 }, 'no', undefined, null, 5]) {
    const app = Fastify()
    const errorResponseBuilder = () => answer as object
    await app.register(fastifyRateLimit, { max: 1, ban: 1, errorResponseBuilder })
    app.get('/', ok)
    t.strictSame(await statuses(app, '/', '/', '/'), [200, 429, 403], String(answer))
  }
})

t.test('the allow list works on routes of a group', async (t) => {
  const app = Fastify()
  const keys: string[] = []
  await app.register(fastifyRateLimit, { allowList: ['127.0.0.1'] })
  app.get('/', { config: { rateLimit: { groupId: 'g', max: 1 } } }, ok)
  const allowList = (_request: unknown, key: string) => {
    keys.push(key)
    return key === '127.0.0.1'
  }
  app.get('/asked', { config: { rateLimit: { groupId: 'g', max: 1, allowList } } }, ok)
  t.strictSame(await statuses(app, '/', '/', '/asked', '/asked'), [200, 200, 200, 200])
  t.strictSame(keys, ['127.0.0.1', '127.0.0.1'])
})

t.test('clients without a key share a counter, and the log says so', async (t) => {
  const lines: string[] = []
  const stream = { write: (line: string) => lines.push(JSON.parse(line).msg) }
  const app = Fastify({ logger: { level: 'error', stream } })
  await app.register(fastifyRateLimit, {
    max: 1,
    keyGenerator: (request) => request.headers['x-api-key'] as string
  })
  app.get('/', ok)
  t.strictSame(await statuses(app, '/', '/'), [200, 429])
  t.match(lines, [/^rateLimit: keyGenerator returned nothing.*logged once/])
})

t.test('unknown paths are limited', async (t) => {
  const app = Fastify()
  await app.register(fastifyRateLimit, { max: 1 })
  t.strictSame(await statuses(app, '/nowhere', '/nothing'), [404, 429])
})

t.test('clients behind NAT64 are told apart', async (t) => {
  t.equal(normalizeIP('64:ff9b::192.0.2.1'), '192.0.2.1')
  t.not(normalizeIP('64:ff9b::192.0.2.1'), normalizeIP('64:ff9b::192.0.2.2'))
})

t.test('a second registration leaves the tighter limit in the headers', async (t) => {
  const app = Fastify()
  await app.register(fastifyRateLimit, { max: 2 })
  await app.register(fastifyRateLimit, { max: 50 })
  app.get('/', ok)
  t.match((await app.inject('/')).headers, {
    'x-ratelimit-limit': '2',
    'x-ratelimit-remaining': '1'
  })
})

t.test('a limit that is none stops the boot', async (t) => {
  for (const wrong of [
    { max: '5' },
    { max: -1 },
    { max: Infinity },
    { timeWindow: 'banana' },
    { timeWindow: '-1s' },
    { timeWindow: '0' },
    { timeWindow: 0 },
    { timeWindow: Infinity },
    { timeWindow: {} }
  ]) {
    const app = Fastify().register(fastifyRateLimit, wrong as RateLimitPluginOptions)
    await t.rejects(async () => app.ready(), { code: 'HOLDFAST_ERR_OPTION_INVALID' })
  }
})

// Its own tests want these two as they are.

t.test('as in the original, GET and HEAD of a route with a config count apart', async (t) => {
  const app = Fastify()
  await app.register(fastifyRateLimit)
  app.get('/', { config: { rateLimit: { max: 1 } } }, ok)
  const head = { url: '/', method: 'HEAD' } as const
  t.strictSame(await statuses(app, '/', head, '/', head), [200, 200, 429, 429])
})

t.test('as in the original, no number at all is the default', async (t) => {
  const app = Fastify()
  await app.register(fastifyRateLimit, { max: NaN, timeWindow: NaN })
  app.get('/', { config: { rateLimit: { timeWindow: -5 } } }, ok)
  t.match((await app.inject('/')).headers, {
    'x-ratelimit-limit': '1000',
    'x-ratelimit-reset': '60'
  })
})
