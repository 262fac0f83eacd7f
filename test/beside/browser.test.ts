/**
 * `@fastify/cookie`, `@fastify/cors` and `@fastify/helmet` before the suite: what a browser sees of its
 * refusals.
 */
import cookie from '@fastify/cookie'
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import type { FastifyInstance } from 'fastify'
import holdfast from 'holdfast'
import t, { type Test } from 'tap'
import { quiet, type Service, service } from './service.ts'

const origin = 'https://shop.example'
const preflight = {
  method: 'OPTIONS',
  url: '/orders',
  headers: { origin, 'access-control-request-method': 'GET' }
} as const

/** What cors and helmet write on every answer. */
const BROWSER_HEADERS = {
  'access-control-allow-origin': origin,
  'access-control-expose-headers': 'Retry-After, RateLimit, RateLimit-Policy',
  'content-security-policy': String,
  'x-content-type-options': 'nosniff'
}

async function beforeTheSuite(app: FastifyInstance): Promise<void> {
  await app.register(cookie)
  await app.register(cors, {
    origin,
    exposedHeaders: ['Retry-After', 'RateLimit', 'RateLimit-Policy']
  })
  await app.register(helmet)
}

async function shop(t: Test): Promise<Service> {
  const shop = service(t)
  const { app } = shop
  await beforeTheSuite(app)
  await app.register(holdfast, { lifecycle: quiet, rateLimit: { max: 2 } })
  app.get('/orders', async () => [])
  const broken = { rateLimit: false, circuitBreaker: { threshold: 1 } } as const
  app.get('/broken', { config: broken }, async () => {
    throw new Error('down')
  })
  await app.ready()
  return shop
}

t.test('the boot has nothing to say about this order', async (t) => {
  const { warnings } = await shop(t)
  t.same(warnings(), [])
})

t.test('probes are answered ahead of them, with no header field of theirs', async (t) => {
  const { app } = await shop(t)
  const { statusCode, headers } = await app.inject({ url: '/readyz', headers: { origin } })
  t.equal(statusCode, 503, 'it does not listen')
  t.match(headers, { 'access-control-allow-origin': undefined, 'x-frame-options': undefined })
})

t.test('a refusal of the limiter carries the headers of both', async (t) => {
  const { app } = await shop(t)
  const ask = () => app.inject({ url: '/orders', headers: { origin } })
  await ask()
  await ask()
  const { statusCode, headers } = await ask()
  t.equal(statusCode, 429)
  t.match(headers, { ...BROWSER_HEADERS, 'retry-after': /^\d+$/ })
})

t.test('a refusal of a breaker carries the headers of both', async (t) => {
  const { app } = await shop(t)
  const ask = () => app.inject({ url: '/broken', headers: { origin } })
  await ask()
  const { statusCode, headers } = await ask()
  t.equal(statusCode, 503)
  t.match(headers, { ...BROWSER_HEADERS, 'retry-after': /^\d+$/ })
})

t.test('preflights that cors answers cost nothing', async (t) => {
  const { app } = await shop(t)
  for (let preflights = 0; preflights < 5; preflights++) {
    t.equal((await app.inject(preflight)).statusCode, 204)
  }
  const { headers } = await app.inject({ url: '/orders', headers: { origin } })
  t.match(headers['ratelimit'], /r=1\b/)
})

t.test('a preflight has its line, with what it was', async (t) => {
  const { app, requests } = await shop(t)
  await app.inject(preflight)
  t.match(requests(), [{ method: 'OPTIONS', path: '/orders', status: 204, outcome: 'ok' }])
})

t.test(
  'a path that nobody knows is limited, and its answers carry the headers of both',
  async (t) => {
    const { app } = await shop(t)
    const statuses = []
    for (let requests = 0; requests < 4; requests++) {
      const { statusCode, headers } = await app.inject({ url: '/nowhere', headers: { origin } })
      t.match(headers, BROWSER_HEADERS)
      statuses.push(statusCode)
    }
    t.same(statuses, [404, 404, 429, 429])
  }
)

t.test('cookies are there when the limiter asks who it is', async (t) => {
  const { app } = service(t)
  await beforeTheSuite(app)
  await app.register(holdfast, {
    lifecycle: quiet,
    rateLimit: { max: 1, keyGenerator: ({ cookies }) => cookies['session'] ?? 'nobody' }
  })
  app.get('/', async () => 'ok')
  const ask = (session: string) => app.inject({ url: '/', cookies: { session } })
  t.equal((await ask('ann')).statusCode, 200)
  t.equal((await ask('bob')).statusCode, 200)
  t.equal((await ask('ann')).statusCode, 429)
})

t.test('cors in a later hook runs behind the limiter, wherever it is registered', async (t) => {
  const { app } = service(t)
  await app.register(cors, { origin, hook: 'preHandler' })
  await app.register(holdfast, { lifecycle: quiet, rateLimit: { max: 1 } })
  app.get('/orders', async () => [])
  t.match(await app.inject(preflight), { statusCode: 204, headers: { ratelimit: /r=0\b/ } })
  const { statusCode, headers } = await app.inject({ url: '/orders', headers: { origin } })
  t.equal(statusCode, 429)
  t.match(headers, { 'access-control-allow-origin': undefined })
})

t.test('in the other order the boot says what to move, and why', async (t) => {
  const { app, warnings } = service(t)
  await app.register(holdfast, { lifecycle: quiet, rateLimit: { max: 0 } })
  await beforeTheSuite(app)
  app.get('/orders', async () => [])
  const { statusCode, headers } = await app.inject({ url: '/orders', headers: { origin } })
  t.equal(statusCode, 429)
  t.match(headers, { 'access-control-allow-origin': undefined })
  t.match(warnings(), [
    /^@fastify\/cors is registered after .*without its header fields.*Register @fastify\/cors before/,
    /^@fastify\/helmet is registered after/
  ])
})
