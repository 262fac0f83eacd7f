import { addFrontHook, hooksBefore, INTAKE, intake } from '@holdfast/core'
import type * as FastifyModule from 'fastify'
import type { FastifyInstance } from 'fastify'
import t from 'tap'

for (const version of ['fastify-5.8', 'fastify-5.9', 'fastify-5.10', 'fastify']) {
  const { default: Fastify }: typeof FastifyModule = await import(version)

  t.test(`${version}: a hook in front runs before all others, in every scope`, async (t) => {
    const app = Fastify()
    t.teardown(() => app.close())
    const order: string[] = []
    const note = (name: string) => (_request: unknown, _reply: unknown, done: () => void) => {
      order.push(name)
      done()
    }
    app.addHook('onRequest', note('of the app'))
    app.register(async (scope) => {
      scope.addHook('onRequest', note('of the scope'))
      scope.get('/', { onRequest: note('of the route') }, async () => 'ok')
    })
    app.get('/early', async () => 'ok')
    await app.after()
    addFrontHook(app, 'acme-first', note('first'))
    addFrontHook(app, 'acme-second', note('second'))
    intake(app, { request: () => order.push('taken in') })
    app.addHook('onRequest', note('of the app, later'))
    app.register(
      async (scope) => {
        scope.addHook('onRequest', note('of a later scope'))
        scope.get('/', async () => 'ok')
      },
      { prefix: '/later' }
    )
    const ofTheApp = ['of the app', 'of the app, later']
    const front = ['taken in', 'first', 'second']
    for (const [url, hooks] of [
      ['/', ['of the app', 'of the scope', 'of the app, later', 'of the route']],
      ['/early', ofTheApp],
      ['/later', [...ofTheApp, 'of a later scope']],
      ['/nowhere', ofTheApp]
    ] as const) {
      await app.inject(url)
      t.strictSame(order.splice(0), [...front, ...hooks], url)
    }
  })

  t.test(`${version}: what stands in front answers, whatever the others would say`, async (t) => {
    const app = Fastify()
    t.teardown(() => app.close())
    app.addHook('onRequest', async (_request, reply) => reply.code(401).send('who are you?'))
    app.addHook('onSend', async (_request, reply) => {
      reply.header('x-sent', 'yes')
    })
    addFrontHook(app, 'acme', (request, reply, done) => {
      if (request.url === '/livez') reply.send('alive')
      else done()
    })
    app.get('/livez', async () => 'never')
    app.get('/', async () => 'never')
    t.match(await app.inject('/livez'), { body: 'alive', headers: { 'x-sent': 'yes' } })
    t.match(await app.inject('/'), { statusCode: 401 })
  })

  t.test(`${version}: the hooks before are named, except those left out`, async (t) => {
    const app = Fastify()
    t.teardown(() => app.close())
    t.strictSame(hooksBefore(app, []), [])
    intake(app, { request() {} })
    app.addHook('onRequest', async function authenticate() {})
    app.addHook('onRequest', async () => {})
    addFrontHook(app, 'acme', function acme(_request, _reply, done) {
      done()
    })
    await app.after()
    t.strictSame(hooksBefore(app, []), ['holdfastIntake', 'acme', 'authenticate', '(anonymous)'])
    t.strictSame(hooksBefore(app, [INTAKE, 'acme']), ['authenticate', '(anonymous)'])
  })
}

t.test('where hooks are kept elsewhere, a hook stands where addHook() puts it', async (t) => {
  const added: unknown[] = []
  const app = {
    addHook: (...hook: unknown[]) => added.push(hook),
    after: (then: () => void) => then()
  } as unknown as FastifyInstance
  const hook = (): void => {}
  addFrontHook(app, 'acme', hook)
  t.strictSame(added, [['onRequest', hook]])
  t.strictSame(hooksBefore(app, []), [])
})
