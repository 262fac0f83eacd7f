/**
 * The options: `options.ts` and `request-id-options.ts`.
 */
import { requestLogging } from '@holdfast/request-logging'
import Fastify from 'fastify'
import t from 'tap'
import { checkRouteOptions, resolveRequestLoggingOptions } from '../dist/options.js'

t.test('defaults', async (t) => {
  const options = resolveRequestLoggingOptions({})
  t.ok(Object.isFrozen(options))
  t.match(options, {
    logger: undefined,
    format: 'native',
    slow: 1000,
    sample: 1,
    headers: [],
    show: new Set(),
    requestId: { explicit: false, incoming: undefined, generate: 'uuidv7', echo: undefined }
  })
  t.equal(options.silence.probes, true)
  t.equal(resolveRequestLoggingOptions({ silent: false }).silence.probes, false)
  t.equal(resolveRequestLoggingOptions({ silent: '/metrics' }).silence.probes, false)
  t.equal(resolveRequestLoggingOptions({ slow: false }).slow, Infinity)
  t.equal(resolveRequestLoggingOptions({ requestId: false }).requestId, undefined)
  t.match(resolveRequestLoggingOptions({ requestId: { echo: true } }).requestId, {
    explicit: true,
    echo: 'x-request-id'
  })
  t.match(resolveRequestLoggingOptions({ requestId: { header: false, echo: 'x-id' } }).requestId, {
    incoming: undefined,
    echo: 'x-id'
  })
  const pattern = /^[a-z]$/gy
  const { requestId } = resolveRequestLoggingOptions({
    requestId: { header: { name: 'X-Trace', pattern }, echo: true, generate: 'trace-id' }
  })
  t.match(requestId, { echo: 'x-trace', generate: 'trace-id' })
  t.equal(requestId?.incoming?.pattern.flags, '', 'no state between requests')
})

t.test('a wrong option fails the boot and names option, value and remedy', async (t) => {
  const cases: [object, RegExp][] = [
    [
      { levle: {} },
      /requestLogging: the option "levle" does not exist.*level, slow, sample, logger/
    ],
    [{ slow: 'long' }, /"requestLogging.slow" must be a duration.*"long"/],
    [{ sample: 2 }, /"requestLogging.sample" must be a finite number.*at most 1.*2/],
    [{ format: 'ecs' }, /"requestLogging.format" must be one of "native", "otel".*"ecs"/],
    [{ query: { show: 'page' } }, /"requestLogging.query.show" must be an array.*"page"/],
    [{ headers: ['x-tenant', 'Cookie'] }, /"requestLogging.headers\[1\]".*without credentials/],
    [{ silent: 'metrics' }, /"requestLogging.silent" must be "probes", a path.*"metrics"/],
    [{ silent: ['/a', 1] }, /"requestLogging.silent" must be/],
    [{ requestId: { header: 'x id' } }, /"requestLogging.requestId.header".*header.*"x id"/],
    [{ requestId: { header: null } }, /requestId.header" must be the name of a header.*null/],
    [{ requestId: { header: {} } }, /"requestLogging.requestId.header.name".*undefined/],
    [{ requestId: { header: { name: 'x', pattern: 'a' } } }, /header.pattern.*regular expression/],
    [
      { requestId: { header: { name: 'x', trust: ['10.0.0.0/33'] } } },
      /header.trust\[0\].*CIDR.*10.0.0.0\/33/
    ],
    [{ requestId: { generate: 'uuid' } }, /requestId.generate.*"uuidv7", "trace-id".*"uuid"/],
    [{ requestId: { echo: 1 } }, /requestId.echo.*true, false or the name of a header/],
    [{ level: 'debug' }, /"requestLogging.level" must be a table of outcomes.*"debug"/],
    [{ level: { fine: 'info' } }, /"fine" does not exist.*ok, slow, client-error/],
    [{ level: { ok: 'loud' } }, /"requestLogging.level.ok" must be one of.*"loud"/],
    [{ silent: true }, /"requestLogging.silent" must be "probes", a path.*true/],
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
  t.throws(() => checkRouteOptions({ sampel: 1 }, 'GET /'), /of GET \/: the option "sampel"/)

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
