/**
 * A service that imports nothing but `holdfast` and Fastify. Covers `suite.ts` and `options.ts`, too.
 */
import Fastify from 'fastify'
import holdfast, {
  factsOf,
  isCircuitOpen,
  logController,
  RateLimitExceededError,
  serverOptions,
  serverTimeouts,
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

t.test('what messages of the suite name can be imported from it', async (t) => {
  const options = { ...serverTimeouts({ request: '3s' }), logController: logController() }
  const app = Fastify(options)
  t.teardown(() => app.close())
  t.equal(app.server.requestTimeout, 3000)
})
