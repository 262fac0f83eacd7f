/**
 * One line, not three: `edges/log-controller.ts`, `errors.ts` and `edges/double-logging.ts`.
 */
import { requestLogging } from '@holdfast/request-logging'
import { logController } from '@holdfast/request-logging/log-controller'
import Fastify, { type FastifyRequest, type FastifyServerOptions, LogController } from 'fastify'
import t from 'tap'
import { doubleLogging } from '../dist/edges/double-logging.js'
import { Log, loggedApp } from './support/log.ts'

t.test('with the log controller only our lines are written', async (t) => {
  const { app, log } = loggedApp()
  t.teardown(() => app.close())
  app.get('/throws', async () => {
    throw new Error('out of stock')
  })
  app.get('/ok', async () => 'ok')
  for (const path of ['/throws', '/ok', '/nowhere']) await app.inject(path)
  t.same(
    log.all().map(({ msg }) => msg),
    ['GET /throws 500', 'GET /ok 200', 'GET /nowhere 404']
  )
})

t.test("a class of the user's own keeps what it does beside", async (t) => {
  class Own extends LogController {
    override streamError(): void {}
  }
  const controller = logController(Own)
  t.ok(controller instanceof Own)
  t.ok(Fastify({ logController: controller }))
})

t.test('before Fastify 5.10 it says what to do instead', async (t) => {
  const old = await t.mockImport<typeof import('../dist/edges/log-controller.js')>(
    '../dist/edges/log-controller.js',
    { fastify: { default: {} } }
  )
  t.throws(() => old.logController(), {
    code: 'HOLDFAST_ERR_REQUEST_LOGGING_NO_LOG_CONTROLLER',
    message: /disableRequestLogging: true/
  })
})

/** What the app says at boot, beside the lines of requests. */
async function bootWarnings(server: FastifyServerOptions): Promise<unknown[]> {
  const log = new Log()
  const app = Fastify({ logger: { level: 'info', stream: log }, ...server })
  app.register(requestLogging)
  app.register(async (scope) => {
    scope.register(requestLogging)
  })
  await app.ready()
  await app.close()
  return log.all().map(({ msg }) => msg)
}

t.test('two logs at once are told at boot, once, with the remedy', async (t) => {
  const twice = /^Requests are logged twice:.*Fastify\(\{ logController: logController\(\) \}\)/
  class Half extends LogController {
    override incomingRequest(): void {}
  }
  class Decides extends LogController {
    override isLogDisabled(_request: FastifyRequest): boolean {
      return true
    }
  }
  class Whole extends Half {
    override requestCompleted(): void {}
  }
  const cases: [FastifyServerOptions, boolean][] = [
    [{}, true],
    [{ logController: new LogController({ disableRequestLogging: () => false }) }, true],
    [{ logController: new Half() }, true],
    [{ logController: new Whole() }, false],
    [{ logController: new Decides() }, false],
    [{ logController: logController() }, false],
    [{ logController: new LogController({ disableRequestLogging: true }) }, false],
    [{ disableRequestLogging: true }, false]
  ]
  for (const [server, warned] of cases) {
    const said = await bootWarnings(server)
    t.equal(said.length, warned ? 1 : 0)
    if (warned) t.match(said[0], twice)
  }
})

t.test('an app that logs nothing is not warned', async (t) => {
  t.equal(doubleLogging(Fastify({ logger: false })), undefined)
  t.equal(doubleLogging(Fastify({ logger: { level: 'silent' } })), undefined)
})

t.test('a Fastify without log controllers is told of its own option', async (t) => {
  const old = (disableRequestLogging: boolean): typeof app => {
    const app = Fastify({ logger: { level: 'info', stream: new Log() } })
    const controller = Object.getOwnPropertySymbols(app).find(
      ({ description }) => description === 'fastify.logController'
    ) as symbol
    Reflect.deleteProperty(app, controller)
    Object.defineProperty(app, 'initialConfig', { value: { disableRequestLogging } })
    return app
  }
  const app = old(false)
  t.match(doubleLogging(app), /^Requests are logged twice:.*disableRequestLogging: true/)
  t.equal(doubleLogging(old(true)), undefined)
})
