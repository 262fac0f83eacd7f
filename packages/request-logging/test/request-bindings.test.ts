import { requestLogging } from '@holdfast/request-logging'
import { logController } from '@holdfast/request-logging/log-controller'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import { pino } from 'pino'
import t from 'tap'
import { bindingsSymbolOf } from '../dist/edges/pino-symbols.js'
import { RequestBindings } from '../dist/edges/request-bindings.js'
import { Log, loggedApp } from './support/log.ts'

t.test('bindings of a childLoggerFactory are on the line as on the lines of the app', async (t) => {
  const { app, log } = loggedApp(
    {},
    {
      childLoggerFactory: (logger, bindings, options, raw) =>
        logger.child({ ...bindings, tenant: raw.headers['x-tenant'], status: 'mine' }, options)
    }
  )
  t.teardown(() => app.close())
  app.get('/', async (request) => {
    request.log.info('from the app')
    return 'ok'
  })
  app.register(async (scope) => {
    scope.setChildLoggerFactory((logger, bindings, options) =>
      logger.child({ ...bindings, part: 'scope', apiToken: 'hunter2' }, options)
    )
    scope.get('/scope', async () => 'ok')
  })
  await app.inject({ url: '/', headers: { 'x-tenant': 'acme\u001b[31m' } })
  await app.inject('/scope')
  const [own, first, second] = log.all()
  t.match(own, { tenant: 'acme\u001b[31m', msg: 'from the app' })
  t.match(first, { path: '/', tenant: 'acme\ufffd[31m', status: 200, reqId: own?.['reqId'] })
  t.match(second, { path: '/scope', part: 'scope', apiToken: 'REDACTED' })
  t.notOk('tenant' in (second ?? {}))
  t.equal(log.text.match(/"reqId":/g)?.length, 3, 'once on each line')
})

t.test('bindings set while the request runs are on its line, and on no other', async (t) => {
  const { app, log } = loggedApp()
  t.teardown(() => app.close())
  app.get('/bound', async (request) => {
    const bound = request.log as typeof request.log & { setBindings(bindings: object): void }
    bound.setBindings({ user: 'ada', cart: { items: 2 }, plan: 'free', ['n'.repeat(200)]: 1 })
    request.addLogFields({ plan: 'paid', ['m'.repeat(200)]: 1 })
    return 'ok'
  })
  app.get('/plain', async () => 'ok')
  await app.inject('/bound')
  await app.inject('/plain')
  const [bound, plain = {}] = log.requests()
  t.match(bound, { path: '/bound', user: 'ada', cart: { items: 2 }, plan: 'paid' })
  t.equal(bound?.['droppedFields'], 2, 'names that are too long')
  t.match(plain, { path: '/plain', reqId: String })
  for (const name of ['user', 'cart', 'plan']) t.notOk(name in plain, name)
})

t.test("a factory may return a logger that has nothing to do with the app's", async (t) => {
  const { app, log } = loggedApp(
    {},
    { childLoggerFactory: () => pino({ enabled: false, base: { shard: 7, pid: 1 } }) }
  )
  t.teardown(() => app.close())
  app.get('/', async () => 'ok')
  await app.inject('/')
  t.match(await log.line(), { path: '/', shard: 7, pid: process.pid })
})

t.test('a logger that is not pino has no bindings to read', async (t) => {
  const written = new Log()
  const app = Fastify({ logger: false, logController: logController() })
  t.teardown(() => app.close())
  app.register(requestLogging, { logger: pino({}, written) })
  app.get('/', async () => 'ok')
  await app.inject('/')
  t.match(written.requests(), [{ path: '/' }])
})

t.test('what cannot be read is left out', async (t) => {
  const log = pino()
  const symbol = bindingsSymbolOf(log) as symbol
  const bindings = new RequestBindings({ log } as unknown as FastifyInstance, 'reqId')
  const requestWith = (text: unknown): FastifyRequest =>
    ({ id: 'a', log: { [symbol]: text } }) as unknown as FastifyRequest
  t.equal(bindings.of(requestWith(undefined)), undefined)
  t.equal(bindings.of(requestWith(',"broken')), undefined)
  t.same(bindings.of(requestWith(',"user":"ada"')), { user: 'ada' })
})
