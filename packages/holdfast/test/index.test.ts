/**
 * A service that imports nothing but `holdfast` and Fastify. Covers `suite.ts` and `options.ts`, too.
 */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import Fastify from 'fastify'
import holdfast, {
  factsOf,
  isCircuitOpen,
  logController,
  RateLimitExceededError,
  serverOptions,
  serverTimeouts,
  statesOf,
  subscribe
} from 'holdfast'
import t from 'tap'

t.test('handlers have the errors, facts and events of the parts', async (t) => {
  const app = Fastify(serverOptions({ logger: false }))
  t.teardown(() => app.close())
  await app.register(holdfast, { lifecycle: { signals: false }, rateLimit: { max: 1 } })
  app.setErrorHandler((error, _request, reply) => {
    if (error instanceof RateLimitExceededError) return { waitFor: error.decision.retryAfter }
    return reply.send({ isOpen: isCircuitOpen(error) })
  })
  const denied: string[] = []
  t.teardown(subscribe('holdfast:rate-limit:denied', ({ key }) => denied.push(key)))
  app.get('/', async (request) => ({ remaining: factsOf(request).rateLimit?.remaining }))
  const config = { rateLimit: false, circuitBreaker: 'payments' } as const
  app.get('/pay', { config }, async () => 'paid')
  await app.ready()
  t.same((await app.inject('/')).json(), { remaining: 0 })
  t.match((await app.inject('/')).json(), { waitFor: Number })
  t.same(denied, ['127.0.0.1'])
  const payments = app.circuitBreaker('payments')
  payments.isolate()
  t.same((await app.inject('/pay')).json(), { isOpen: true })
})

t.test('calls to others are a part of the suite where they are asked for', async (t) => {
  const parts = { lifecycle: { signals: false } } as const
  const without = Fastify(serverOptions({ logger: false }))
  const app = Fastify(serverOptions({ logger: false }))
  t.teardown(() => Promise.all([without.close(), app.close()]))
  await without.register(holdfast, parts)
  t.notOk(without.hasDecorator('upstream'))
  await app.register(holdfast, { ...parts, outgoing: { timeout: '2s' } })
  const gone = createServer().listen(0, '127.0.0.1')
  await once(gone, 'listening')
  const { port } = gone.address() as AddressInfo
  gone.close()
  const payments = app.upstream('payments', { origin: `http://127.0.0.1:${port}`, retries: 0 })
  await t.rejects(payments.fetch('/charges'), { message: 'fetch failed' })
  t.match(statesOf(app, '@holdfast/outgoing'), [{ state: { upstreams: [{ name: 'payments' }] } }])
  t.equal(app.circuitBreaker('payments').snapshot().failures, 1, 'behind a breaker of the suite')
})

t.test('what messages of the suite name can be imported from it', async (t) => {
  const options = { ...serverTimeouts({ request: '3s' }), logController: logController() }
  const app = Fastify(options)
  t.teardown(() => app.close())
  t.equal(app.server.requestTimeout, 3000)
})
