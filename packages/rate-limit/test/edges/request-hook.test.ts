import { factsOf } from '@holdfast/core'
import {
  type RateLimitHandler,
  type RateLimitHookOptions,
  type RateLimitOptions,
  rateLimit
} from '@holdfast/rate-limit'
import Fastify, { type FastifyInstance, type InjectOptions } from 'fastify'
import t from 'tap'

const ok = () => 'ok'

async function serve(options: RateLimitOptions, build: (app: FastifyInstance) => void) {
  const app = Fastify()
  await app.register(rateLimit, options)
  build(app)
  return app
}

/** An app, without what other packages in this program say of its types. */
interface Limiting {
  rateLimit(options?: RateLimitHookOptions): RateLimitHandler
}

function limiting(app: Limiting): Limiting {
  return app
}

async function statuses(app: FastifyInstance, ...requests: (string | InjectOptions)[]) {
  const codes: number[] = []
  for (const request of requests) codes.push((await app.inject(request)).statusCode)
  return codes
}

t.test('a hook limits the routes that have it, beside the limit of the plugin', async (t) => {
  const app = await serve({ max: 4 }, (app) => {
    const onRequest = limiting(app).rateLimit({ max: 1 })
    app.get<{ Querystring: { a: string } }>('/a', { onRequest }, ok)
    app.get('/b', { onRequest: [onRequest] }, ok)
    app.get('/own', { onRequest: limiting(app).rateLimit({ max: 1 }) }, ok)
    app.get('/', ok)
  })
  t.match((await app.inject('/a')).headers, { ratelimit: /^"rateLimit-1";r=0/ })
  t.match((await app.inject('/own')).headers, { ratelimit: /^"rateLimit-2";r=0/ })
  t.strictSame(await statuses(app, '/b', '/', '/'), [429, 200, 429])
})

t.test('a hook fits every place that a request passes before its handler', async (t) => {
  const places = ['onRequest', 'preParsing', 'preValidation', 'preHandler'] as const
  const app = await serve({ global: false }, (app) => {
    for (const place of places) {
      const hook = limiting(app).rateLimit({ max: 1, groupId: place })
      app.route({ method: 'POST', url: `/${place}`, [place]: hook, handler: ok })
    }
  })
  for (const place of places) {
    const post = { method: 'POST', url: `/${place}`, payload: { a: 1 } } as const
    t.strictSame(await statuses(app, post, post), [200, 429])
  }
})

t.test('a hook without options has the limit of the plugin', async (t) => {
  const limited = await serve({ max: 2, global: false }, (app) => {
    app.get('/a', { onRequest: limiting(app).rateLimit() }, ok)
    app.get('/b', { config: { rateLimit: {} } }, ok)
    app.setNotFoundHandler({ preHandler: limiting(app).rateLimit() }, (_, reply) => {
      reply.code(404).send('nothing')
    })
    app.get('/', ok)
  })
  t.strictSame(
    await statuses(limited, '/a', '/nowhere', '/nothing', '/', '/b'),
    [200, 404, 429, 200, 200]
  )

  const global = await serve({ max: 2 }, (app) => {
    app.get(
      '/',
      { onRequest: limiting(app).rateLimit(), preHandler: limiting(app).rateLimit() },
      ok
    )
  })
  t.strictSame(await statuses(global, '/', '/', '/'), [200, 200, 429], 'and counts nobody twice')
})

t.test('a 404 handler may have a limit of its own, also in a scope with a prefix', async (t) => {
  const app = await serve({ max: 100 }, (app) => {
    const preHandler = limiting(app).rateLimit({ max: 1 })
    app.setNotFoundHandler({ preHandler }, (_, reply) => reply.code(404).send('nothing'))
    app.register(
      async (scope) => {
        scope.setNotFoundHandler({ preHandler }, (_, reply) => reply.code(404).send('here'))
        scope.get('/gone', (_, reply) => reply.callNotFound())
      },
      { prefix: '/scope' }
    )
  })
  t.strictSame(await statuses(app, '/nowhere', '/nowhere', '/scope/x'), [404, 429, 429])
  t.strictSame(await statuses(app, '/scope/gone'), [429])
})

t.test('a hook does not count probes, and writes its decision among the facts', async (t) => {
  const app = await serve({ global: false }, (app) => {
    const onRequest = limiting(app).rateLimit({ max: 0 })
    const shadow = limiting(app).rateLimit({ max: 0, mode: 'shadow', headers: false })
    app.get('/livez', { onRequest, config: { holdfast: { probe: true } } }, ok)
    app.get('/known', { onRequest }, ok)
    app.addHook('onRequest', async (request) => {
      if (request.url === '/known') factsOf(request).probe = true
    })
    app.get('/shadow', { onRequest: shadow }, async (request) => factsOf(request).rateLimitShadow)
  })
  t.strictSame(await statuses(app, '/livez', '/known'), [200, 200])
  t.match((await app.inject('/shadow')).json(), { allowed: false })
})

t.test('an option that a hook cannot have is named', async (t) => {
  await serve({}, (app) => {
    t.throws(() => limiting(app).rateLimit({ hook: 'preHandler' } as RateLimitOptions), {
      message: /app\.rateLimit: the option "hook" does not exist/
    })
    t.throws(() => limiting(app).rateLimit({ max: -1 }), {
      message: /"app\.rateLimit\.max" must be/
    })
    t.throws(() => limiting(app).rateLimit(5 as RateLimitOptions), {
      message: /"app\.rateLimit" must be/
    })
  })
})

t.test('a nested registration has hooks and limiters of its own', async (t) => {
  const app = await serve({ max: 1, global: false }, (app) => {
    app.register(async (scope) => {
      await scope.register(rateLimit, { max: 2, global: false })
      scope.get('/inside', { onRequest: limiting(scope).rateLimit() }, ok)
    })
    app.get('/outside', { onRequest: limiting(app).rateLimit() }, ok)
  })
  t.strictSame(
    await statuses(app, '/inside', '/inside', '/inside', '/outside', '/outside'),
    [200, 200, 429, 200, 429]
  )
})
