import circuitBreaker from '@holdfast/circuit-breaker'
import { parseDuration } from '@holdfast/core'
import lifecycle from '@holdfast/lifecycle'
import rateLimit, { TokenBucket } from '@holdfast/rate-limit'
import compat from '@holdfast/rate-limit/compat'
import requestLogging from '@holdfast/request-logging'
import Fastify from 'fastify'
import holdfast, { serverOptions } from 'holdfast'

async function serveOnce(app) {
  app.get('/', () => 'served')
  const answer = await fetch(await app.listen({ host: '127.0.0.1', port: 0 }))
  if ((await answer.text()) !== 'served') throw new Error(`not served: ${answer.status}`)
  await app.close()
}

const app = Fastify({ logger: { level: 'error' } })
app.register(lifecycle, { signals: false })
app.register(requestLogging)
app.register(rateLimit, { max: 100, timeWindow: '1 minute' })
app.register(circuitBreaker)
await serveOnce(app)

const moving = Fastify()
moving.register(compat, { max: 100 })
await serveOnce(moving)

const suite = Fastify(serverOptions({ logger: { level: 'error' } }))
await suite.register(holdfast)
await serveOnce(suite)

if (parseDuration('1s', 'wait') !== 1000) throw new Error('a second is 1000 ms')
if (!new TokenBucket({ rate: 1, capacity: 1 }).allow()) throw new Error('the bucket is full')
console.log('ok')
