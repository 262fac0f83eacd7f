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
  routedRequest
} from '@holdfast/core'
import Fastify from 'fastify'
import t from 'tap'

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
