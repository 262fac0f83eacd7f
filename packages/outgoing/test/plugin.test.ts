/**
 * The plugin and what it decorates an app with. Covers `fact.ts`, `state.ts` and `edges/upstream.ts`.
 */
import { circuitBreaker } from '@holdfast/circuit-breaker'
import { outgoing } from '@holdfast/outgoing'
import Fastify from 'fastify'
import t from 'tap'
import { serve } from './support/serve.ts'

t.test('a call is made, tried again, and seen', async (t) => {
  let hits = 0
  const origin = await serve(t, (request, response) => {
    hits++
    response.statusCode = hits < 2 ? 503 : 200
    response.end(`${request.url} ${request.headers['x-envoy-attempt-count'] ?? 1}`)
  })
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(circuitBreaker, {})
  await app.register(outgoing, {})
  const payments = app.upstream('payments', { origin })
  const response = await payments.fetch('/invoices?full')
  t.equal(response.status, 200)
  t.equal(await response.text(), '/invoices?full 2')
  t.equal(hits, 2)
  t.match(app.outgoing.snapshots(), [
    {
      name: 'payments',
      calls: 1,
      tries: 2,
      outcomes: { success: 1, failure: 1 },
      retries: { scheduled: 1 },
      inFlight: 0
    }
  ])
  t.match(app.circuitBreaker('payments').snapshot(), { inFlight: 0, failures: 0 })
})
