import { requestLogging } from '@holdfast/request-logging'
import Fastify from 'fastify'
import t from 'tap'
import { checkRouteOptions, resolveRequestLoggingOptions } from '../dist/options.js'

t.test('defaults', async (t) => {
  const options = resolveRequestLoggingOptions({})
  t.ok(Object.isFrozen(options))
  t.equal(options.silentProbes, true)
  t.equal(options.logger, undefined)
  t.equal(resolveRequestLoggingOptions({ silent: false }).silentProbes, false)
})

t.test('a wrong option fails the boot and names option, value and remedy', async (t) => {
  const cases: [object, RegExp][] = [
    [{ levle: {} }, /requestLogging: the option "levle" does not exist.*level, logger, silent/],
    [{ slow: '1s' }, /"slow" does not exist/],
    [{ level: 'debug' }, /"requestLogging.level" must be an object.*"debug"/],
    [{ level: { fine: 'info' } }, /"fine" does not exist.*ok, client-error/],
    [{ level: { ok: 'loud' } }, /"requestLogging.level.ok" must be one of.*"loud"/],
    [{ silent: true }, /"requestLogging.silent" must be one of "probes", false.*true/],
    [{ logger: { info: () => {} } }, /"requestLogging.logger".*without trace, debug, warn/],
    [{ logger: null }, /"requestLogging.logger" must be a logger.*null/]
  ]
  for (const [options, message] of cases) {
    const app = Fastify()
    app.register(requestLogging, options)
    await t.rejects(async () => await app.ready(), { message }, JSON.stringify(options))
    await app.close()
  }
})

t.test('the same instance takes the plugin once', async (t) => {
  const app = Fastify()
  app.register(requestLogging)
  app.register(requestLogging)
  await t.rejects(async () => await app.ready(), { code: 'HOLDFAST_ERR_REGISTERED_TWICE' })
})

t.test('options of a route', async (t) => {
  checkRouteOptions(false, 'GET /')
  checkRouteOptions({ level: () => 'info' }, 'GET /')
  t.throws(() => checkRouteOptions(true, 'GET /'), /config.requestLogging of GET \/.*true/)
  t.throws(() => checkRouteOptions({ prefix: '/' }, 'GET /'), /of GET \/: the option "prefix"/)
  t.throws(() => checkRouteOptions({ sample: 1 }, 'GET /'), /of GET \/: the option "sample"/)

  const app = Fastify()
  await app.register(requestLogging)
  t.throws(
    () =>
      app.get(
        '/orders',
        // @ts-expect-error no such level
        { config: { requestLogging: { level: { ok: 'quiet' } } } },
        async () => 'ok'
      ),
    /"config.requestLogging of GET \/orders.level.ok" must be one of.*"quiet"/
  )
})
