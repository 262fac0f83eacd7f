import type { CircuitBreaker, CircuitBreakerOptions } from '@holdfast/circuit-breaker'
import { circuitBreaker } from '@holdfast/circuit-breaker'
import { type Duration, parseDuration } from '@holdfast/core'
import { type LifecycleOptions, lifecycle, serverTimeouts } from '@holdfast/lifecycle'
import {
  type RateLimiter,
  type RateLimitOptions,
  type Reservation,
  rateLimit,
  TokenBucket
} from '@holdfast/rate-limit'
import compat, { type RateLimitPluginOptions } from '@holdfast/rate-limit/compat'
import { type RequestLoggingOptions, requestLogging } from '@holdfast/request-logging'
import Fastify, { type FastifyInstance } from 'fastify'
import holdfast, { serverOptions } from 'holdfast'

async function serveOnce(app: FastifyInstance): Promise<void> {
  app.get(
    '/',
    { config: { rateLimit: { max: 5 }, circuitBreaker: true, requestLogging: false } },
    async () => {
      const payments: CircuitBreaker = app.circuitBreaker('payments')
      const paid: string = await payments.execute(async () => 'paid')
      return paid
    }
  )
  app.get('/open', { config: { rateLimit: false } }, () => 'open')
  const answer = await fetch(await app.listen({ host: '127.0.0.1', port: 0 }))
  if ((await answer.text()) !== 'paid') throw new Error(`not served: ${answer.status}`)
  await app.close()
}

const timeWindow: Duration = '1 minute'
const limit: RateLimitOptions = { max: 100, timeWindow }
const breaker: CircuitBreakerOptions = {}
const logging: RequestLoggingOptions = {}
const life: LifecycleOptions = { signals: false }

const app = Fastify({ ...serverTimeouts(), logger: { level: 'error' } })
app.register(lifecycle, life)
app.register(requestLogging, logging)
app.register(rateLimit, limit)
app.register(circuitBreaker, breaker)
await serveOnce(app)

const suite = Fastify(serverOptions({ logger: { level: 'error' } }))
await suite.register(holdfast, { lifecycle: life, requestLogging: false, rateLimit: limit })
await serveOnce(suite)

const older: RateLimitPluginOptions = { max: 5, ban: 1, errorResponseBuilder: (_, told) => told }
const moving = Fastify()
await moving.register(compat, older)
moving.get(
  '/',
  { config: { rateLimit: { max: 5, onExceeded: (_, key) => moving.log.info(key.toUpperCase()) } } },
  () => 'moving'
)
moving.get('/hook', { preHandler: moving.rateLimit({ max: 1 }) }, () => 'hooked')
await moving.close()

async function limitAnything(app: FastifyInstance): Promise<void> {
  await app.register(rateLimit, limit)
  app.get<{ Params: { id: string } }>(
    '/orders/:id',
    {
      onRequest: app.rateLimit({ max: 5 }),
      preParsing: app.rateLimit({ max: 6 }),
      preHandler: [app.rateLimit()]
    },
    ({ params }) => params.id
  )
  const logins: RateLimiter = app.createRateLimiter({ max: 5 })
  const attempt: Reservation = await logins.reserve('alice')
  await attempt.cancel()
  if (!logins.checkSync('alice', { cost: 5 }).allowed) throw new Error('nothing was charged')
  await app.close()
}

await limitAnything(Fastify())
if (parseDuration('1s', 'wait') !== 1000) throw new Error('a second is 1000 ms')
if (!new TokenBucket({ rate: 1, capacity: 1 }).allow()) throw new Error('the bucket is full')
console.log('ok')
