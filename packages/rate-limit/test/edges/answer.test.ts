import { factsOf, subscribe } from '@holdfast/core'
import { type RateLimitEvent, type RateLimitOptions, rateLimit } from '@holdfast/rate-limit'
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
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
      const { rateLimit, rateLimitShadow, refusedBy } = factsOf(request)
      facts.push([rateLimitShadow?.allowed, rateLimit, refusedBy])
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
      [true, undefined, undefined],
      [false, undefined, undefined]
    ])
  }
)

/** What two requests are told, and their facts, where each limit is registered within the one before. */
async function nested(...limits: RateLimitOptions[]) {
  const seen: unknown[] = []
  const app = Fastify()
  app.addHook('onSend', async (request, reply) => {
    const { rateLimit, rateLimitShadow } = factsOf(request)
    const told = String(reply.getHeader('ratelimit')).replace(/;t=.*/, '')
    seen.push([told, rateLimit?.policy, rateLimit?.allowed, rateLimitShadow?.allowed])
  })
  const register = (scope: FastifyInstance, [first, ...inner]: RateLimitOptions[]) => {
    if (first === undefined) scope.get('/', ok)
    else {
      scope.register(rateLimit, first)
      scope.register(async (child) => register(child, inner), { prefix: `/${first.max}` })
    }
  }
  register(app, limits)
  const url = `/${limits.map(({ max }) => max).join('/')}`
  for (let index = 0; index < 2; index++) await app.inject(url)
  return seen
}

t.test('a limit in shadow mode hides none that is enforced', async (t) => {
  const shadow = { max: 1, mode: 'shadow' } as const
  t.strictSame(await nested(shadow, { max: 5 }), [
    ['"/1";r=4', '/1', true, true],
    ['"/1";r=3', '/1', true, false]
  ])
  t.strictSame(await nested({ max: 5 }, shadow), [
    ['"default";r=4', 'default', true, true],
    ['"default";r=3', 'default', true, false]
  ])
  t.strictSame(await nested({ max: 5 }, { ...shadow, max: 3 }, { ...shadow, max: 1 }), [
    ['"default";r=4', 'default', true, true],
    ['"default";r=3', 'default', true, false]
  ])
  t.strictSame(await nested({ ...shadow, max: 1 }, { ...shadow, max: 3 }), [
    ['undefined', undefined, undefined, true],
    ['undefined', undefined, undefined, false]
  ])
})

t.test('a limit that clients are not told hides none that they are told', async (t) => {
  const untold = { max: 2, headers: false } as const
  t.strictSame(await nested(untold, { max: 5 }), [
    ['"/2";r=4', '/2', true, undefined],
    ['"/2";r=3', '/2', true, undefined]
  ])
  t.strictSame(await nested({ max: 5 }, untold), [
    ['"default";r=4', 'default', true, undefined],
    ['"default";r=3', 'default', true, undefined]
  ])
  t.strictSame(await nested(untold, { ...untold, max: 3 }), [
    ['undefined', 'default', true, undefined],
    ['undefined', 'default', true, undefined]
  ])
})

t.test('the allow list of a limit in shadow mode is among the facts of that mode', async (t) => {
  const seen: unknown[] = []
  const app = Fastify()
  app.register(rateLimit, { max: 0, mode: 'shadow', allowList: ['127.0.0.1'] })
  app.addHook('onResponse', async (request) => {
    const { rateLimit, rateLimitShadow } = factsOf(request)
    seen.push([rateLimit, rateLimitShadow?.reason])
  })
  app.get('/', ok)
  await app.inject('/')
  t.strictSame(seen, [[undefined, 'allow-listed']])
})

t.test('a request that a timeout has answered is counted, and not answered again', async (t) => {
  const lines: { level: number; msg: string }[] = []
  const stream = { write: (line: string) => lines.push(JSON.parse(line)) }
  const app = Fastify({ logger: { level: 'warn', stream } })
  let answer = (_: string): void => {}
  const key = new Promise<string>((resolve) => {
    answer = resolve
  })
  const denied: string[] = []
  t.teardown(subscribe('holdfast:rate-limit:denied', ({ key }) => denied.push(key)))
  await app.register(rateLimit, { max: 0, keyGenerator: () => key })
  app.get('/', { handlerTimeout: 20 }, ok)
  const { statusCode } = await app.inject('/')
  t.equal(statusCode, 503)
  answer('ann')
  await new Promise(setImmediate)
  t.strictSame(denied, ['ann'])
  t.notOk(
    lines.some(({ msg }) => /already sent/i.test(msg)),
    'Fastify has nothing to complain about'
  )
})

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
    const other = { request, headers, hasHeader: () => true }
    hooks[0]?.check('onRequest', request, other as unknown as FastifyReply, () => {})
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
