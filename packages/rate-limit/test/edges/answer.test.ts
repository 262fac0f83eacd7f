import { factsOf, subscribe } from '@holdfast/core'
import { type RateLimitEvent, rateLimit } from '@holdfast/rate-limit'
import Fastify, { type FastifyReply } from 'fastify'
import t from 'tap'
import { RequestHook } from '../../dist/edges/request-hook.js'

const ok = () => 'ok'

t.test(
  'in shadow mode every request passes, clients are told nothing, and denials are published',
  async (t) => {
    const denied: RateLimitEvent[] = []
    const stop = subscribe('holdfast:rate-limit:denied', (event) => denied.push(event))
    t.teardown(stop)
    const facts: unknown[] = []
    const app = Fastify().register(rateLimit, { max: 1, mode: 'shadow' })
    app.addHook('onResponse', async (request) => {
      const { rateLimit, refusedBy } = factsOf(request)
      facts.push([rateLimit?.allowed, refusedBy])
    })
    app.get('/', ok)
    for (let index = 0; index < 2; index++) {
      const { statusCode, headers } = await app.inject('/')
      t.equal(statusCode, 200)
      t.notOk(headers.ratelimit)
    }
    t.match(denied, [{ mode: 'shadow', key: '127.0.0.1', decision: { allowed: false } }])
    t.equal(denied.length, 1)
    t.strictSame(facts, [
      [true, undefined],
      [false, undefined]
    ])
  }
)

t.test('a client that comes near its limit is published', async (t) => {
  const near: number[] = []
  const stop = subscribe('holdfast:rate-limit:near-limit', ({ decision }) => {
    near.push(decision.remaining)
  })
  t.teardown(stop)
  const app = Fastify().register(rateLimit, { max: 10 })
  app.get('/', ok)
  for (let index = 0; index < 11; index++) await app.inject('/')
  t.strictSame(near, [2, 1, 0])
})

t.test('a refusal tells the limit that refused, and none of another scope', async (t) => {
  for (const headers of ['draft', 'legacy', false] as const) {
    const app = Fastify().register(rateLimit, { max: 100 })
    app.register(
      async (scope) => {
        scope.register(rateLimit, { max: 1, headers })
        scope.get('/', ok)
      },
      { prefix: '/inner' }
    )
    await app.inject('/inner')
    const refused = await app.inject('/inner')
    t.equal(refused.statusCode, 429)
    t.strictSame(refused.json()['violated-policies'], ['/inner'])
    const names = Object.keys(refused.headers).filter((name) => name.includes('ratelimit'))
    t.strictSame(
      names.sort(),
      {
        draft: ['ratelimit', 'ratelimit-policy'],
        legacy: ['x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset'],
        false: []
      }[String(headers)]
    )
    if (headers === 'draft') t.equal(refused.headers.ratelimit, '"/inner";r=0;t=60')
  }
})

t.test('a request is limited on a Fastify whose inside is unknown', async (t) => {
  let fields: object = {}
  const app = Fastify().register(rateLimit, { max: 3 })
  app.get('/', (request) => {
    // The reply of another Fastify, handed to the hook of this one.
    const headers = (given: object) => {
      fields = given
    }
    hooks[0]?.check('onRequest', request, { request, headers } as unknown as FastifyReply, () => {})
    return 'ok'
  })
  const hooks: RequestHook[] = []
  const check = RequestHook.prototype.check
  t.intercept(RequestHook.prototype, 'check', {
    value(this: RequestHook, ...args: Parameters<typeof check>) {
      hooks.push(this)
      return check.apply(this, args)
    }
  })
  await app.inject('/')
  t.match(fields, { ratelimit: '"default";r=1;t=20' })
})
