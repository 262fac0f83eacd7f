/**
 * `@fastify/jwt`, `@fastify/bearer-auth` and `@fastify/session` beside the suite: who is refused by whom,
 * and what it costs.
 */
import { once } from 'node:events'
import { connect } from 'node:http2'
import bearerAuth from '@fastify/bearer-auth'
import cookie from '@fastify/cookie'
import jwt from '@fastify/jwt'
import session, { type SessionStore } from '@fastify/session'
import Fastify, { type FastifyInstance } from 'fastify'
import holdfast from 'holdfast'
import { Redis } from 'ioredis'
import t from 'tap'
import { startRedis } from '../support/redis.ts'
import { quiet, service } from './service.ts'

declare module 'fastify' {
  interface Session {
    visits?: number
  }
}

t.test('a token is checked behind the suite: its 401 is charged to the address', async (t) => {
  const { app, requests, warnings } = service(t)
  await app.register(holdfast, { lifecycle: quiet, rateLimit: { max: 3 } })
  await app.register(jwt, { secret: 'a secret of the test' })
  app.addHook('onRequest', (request) => request.jwtVerify())
  app.get('/', async ({ user }) => user)
  await app.ready()
  const authorization = `Bearer ${app.jwt.sign({ name: 'ann' })}`
  t.equal((await app.inject('/')).statusCode, 401)
  const answer = await app.inject({ url: '/', headers: { authorization } })
  t.match(answer.json(), { name: 'ann' })
  t.match(answer.headers['ratelimit'], /r=1\b/)
  t.equal((await app.inject('/')).statusCode, 401)
  t.equal((await app.inject({ url: '/', headers: { authorization } })).statusCode, 429)
  t.same(warnings(), [])
  t.match(requests(), [
    { status: 401, outcome: 'client-error' },
    { status: 200, outcome: 'ok' },
    { status: 401, outcome: 'client-error' },
    { status: 429, outcome: 'refused', refusedBy: 'rate-limit' }
  ])
})

t.test('a limit by address before authentication, and one by user behind it', async (t) => {
  const { app, warnings } = service(t)
  await app.register(holdfast, {
    lifecycle: quiet,
    rateLimit: { max: 5, timeWindow: '1 hour', refundDenied: true }
  })
  await app.register(jwt, { secret: 'a secret of the test' })
  app.addHook('onRequest', (request) => request.jwtVerify())
  const byUser = app.rateLimit({
    max: 1,
    keyGenerator: ({ user }) => (user as { name: string }).name
  })
  app.get('/', { preHandler: byUser }, async () => 'ok')
  await app.ready()
  const ask = async (name: string) => {
    const headers = { authorization: `Bearer ${app.jwt.sign({ name })}` }
    return (await app.inject({ url: '/', headers })).statusCode
  }
  t.same([await ask('ann'), await ask('bob')], [200, 200])
  for (let denied = 0; denied < 10; denied++) t.equal(await ask('ann'), 429)
  t.equal(await ask('cid'), 200, 'what the limit of ann denied is not charged to the address')
  const guess = async () => (await app.inject('/')).statusCode
  t.same([await guess(), await guess(), await guess()], [401, 401, 429], 'guesses are')
  t.same(warnings(), [])
})

t.test('a bearer key protects a scope, its routes have their limits and lines', async (t) => {
  const { app, requests, warnings } = service(t)
  await app.register(holdfast, { lifecycle: quiet, rateLimit: { max: 2 } })
  await app.register(async (scope) => {
    await scope.register(bearerAuth, { keys: new Set(['a key']) })
    scope.get('/inner', async () => 'ok')
  })
  app.get('/', async () => 'ok')
  const headers = { authorization: 'Bearer a key' }
  t.equal((await app.inject('/inner')).statusCode, 401)
  t.equal((await app.inject({ url: '/inner', headers })).statusCode, 200)
  t.equal((await app.inject({ url: '/inner', headers })).statusCode, 429)
  t.match(
    requests().map(({ route, status }) => [route, status]),
    [
      ['/inner', 401],
      ['/inner', 200],
      ['/inner', 429]
    ]
  )
  t.same(warnings(), [])
})

t.test('probes ask for no key, wherever it is asked for', async (t) => {
  const suite = (app: FastifyInstance) => app.register(holdfast, { lifecycle: quiet })
  const keys = (app: FastifyInstance) => app.register(bearerAuth, { keys: new Set(['a key']) })
  for (const order of [
    [suite, keys],
    [keys, suite]
  ]) {
    const { app } = service(t)
    for (const register of order) await register(app)
    app.get('/', async () => 'ok')
    t.equal((await app.inject('/livez')).statusCode, 200)
    t.equal((await app.inject('/')).statusCode, 401)
  }
})

t.test('probes need no key over HTTP/2 either, and pass the onSend hooks of the app', async (t) => {
  const app = Fastify({ http2: true, logger: { level: 'silent' } })
  t.teardown(() => app.close())
  await app.register(cookie)
  await app.register(bearerAuth, { keys: new Set(['a key']) })
  await app.register(holdfast, { lifecycle: quiet })
  app.addHook('onSend', async (_request, reply) => {
    reply.header('x-served-by', 'shop')
  })
  app.register(async (scope) => scope.get('/orders', async () => []), { prefix: '/api' })
  const session = connect(await app.listen({ port: 0, host: '127.0.0.1' }))
  t.teardown(() => session.destroy())
  const ask = async (path: string) => {
    const stream = session.request({ ':path': path })
    const [headers] = await once(stream, 'response')
    stream.resume()
    return [headers[':status'], headers['x-served-by']]
  }
  t.same(await ask('/livez'), [200, 'shop'])
  t.same(await ask('/readyz'), [200, 'shop'])
  t.same(await ask('/api/orders'), [401, 'shop'])
})

t.test('sessions are kept in the Redis that limits are kept in', async (t) => {
  const server = await startRedis(t)
  if (server === undefined) return
  const redis = new Redis(server.url)
  redis.on('error', () => {})
  t.teardown(() => redis.disconnect())
  const prefix = `session-${process.pid}:`
  const store: SessionStore = {
    set: (id, value, done) => {
      redis.set(prefix + id, JSON.stringify(value), 'EX', 60).then(() => done(), done)
    },
    get: (id, done) => {
      redis.get(prefix + id).then((text) => done(null, text && JSON.parse(text)), done)
    },
    destroy: (id, done) => {
      redis.del(prefix + id).then(() => done(), done)
    }
  }
  const { app, warnings } = service(t)
  await app.register(cookie)
  await app.register(session, {
    secret: 'a secret of the test that is long enough',
    cookie: { secure: false },
    store
  })
  await app.register(holdfast, {
    lifecycle: quiet,
    rateLimit: { redis, max: 2, keyGenerator: ({ session }) => session.sessionId }
  })
  app.get('/', async (request) => {
    const visits = (request.session.visits ?? 0) + 1
    request.session.visits = visits
    return { visits }
  })
  const first = await app.inject('/')
  const [{ name = '', value = '' } = {}] = first.cookies
  const again = () => app.inject({ url: '/', cookies: { [name]: value } })
  t.same(first.json(), { visits: 1 })
  t.same((await again()).json(), { visits: 2 })
  t.equal((await again()).statusCode, 429)
  t.equal((await app.inject('/')).statusCode, 200, 'another session has a limit of its own')
  t.same(warnings(), [])
})
