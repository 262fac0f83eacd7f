/**
 * Which limit a request is counted under: `edges/limits.ts`.
 */
import { factsOf } from '@holdfast/core'
import { type RateLimitOptions, rateLimit } from '@holdfast/rate-limit'
import Fastify, { type FastifyInstance, type InjectOptions } from 'fastify'
import t from 'tap'

const own = (max: number) => ({ config: { rateLimit: { max } } })
const ok = () => 'ok'

async function statuses(app: FastifyInstance, ...requests: (string | InjectOptions)[]) {
  const codes: number[] = []
  for (const request of requests) codes.push((await app.inject(request)).statusCode)
  return codes
}

/** The routes twice: once before the plugin has loaded, once after. */
async function early(
  options: RateLimitOptions,
  routes: (app: FastifyInstance) => void
): Promise<FastifyInstance> {
  const app = Fastify()
  app.register(rateLimit, options)
  routes(app)
  await app.ready()
  return app
}

async function late(
  options: RateLimitOptions,
  routes: (app: FastifyInstance) => void
): Promise<FastifyInstance> {
  const app = Fastify()
  await app.register(rateLimit, options)
  routes(app)
  await app.ready()
  return app
}

for (const [order, build] of Object.entries({ before: early, after: late })) {
  t.test(`routes declared ${order} the plugin`, async (t) => {
    t.test('share one limit when they have none of their own', async (t) => {
      const app = await build({ max: 2 }, (app) => {
        app.get('/a', ok)
        app.post('/b', ok)
      })
      t.strictSame(await statuses(app, '/a', { url: '/b', method: 'POST' }, '/a'), [200, 200, 429])
    })

    t.test('have the limit they are given, apart from all others', async (t) => {
      const shared = own(2)
      const app = await build({ max: 3 }, (app) => {
        app.get('/a', shared, ok)
        app.get('/b', shared, ok)
        app.get('/rest', ok)
      })
      t.strictSame(await statuses(app, '/a', '/a', '/a'), [200, 200, 429])
      t.strictSame(await statuses(app, '/b', '/b', '/b'), [200, 200, 429])
      t.strictSame(await statuses(app, '/rest', '/rest', '/rest', '/rest'), [200, 200, 200, 429])
    })

    t.test('share between GET and the HEAD made from it', async (t) => {
      const app = await build({ max: 100 }, (app) => {
        app.get('/a', own(2), ok)
        app.route({ method: ['GET', 'POST'], url: '/b', ...own(2), handler: ok })
      })
      const head = { method: 'HEAD' } as const
      t.strictSame(await statuses(app, '/a', { ...head, url: '/a' }, '/a'), [200, 200, 429])
      t.strictSame(
        await statuses(app, '/b', { ...head, url: '/b' }, { method: 'POST', url: '/b' }),
        [200, 200, 429]
      )
    })

    t.test('are not limited when they say so', async (t) => {
      const app = await build({ max: 0 }, (app) => {
        app.get('/free', { config: { rateLimit: false } }, ok)
        app.get('/', ok)
      })
      t.strictSame(await statuses(app, '/free', '/free', '/'), [200, 200, 429])
    })

    t.test('are the only ones limited when the plugin is not global', async (t) => {
      const app = await build({ max: 1, global: false }, (app) => {
        app.get('/', ok)
        app.get('/plain', { config: { rateLimit: {} } }, ok)
      })
      t.strictSame(await statuses(app, '/', '/', '/nowhere'), [200, 200, 404])
      t.strictSame(await statuses(app, '/plain', '/plain'), [200, 429])
    })

    t.test('take the options they do not give from the plugin', async (t) => {
      const app = await build(
        { max: 100, burst: 50, timeWindow: 7000, headers: 'legacy' },
        (app) => {
          app.get('/lower', own(3), ok)
          app.get('/burst', { config: { rateLimit: { burst: 1 } } }, ok)
          app.get('/window', { config: { rateLimit: { timeWindow: '1h', headers: 'draft' } } }, ok)
        }
      )
      const lower = await app.inject('/lower')
      t.match(lower.headers, { 'x-ratelimit-limit': '3', 'x-ratelimit-remaining': '2' })
      t.match((await app.inject('/burst')).headers, { 'x-ratelimit-remaining': '0' })
      t.match((await app.inject('/window')).headers, {
        'ratelimit-policy': '"GET /window";q=100;w=3600',
        ratelimit: /r=49/
      })
    })
  })
}

t.test('child scopes of the app are limited, declared before the plugin or after', async (t) => {
  const app = Fastify()
  app.register(async (scope) => {
    scope.get('/first', ok)
  })
  app.register(rateLimit, { max: 1 })
  app.register(async (scope) => {
    scope.get('/second', ok)
  })
  t.strictSame(await statuses(app, '/first', '/second'), [200, 429])
})

t.test(
  'a wrong option of an early route is logged once and the limit of the plugin applies',
  async (t) => {
    for (const wrong of [{ max: '5' }, true, { nonsense: 1 }]) {
      const lines: Record<string, unknown>[] = []
      const stream = { write: (line: string) => lines.push(JSON.parse(line)) }
      const app = Fastify({ logger: { level: 'error', stream } })
      app.register(rateLimit, { max: 2, global: false })
      app.get('/', { config: { rateLimit: wrong as RateLimitOptions } }, ok)
      t.strictSame(await statuses(app, '/', '/', '/'), [200, 200, 429])
      t.equal(lines.length, 1)
      t.match(lines[0], {
        msg: "GET /: config.rateLimit cannot be used; the plugin's limit applies.",
        err: { message: /GET \/: config\.rateLimit/ }
      })
    }
  }
)

t.test('a nested scope adds its own limit', async (t) => {
  const app = Fastify()
  app.register(rateLimit, { max: 4 })
  app.get('/outside', ok)
  app.register(async (scope) => {
    scope.register(rateLimit, { max: 2 })
    scope.get('/inside', ok)
    scope.get('/free', { config: { rateLimit: false } }, ok)
  })
  const first = await app.inject('/inside')
  t.match(first.headers, { 'ratelimit-policy': '"nested";q=2;w=60', ratelimit: /r=1/ })
  t.strictSame(await statuses(app, '/inside', '/inside'), [200, 429])
  t.strictSame(
    await statuses(app, '/outside', '/outside'),
    [200, 429],
    'inside counted outside too'
  )
  t.strictSame(await statuses(app, '/free'), [200])
})

t.test('a client is told the tighter of two limits', async (t) => {
  const app = Fastify()
  app.register(rateLimit, { max: 2 })
  app.register(async (scope) => {
    scope.register(rateLimit, { max: 50 })
    scope.get('/inside', ok)
  })
  t.match((await app.inject('/inside')).headers, { ratelimit: /r=1/ })
})

t.test('in nested scopes the innermost limiter reads the options of a route', async (t) => {
  const app = Fastify()
  app.register(rateLimit, { max: 1 })
  app.register(async (scope) => {
    scope.register(rateLimit, { keyGenerator: (request) => String(request.headers.user) })
    scope.get('/early', own(2), ok)
    await scope.after()
    scope.get('/late', own(2), ok)
  })
  for (const url of ['/early', '/late']) {
    const alice = { url, headers: { user: 'alice' } }
    const bob = { url, headers: { user: 'bob' } }
    t.strictSame(await statuses(app, alice, alice, alice, bob), [200, 200, 429, 200])
  }
})

t.test('a later hook', async (t) => {
  for (const hook of ['preParsing', 'preValidation', 'preHandler'] as const) {
    t.test(`${hook} checks what earlier hooks let through`, async (t) => {
      const app = Fastify()
      app.register(rateLimit, { max: 1, hook })
      app.addHook('onRequest', async (request, reply) => {
        if (request.headers.user === undefined) await reply.code(401).send('who are you?')
      })
      app.post('/', ok)
      const stranger = { url: '/', method: 'POST' } as const
      const known = { ...stranger, headers: { user: 'alice' }, payload: { a: 1 } }
      t.strictSame(await statuses(app, stranger, stranger, known, known), [401, 401, 200, 429])
    })

    t.test(`${hook} for one route that asks for it`, async (t) => {
      const app = Fastify()
      const order: string[] = []
      await app.register(rateLimit, { max: 1 })
      app.route({
        method: 'POST',
        url: '/',
        config: { rateLimit: { hook, max: 2 } },
        onRequest: async () => {
          order.push('route')
        },
        [hook]: async (request: Parameters<typeof factsOf>[0]) => {
          order.push(factsOf(request).rateLimit === undefined ? 'unlimited' : 'limited')
        },
        handler: ok
      })
      app.post('/plain', { config: { rateLimit: { hook, max: 1 } } }, ok)
      const post = { url: '/', method: 'POST' } as const
      t.strictSame(await statuses(app, post, post, post), [200, 200, 429])
      const plain = { ...post, url: '/plain' }
      t.strictSame(await statuses(app, plain, plain), [200, 429])
      t.strictSame(
        order.slice(0, 2),
        ['route', 'unlimited'],
        'it runs after the hooks of the route'
      )
    })
  }

  t.test('comes too late for an early route, which is logged', async (t) => {
    const lines: string[] = []
    const app = Fastify({
      logger: { level: 'error', stream: { write: (line) => lines.push(line) } }
    })
    app.register(rateLimit)
    app.get('/', { config: { rateLimit: { max: 1, hook: 'preHandler' } } }, ok)
    t.strictSame(await statuses(app, '/', '/'), [200, 429])
    t.equal(lines.length, 1)
    t.match(lines[0], /GET \/: config\.rateLimit: the hook preHandler came too late/)
  })

  t.test('counts a request once that ends as not found', async (t) => {
    const app = Fastify()
    app.register(rateLimit, { max: 2, hook: 'preHandler' })
    app.setNotFoundHandler((_, reply) => reply.code(404).send('nothing'))
    app.get('/', (_, reply) => reply.callNotFound())
    t.strictSame(await statuses(app, '/', '/', '/'), [404, 404, 429])
  })
})

t.test('each limit has its own name, whatever the route is called', async (t) => {
  const app = Fastify().register(rateLimit)
  const config = { rateLimit: { max: 7 } }
  app.register(async (scope) => {
    scope.get('/caf\u00e9', { config }, ok)
    scope.route({ method: ['PUT', 'DELETE'], url: '/both', config, handler: ok })
  })
  await app.ready()
  const policy = async (request: InjectOptions) =>
    (await app.inject(request)).headers['ratelimit-policy']
  t.equal(await policy({ url: '/caf%C3%A9' }), '"GET /caf?";q=7;w=60')
  t.equal(await policy({ url: '/both', method: 'PUT' }), '"PUT,DELETE /both";q=7;w=60')
  t.equal(await policy({ url: '/else' }), '"default";q=1000;w=60')
})
