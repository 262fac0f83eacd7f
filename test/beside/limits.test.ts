/**
 * `@fastify/rate-limit`, `@fastify/under-pressure` and `@fastify/sensible` beside the suite: those that may
 * refuse as well.
 */
import { createRequire } from 'node:module'
import sensible from '@fastify/sensible'
import underPressure from '@fastify/under-pressure'
import type { FastifyPluginCallback } from 'fastify'
import holdfast from 'holdfast'
import t from 'tap'
import { quiet, service } from './service.ts'

// Not imported: its types would say that config.rateLimit is its own.
const require = createRequire(import.meta.url)
const fastifyRateLimit: FastifyPluginCallback<{ max: number }> = require('@fastify/rate-limit')

t.test('both limiters are in one app, each in its own scope', async (t) => {
  const { app, warnings } = service(t)
  await app.register(holdfast, { lifecycle: quiet, rateLimit: { max: 2, global: false } })
  app.register(async (old) => {
    await old.register(fastifyRateLimit, { max: 1 })
    old.get('/old', async () => 'ok')
  })
  app.get('/new', { config: { rateLimit: { max: 1 } } }, async () => 'ok')
  t.match((await app.inject('/old')).headers, {
    'x-ratelimit-remaining': '0',
    ratelimit: undefined
  })
  t.equal((await app.inject('/old')).statusCode, 429)
  t.match((await app.inject('/new')).headers, { ratelimit: /r=0\b/ })
  t.equal((await app.inject('/new')).statusCode, 429)
  t.same(warnings(), [])
})

t.test('in one scope theirs comes second, or the boot says what to do', async (t) => {
  const both = service(t)
  await both.app.register(holdfast, { lifecycle: quiet })
  await both.app.register(fastifyRateLimit, { max: 1 })
  both.app.get('/', async () => 'ok')
  const { headers } = await both.app.inject('/')
  t.match(headers, { 'x-ratelimit-remaining': '0', ratelimit: /r=999\b/ })
  const { app } = service(t)
  await app.register(fastifyRateLimit, { max: 1 })
  await t.rejects(async () => app.register(holdfast, { lifecycle: quiet }), {
    code: 'HOLDFAST_ERR_DECORATOR_TAKEN',
    message: /^@holdfast\/rate-limit adds the decorator "rateLimit"/
  })
})

t.test('under-pressure refuses what the suite has let in, and it is a line', async (t) => {
  const { app, requests, warnings } = service(t)
  await app.register(holdfast, { lifecycle: quiet })
  await app.register(underPressure, {
    healthCheck: async () => false,
    healthCheckInterval: 1000,
    exposeStatusRoute: '/status'
  })
  app.get('/', async () => 'ok')
  await app.ready()
  const { statusCode } = await app.inject('/')
  t.equal(statusCode, 503)
  t.match(requests(), [{ route: '/', status: 503, outcome: 'server-error' }])
  t.equal((await app.inject('/livez')).statusCode, 200)
  t.same(warnings(), [])
})

t.test("sensible's errors are answers like any other", async (t) => {
  const { app, requests, warnings } = service(t)
  await app.register(holdfast, { lifecycle: quiet })
  await app.register(sensible)
  app.get('/missing', async () => {
    throw app.httpErrors.notFound('no such order')
  })
  app.get('/broken', { config: { circuitBreaker: { threshold: 1 } } }, (_request, reply) => {
    reply.serviceUnavailable('payments are down')
  })
  t.match((await app.inject('/missing')).json(), { statusCode: 404, message: 'no such order' })
  t.equal((await app.inject('/broken')).statusCode, 503)
  t.match((await app.inject('/broken')).json(), { code: 'HOLDFAST_ERR_CIRCUIT_BREAKER_OPEN' })
  t.match(
    requests().map(({ status, outcome }) => [status, outcome]),
    [
      [404, 'client-error'],
      [503, 'server-error'],
      [503, 'refused']
    ]
  )
  t.match(warnings(), [/circuit breaker "GET \/broken" opened/])
})
