/**
 * A service whose behaviour would change if something hung on the name of a function or class, or on a file
 * that a bundle leaves behind.
 */
import assert from 'node:assert/strict'
import { CircuitOpenError, isCircuitOpen } from '@holdfast/circuit-breaker'
import { RateLimitExceededError } from '@holdfast/rate-limit'
import Fastify from 'fastify'
import holdfast, { serverOptions } from 'holdfast'

async function main() {
  const lines = []
  const stream = { write: (line) => lines.push(JSON.parse(line)) }
  const app = Fastify(serverOptions({ logger: { stream } }))
  await app.register(holdfast, { lifecycle: { signals: false }, rateLimit: { max: 2 } })
  const errors = []
  app.setErrorHandler((error, _request, reply) => {
    errors.push(error)
    return reply.code(error.statusCode ?? 500).send({ code: error.code })
  })
  app.get('/', async () => 'served')
  const config = { rateLimit: false, circuitBreaker: { threshold: 1 } }
  app.get('/down', { config }, async () => {
    throw new Error('down')
  })

  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const statuses = []
  for (const path of ['/', '/', '/', '/down', '/down', '/livez']) {
    statuses.push((await fetch(new URL(path, url))).status)
  }
  await app.close()
  assert.deepEqual(statuses, [200, 200, 429, 500, 503, 200])
  assert.ok(errors[0] instanceof RateLimitExceededError)
  assert.ok(errors[2] instanceof CircuitOpenError && isCircuitOpen(errors[2]))

  const requests = lines.filter(({ outcome }) => outcome !== undefined)
  assert.equal(requests.length, 5, 'probes write no line')
  for (const { reqId } of requests) assert.match(reqId, /^[\da-f]{8}-[\da-f]{4}-7/, 'a UUIDv7')
  const warnings = lines.filter(({ level, outcome }) => level >= 40 && outcome === undefined)
  assert.deepEqual(
    warnings.map(({ msg }) => msg),
    ['circuit breaker "GET /down" opened']
  )
  console.log('ok')
}

main()
