import type * as FastifyModule from 'fastify'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import t from 'tap'
import { eventually, head, listen, rawConnection } from '../../../test/support/http.ts'
import {
  appendOnSend,
  appendPreHandler,
  furtherServers,
  handlerTimeoutOf,
  hasDefaultRequestIds,
  hasUserErrorHandler,
  headersOf,
  isHijacked,
  isRoot,
  isRouteByFastify,
  logControllerOf,
  requestHooksOf,
  rootOf,
  routeConfig,
  scopesOf,
  takePreCloseHooks,
  trustProxyOf
} from '../dist/fastify-internals.js'
import { defineError, intake, refuse } from '../dist/index.js'
import { Ledger } from './ledger.ts'
import { twoAddresses } from './two-addresses.ts'

// The oldest version that is supported, each that changed what we look at, and the latest.
const VERSIONS = ['fastify-5.8', 'fastify-5.9', 'fastify-5.10', 'fastify']

for (const version of VERSIONS) {
  const { default: Fastify }: typeof FastifyModule = await import(version)

  t.test(`${version}: whose error handler answers for a reply`, async (t) => {
    const app = Fastify()
    t.teardown(() => app.close())
    const users = (_: unknown, reply: FastifyReply): boolean | undefined =>
      hasUserErrorHandler(reply)
    app.register(async (scope) => {
      scope.get('/early-scope', users)
    })
    app.get('/', users)
    app.get('/route', { errorHandler: () => {} }, users)
    app.register(
      async (scope) => {
        scope.setErrorHandler(() => {})
        scope.get('/scope', users)
        scope.setNotFoundHandler((_, reply) => reply.send(hasUserErrorHandler(reply)))
        scope.register(async (inner) => {
          inner.get('/inner', users)
        })
      },
      { prefix: '/own' }
    )
    app.setNotFoundHandler((_, reply) => reply.send(hasUserErrorHandler(reply)))
    for (const [url, expected] of [
      ['/', false],
      ['/early-scope', false],
      ['/route', true],
      ['/own/scope', true],
      ['/own/inner', true],
      ['/own/nowhere', true],
      ['/nowhere', false]
    ] as const) {
      t.equal((await app.inject(url)).json(), expected, url)
    }

    const handled = Fastify()
    t.teardown(() => handled.close())
    handled.get('/', users)
    handled.setErrorHandler(() => {})
    t.equal((await handled.inject('/')).json(), true)
  })

  t.test(`${version}: the header fields of a reply can be written to directly`, async (t) => {
    const app = Fastify()
    t.teardown(() => app.close())
    app.get('/', (_, reply) => {
      const fields = headersOf(reply) ?? {}
      fields['x-direct'] = 'yes'
      t.equal(reply.getHeader('x-direct'), 'yes')
      reply.header('x-Called', 'too')
      t.equal(fields['x-called'], 'too')
      reply.send('ok')
    })
    t.match((await app.inject('/')).headers, { 'x-direct': 'yes', 'x-called': 'too' })
    t.equal(headersOf({} as FastifyReply), undefined)
    t.match((await app.inject('/')).headers, { 'x-direct': 'yes' }, 'found again')
  })

  t.test(`${version}: what the app was told of its proxies`, async (t) => {
    for (const trustProxy of [true, '10.0.0.1', ['10.0.0.0/8']]) {
      const app = Fastify({ trustProxy })
      app.register(async (scope) => t.same(trustProxyOf(scope), trustProxy))
      await app.ready()
    }
    t.equal(trustProxyOf(Fastify()), undefined)
    t.equal(trustProxyOf(Object.create({}) as FastifyInstance), undefined)
  })

  t.test(`${version}: a route's config is one object for all its requests`, async (t) => {
    const app = Fastify()
    t.teardown(() => app.close())
    const configs: object[] = []
    app.addHook('onRequest', (request, _, done) => {
      configs.push(routeConfig(request))
      done()
    })
    // The types of a config are the plugins' to declare; this one is nobody's.
    const config: object = { test: 'yes' }
    app.get('/items/:id', { config }, () => 'ok')
    app.get('/plain', () => 'ok')
    for (const url of ['/items/1', '/items/2', '/plain', '/nowhere']) await app.inject(url)
    const [one, two, plain, nowhere] = configs
    t.match(one, { test: 'yes', url: '/items/:id', method: 'GET' })
    t.equal(two, one)
    t.match(plain, { url: '/plain', method: 'GET' })
    t.type(nowhere, 'object')
  })

  t.test(`${version}: whether a route was made by Fastify`, async (t) => {
    const app = Fastify()
    t.teardown(() => app.close())
    const made: unknown[] = []
    app.addHook('onRequest', (request, _, done) => {
      made.push(isRouteByFastify(request))
      done()
    })
    app.head('/own', () => '')
    app.get('/own', () => 'ok')
    app.get('/one', () => 'ok')
    for (const url of ['/own', '/one']) {
      await app.inject({ url, method: 'HEAD' })
      await app.inject(url)
    }
    t.strictSame(made, [false, false, true, false])
  })

  t.test(
    `${version}: a hook appended to a route that exists runs last before its handler`,
    async (t) => {
      const app = Fastify()
      t.teardown(() => app.close())
      const order: string[] = []
      const preHandler = async (): Promise<void> => {
        order.push('route')
      }
      app.get('/hooked', { preHandler }, () => order.push('handler'))
      app.get('/bare', () => order.push('handler'))
      app.get('/other', () => order.push('handler'))
      const seen = new Set<string>()
      app.addHook('onRequest', (request, _, done) => {
        if (request.url !== '/other' && !seen.has(request.url)) {
          const appended = appendPreHandler(request, (_request, _reply, next) => {
            order.push('appended')
            next()
          })
          t.equal(appended, true)
        }
        seen.add(request.url)
        done()
      })
      app.addHook('preHandler', async () => {
        order.push('app')
      })
      for (const [url, expected] of [
        ['/hooked', ['app', 'route', 'appended', 'handler']],
        ['/bare', ['app', 'appended', 'handler']],
        ['/other', ['app', 'handler']]
      ] as const) {
        for (const time of ['first', 'second']) {
          await app.inject(url)
          t.strictSame(order.splice(0), expected, `${url}, ${time} request`)
        }
      }

      const alone = Fastify()
      t.teardown(() => alone.close())
      alone.get('/', () => order.push('handler'))
      alone.addHook('onRequest', (request, _, done) => {
        appendPreHandler(request, async () => {
          order.push('appended')
        })
        done()
      })
      await alone.inject('/')
      t.strictSame(order, ['appended', 'handler'], 'where there was no hook at all')
    }
  )

  t.test(`${version}: a hook put behind what runs before an answer is sent`, async (t) => {
    const app = Fastify()
    t.teardown(() => app.close())
    const order: string[] = []
    app.get('/bare', () => 'ok')
    app.get(
      '/hooked',
      {
        onSend: async () => {
          order.push('route')
        }
      },
      () => 'ok'
    )
    app.addHook('onRequest', async (request) => {
      const appended = appendOnSend(request, (_request, _reply, _payload, next) => {
        order.push('appended')
        next()
      })
      t.equal(appended, true)
    })
    for (const [url, expected] of [
      ['/hooked', ['route', 'appended']],
      ['/bare', ['appended']]
    ] as const) {
      t.equal((await app.inject(url)).body, 'ok')
      t.strictSame(order.splice(0), expected)
    }
  })

  t.test(`${version}: the hooks of an instance in order, and its scopes`, async (t) => {
    const app = Fastify()
    t.teardown(() => app.close())
    const [first, second] = [async (): Promise<void> => {}, async (): Promise<void> => {}]
    app.addHook('onRequest', first)
    const scopes: FastifyInstance[] = []
    app.register(async (scope) => {
      scopes.push(scope)
      scope.addHook('onRequest', second)
      scope.register(async (inner) => {
        t.strictSame(requestHooksOf(inner), [first, second])
      })
    })
    await app.ready()
    t.strictSame(requestHooksOf(app), [first])
    t.equal(scopesOf(app).length, 1)
    t.equal(scopesOf(app)[0], scopes[0])
  })

  t.test(`${version}: an instance and its root`, async (t) => {
    const app = Fastify()
    t.teardown(() => app.close())
    t.equal(isRoot(app), true)
    app.register(async (scope) => {
      t.equal(isRoot(scope), false)
      t.equal(rootOf(scope), app)
      scope.register(async (inner) => {
        t.equal(rootOf(inner), app)
      })
    })
    await app.ready()
    t.equal(isRoot(app), true)
  })

  t.test(`${version}: whether a reply was hijacked`, async (t) => {
    const app = Fastify()
    t.teardown(() => app.close())
    app.get('/', (_, reply) => isHijacked(reply))
    app.get('/hijacked', (_, reply) => {
      reply.hijack()
      reply.raw.end(String(isHijacked(reply)))
    })
    t.equal((await app.inject('/')).body, 'false')
    t.equal((await app.inject('/hijacked')).body, 'true')
    t.equal((await app.inject('/')).body, 'false')
  })

  t.test(`${version}: how long a handler may take`, async (t) => {
    const answer = async (request: FastifyRequest): Promise<number> => handlerTimeoutOf(request)
    const unlimited = Fastify()
    const limited = Fastify({ handlerTimeout: 30_000 })
    t.teardown(() => Promise.all([unlimited.close(), limited.close()]))
    for (const app of [unlimited, limited]) {
      app.get('/', answer)
      app.get('/own', { handlerTimeout: 40_000 }, answer)
      app.setNotFoundHandler(answer)
    }
    t.equal((await unlimited.inject('/')).body, '0')
    t.equal((await unlimited.inject('/own')).body, '40000')
    t.equal((await limited.inject('/')).body, '30000')
    t.equal((await limited.inject('/own')).body, '40000')
    t.equal((await limited.inject('/nowhere')).body, '30000')
    const elsewhere = { routeOptions: { handlerTimeout: 50_000 } }
    t.equal(handlerTimeoutOf(elsewhere as FastifyRequest), 50_000)
    t.equal(handlerTimeoutOf({ routeOptions: {} } as FastifyRequest), 0)
  })

  t.test(`${version}: what writes Fastify's own request lines`, async (t) => {
    const app = Fastify()
    t.teardown(() => app.close())
    const hasController = !['fastify-5.8', 'fastify-5.9'].includes(version)
    t.equal(logControllerOf(app) !== undefined, hasController)
    app.register(async (scope) => {
      t.equal(logControllerOf(scope), logControllerOf(app))
    })
    await app.ready()
  })

  t.test(`${version}: whether requests are numbered as by default`, async (t) => {
    for (const [options, isDefault] of [
      [{}, true],
      [{ genReqId: () => 'mine' }, false],
      [{ requestIdHeader: 'x-id' }, false]
    ] as const) {
      const app = Fastify(options)
      t.equal(hasDefaultRequestIds(app), isDefault)
      app.register(async (scope) => {
        t.equal(hasDefaultRequestIds(scope), isDefault)
      })
      await app.ready()
      await app.close()
    }
    const set = Fastify()
    t.teardown(() => set.close())
    set.setGenReqId(() => 'req-1')
    t.equal(hasDefaultRequestIds(set), false)
    t.equal(hasDefaultRequestIds({} as FastifyInstance), false)
  })

  t.test(`${version}: the servers of the further addresses`, async (t) => {
    twoAddresses(t)
    const app = Fastify()
    t.strictSame(furtherServers(app), [])
    let inner: FastifyInstance | undefined
    app.register(async (scope) => {
      inner = scope
    })
    await listen(app, 'localhost')
    t.equal(furtherServers(app).length, 1)
    t.equal(furtherServers(inner as FastifyInstance)[0], furtherServers(app)[0])
    t.not(furtherServers(app)[0], app.server)
    await app.close()
  })

  t.test(`${version}: the preClose hooks, taken out and called as Fastify would`, async (t) => {
    const app = Fastify()
    const seen: string[] = []
    app.addHook('preClose', async function first() {
      seen.push(`first, on ${this === app ? 'the root' : 'a scope'}`)
    })
    app.register(async (scope) => {
      scope.addHook('preClose', function second(done) {
        seen.push(`second, on ${this === scope ? 'its scope' : 'another'}`)
        done()
      })
      scope.addHook('preClose', async () => {
        throw new Error('no use')
      })
      scope.register(async (inner) => {
        inner.addHook('preClose', function third(done) {
          done(new Error('not this one either') as unknown as undefined)
        })
        inner.addHook('preClose', function fourth(_done): void {
          throw new Error('nor this one')
        })
      })
    })
    await app.ready()
    const hooks = takePreCloseHooks(app)
    t.strictSame(
      hooks.map(({ name }) => name),
      ['first', 'second', '(anonymous)', 'third', 'fourth']
    )
    const results = await Promise.allSettled(hooks.map(({ run }) => run()))
    t.strictSame(
      results.map((result) => (result.status === 'rejected' ? result.reason.message : 'done')),
      ['done', 'done', 'no use', 'not this one either', 'nor this one']
    )
    t.strictSame(takePreCloseHooks(app), [])
    await app.close()
    t.strictSame(seen, ['first, on the root', 'second, on its scope'])
  })

  t.test(`${version}: intake and refusing work`, async (t) => {
    const app = Fastify()
    const ledger = new Ledger()
    intake(app, ledger)
    const Refused = defineError('TEST_ERR_REFUSED', 'Refused', 429)
    app.get('/', () => 'ok')
    app.get(
      '/refused',
      { onRequest: (_, reply, done) => refuse(reply, new Refused(), done) },
      () => 'ok'
    )
    const connection = await rawConnection(await listen(app))
    connection.write(head('GET /') + head('GET /refused') + head('GET /%zz'))
    const answers = await connection.until(/ 400 /)
    t.match(answers, / 200 [\s\S]* 429 [\s\S]*application\/problem\+json/)
    connection.destroy()
    await eventually(() => ledger.isSettled(3))
    await app.close()
    t.strictSame(ledger.lines, [
      'GET / 200 finished',
      'GET /refused 429 finished',
      'GET /%zz 400 finished'
    ])
  })
}

t.test('where Fastify keeps nothing we know, the answer is "unknown"', async (t) => {
  const config = {}
  const request = { routeOptions: { config } } as unknown as FastifyRequest
  t.equal(routeConfig(request), config)
  const reply = { request } as unknown as FastifyReply
  t.equal(hasUserErrorHandler(reply), undefined)
  t.equal(isRouteByFastify(request), undefined)
  t.equal(isHijacked(reply), undefined)
  t.equal(isHijacked({ hijack() {} } as unknown as FastifyReply), undefined)
  t.equal(
    appendPreHandler(request, () => {}),
    false
  )
  t.equal(
    appendOnSend(request, () => {}),
    false
  )
  const app = {} as FastifyInstance
  t.strictSame(furtherServers(app), [])
  t.equal(requestHooksOf(app), undefined)
  t.strictSame(scopesOf(app), [])
  t.strictSame(takePreCloseHooks(app), [])
  t.equal(logControllerOf(app), undefined)
  t.equal(isRoot(app), true)
  t.equal(isRoot(Object.create(null)), true)
})
