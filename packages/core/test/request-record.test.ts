/**
 * What hangs on a request: `request-record.ts` and `facts.ts`.
 */
import type { IncomingMessage } from 'node:http'
import {
  factsOf,
  intake,
  monotonicClock,
  type RequestFacts,
  remaining,
  responseOf,
  routedRequest
} from '@holdfast/core'
import Fastify, { type FastifyRequest } from 'fastify'
import t from 'tap'

/** The milliseconds that a request has in all, to the whole one. */
function timeOf(request: FastifyRequest): number {
  const { deadline = Infinity, startedAt } = factsOf(request)
  return Math.round(deadline - startedAt)
}

t.test('a request has one set of facts, raw or not', async (t) => {
  const app = Fastify()
  const seen: RequestFacts[] = []
  app.addHook('onRequest', (request, _, done) => {
    const before = monotonicClock()
    seen.push(factsOf(request.raw), factsOf(request))
    t.ok(factsOf(request).startedAt >= before)
    factsOf(request).refusedBy = 'rate-limit'
    done()
  })
  app.get('/', (request) => factsOf(request).refusedBy)
  t.equal((await app.inject('/')).body, 'rate-limit')
  t.equal((await app.inject('/')).body, 'rate-limit')
  await app.close()
  t.equal(seen[0], seen[1])
  t.not(seen[0], seen[2])
})

t.test(
  'the request of Fastify is known from the first hook on, where requests are taken in',
  async (t) => {
    const app = Fastify()
    t.teardown(() => app.close())
    intake(app, { request: () => {} })
    app.get('/', async (request) => routedRequest(request.raw) === request)
    t.equal((await app.inject('/')).body, 'true')
    t.equal(routedRequest({} as IncomingMessage), undefined)
  }
)

t.test('a request is due when its handlerTimeout ends, where requests are taken in', async (t) => {
  const app = Fastify({ handlerTimeout: 60_000 })
  t.teardown(() => app.close())
  intake(app)
  const inHook: (number | undefined)[] = []
  app.addHook('onRequest', (request, _reply, done) => {
    inHook.push(timeOf(request))
    done()
  })
  app.get('/', async (request) => timeOf(request))
  app.get('/own', { handlerTimeout: 90_000 }, async (request) => timeOf(request))
  t.equal((await app.inject('/')).json(), 60_000)
  t.equal((await app.inject('/own')).json(), 90_000)
  await app.inject('/nowhere')
  t.strictSame(inHook, [60_000, 90_000, 60_000])

  const unlimited = Fastify()
  t.teardown(() => unlimited.close())
  intake(unlimited)
  unlimited.get('/', async (request) => String(factsOf(request).deadline))
  t.equal((await unlimited.inject('/')).body, 'undefined')
})

t.test('an app that is handed a request on may only lower its deadline', async (t) => {
  const inner = Fastify({ handlerTimeout: 60_000 })
  t.teardown(() => inner.close())
  intake(inner)
  inner.get('/', async (request) => timeOf(request))
  await inner.ready()
  const outer = Fastify()
  t.teardown(() => outer.close())
  intake(outer)
  for (const handlerTimeout of [50_000, 70_000]) {
    outer.get(`/${handlerTimeout}`, { handlerTimeout }, ({ raw }, reply) => {
      reply.hijack()
      raw.url = '/'
      inner.routing(raw, reply.raw)
    })
  }
  t.equal((await outer.inject('/50000')).json(), 50_000)
  t.equal((await outer.inject('/70000')).json(), 60_000)
})

t.test('the response of a request is known where requests are taken in', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  intake(app)
  app.get('/', async ({ raw }, reply) => responseOf(raw) === reply.raw)
  t.equal((await app.inject('/')).body, 'true')
  t.equal(responseOf({} as IncomingMessage), undefined)
})

t.test('facts are kept under a registered symbol, for every copy of the package', async (t) => {
  const raw = {} as IncomingMessage
  t.equal(Reflect.get(raw, Symbol.for('holdfast.facts')), undefined)
  const facts = factsOf(raw)
  t.equal(Reflect.get(raw, Symbol.for('holdfast.facts')), facts)
})

t.test('what remains of a request ends at nothing', async (t) => {
  const raw = {} as IncomingMessage
  t.equal(remaining(raw), Infinity)
  factsOf(raw).deadline = monotonicClock() + 60_000
  const left = remaining(raw)
  t.ok(left > 0 && left <= 60_000)
  factsOf(raw).deadline = monotonicClock() - 1
  t.equal(remaining(raw), 0)
})
