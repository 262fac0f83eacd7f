/**
 * Ids of requests and of traces, from outside, made here, and passed on: `edges/request-ids.ts` and
 * `edges/open-telemetry.ts`.
 */
import { traceHeaders, traceOf } from '@holdfast/core'
import { requestLogging } from '@holdfast/request-logging'
import { logController } from '@holdfast/request-logging/log-controller'
import { context, propagation, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base'
import Fastify, { type FastifyInstance, LogController } from 'fastify'
import t from 'tap'
import { validate } from 'uuid'
import { listen } from '../../../test/support/http.ts'
import { findOpenTelemetry } from '../dist/edges/open-telemetry.js'
import { idLabelOf } from '../dist/edges/request-ids.js'
import { Log, loggedApp } from './support/log.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const PARENT = 'b7ad6b7169203331'
const traceparent = `00-${TRACE}-${PARENT}-01`

t.test("the line has the id of the application's own lines, a UUID", async (t) => {
  const { app, log } = loggedApp()
  t.teardown(() => app.close())
  app.get('/', async (request) => {
    request.log.info('mine')
    return request.id
  })
  const { body, headers } = await app.inject({ url: '/', headers: { 'x-request-id': 'theirs' } })
  t.ok(validate(body))
  t.notOk('x-request-id' in headers)
  t.same(
    log.all().map(({ reqId }) => reqId),
    [body, body]
  )
})

t.test('an id from outside is taken where it can be used, and sent back', async (t) => {
  const { app, log } = loggedApp({ requestId: { header: 'X-Request-Id', echo: true } })
  t.teardown(() => app.close())
  app.get('/', async () => 'ok')
  const echoed = async (id: string): Promise<unknown> => {
    const answer = await app.inject({ url: '/', headers: { 'x-request-id': id } })
    return answer.headers['x-request-id']
  }
  t.equal(await echoed('order-7'), 'order-7')
  for (const id of ['a b', 'x'.repeat(129), '<script>', '']) t.ok(validate(await echoed(id)), id)
  t.equal(log.requests()[0]?.['reqId'], 'order-7')
  const lost = await app.inject({ url: '/nowhere', headers: { 'x-request-id': 'lost' } })
  t.equal(lost.headers['x-request-id'], 'lost')
})

t.test('an id is believed by pattern and by whom it comes from', async (t) => {
  const id = { name: 'x-id', pattern: /^[a-f]+$/g, trust: ['10.0.0.0/8'] }
  const { app } = loggedApp({ requestId: { header: id, echo: 'x-answer' } })
  t.teardown(() => app.close())
  app.get('/', async (request) => request.id)
  const ask = async (remoteAddress: string, header: string): Promise<string> => {
    const answer = await app.inject({ url: '/', remoteAddress, headers: { 'x-id': header } })
    t.equal(answer.headers['x-answer'], answer.body)
    return answer.body
  }
  t.equal(await ask('10.1.2.3', 'abc'), 'abc')
  t.equal(await ask('10.1.2.3', 'abc'), 'abc', 'and again')
  t.ok(validate(await ask('10.1.2.3', 'xyz')))
  t.ok(validate(await ask('192.0.2.1', 'abc')))
})

t.test('ids that Fastify was told to make are left, unless options say otherwise', async (t) => {
  const ids = async (options: object, server: object): Promise<unknown> => {
    const { app, log } = loggedApp(options, server)
    app.get('/', async () => 'ok')
    await app.inject({ url: '/', headers: { 'x-id': 'theirs' } })
    await app.close()
    return (await log.line())['reqId']
  }
  t.equal(await ids({ requestId: false }, {}), 'req-1')
  t.equal(await ids({}, { genReqId: () => 'mine' }), 'mine')
  t.equal(await ids({}, { genReqId: () => 'mine\u001b\n' }), 'mine\ufffd\ufffd')
  t.equal(await ids({}, { requestIdHeader: 'x-id' }), 'theirs')
  t.ok(validate(await ids({ requestId: {} }, { genReqId: () => 'mine' })))
})

t.test('an id that cannot stand in a header is not sent back', async (t) => {
  const { app } = loggedApp({ requestId: { echo: true } })
  t.teardown(() => app.close())
  app.register(async (scope) => {
    scope.setGenReqId(() => 'no\nheader')
    scope.get('/', async () => 'ok')
  })
  const answer = await app.inject('/')
  t.equal(answer.statusCode, 200)
  t.notOk('x-request-id' in answer.headers)
})

t.test('the id stands under the label of the log controller', async (t) => {
  class Labelled extends LogController {
    constructor() {
      super({ requestIdLogLabel: 'request' })
    }
  }
  const { app, log } = loggedApp({}, { logController: logController(Labelled) })
  t.teardown(() => app.close())
  app.get('/', async (request) => {
    request.addLogFields({ request: 'mine', reqId: 'mine too' })
    return request.id
  })
  const { body } = await app.inject('/')
  t.match(await log.line(), { request: body, reqId: undefined })
})

t.test('a Fastify without log controllers has the label among its options', async (t) => {
  const initialConfig = { requestIdLogLabel: 'request' }
  t.equal(idLabelOf({ initialConfig } as FastifyInstance), 'request')
  t.equal(idLabelOf({ initialConfig: {} } as FastifyInstance), 'reqId')
  t.equal(idLabelOf({ initialConfig: { requestIdLogLabel: '' } } as FastifyInstance), 'reqId')
})

t.test('a hook before the plugin answers: its fields are kept, and the id goes back', async (t) => {
  const log = new Log()
  const app = Fastify({ logger: { stream: log }, logController: logController() })
  t.teardown(() => app.close())
  app.addHook('onRequest', async function holdfastLifecycle() {})
  app.addHook('onRequest', async (request, reply) => {
    request.addLogFields({ tenant: 'acme', status: 1 })
    return reply.code(401).send('who?')
  })
  for (const echo of [true, false]) {
    app.register(async (scope) => {
      scope.register(requestLogging, { requestId: { echo } })
      scope.get(`/${echo}`, async () => 'ok')
    })
  }
  app.register(requestLogging)
  const answer = await app.inject('/true')
  t.ok(validate(answer.headers['x-request-id']))
  await app.inject('/false')
  t.match(log.requests(), [
    { tenant: 'acme', status: 401 },
    { tenant: 'acme', status: 401 }
  ])
})

t.test('a trace that comes in is on the line, and goes on as it came', async (t) => {
  const { app, log } = loggedApp()
  t.teardown(() => app.close())
  app.get('/', async (request) => traceHeaders(request))
  const headers = { traceparent, tracestate: 'vendor=1' }
  t.same((await app.inject({ url: '/', headers })).json(), headers)
  const line = await log.line()
  t.match(line, { traceId: TRACE, spanId: /^[\da-f]{16}$/ })
  t.not(line['spanId'], PARENT, 'the id of this request')

  t.same((await app.inject('/')).json(), {}, 'and none is made up')
  t.notOk('traceId' in (log.requests()[1] as object))
})

t.test('ids may be those of traces, begun where none came in', async (t) => {
  const { app, log } = loggedApp({ requestId: { generate: 'trace-id' }, sample: 0.5 })
  t.teardown(() => app.close())
  app.get('/', async (request) => ({ id: request.id, ...traceHeaders(request) }))
  const answers = []
  for (let n = 0; n < 40; n++) answers.push((await app.inject('/')).json())
  const written = new Set(log.requests().map(({ traceId }) => traceId))
  for (const { id, traceparent: sent } of answers) {
    t.match(sent, /^00-[\da-f]{32}-[\da-f]{16}-0[23]$/)
    t.ok(String(sent).includes(id))
    t.equal(String(sent).endsWith('3'), written.has(id), 'sampled where its line is kept')
  }
  const { id } = (await app.inject({ url: '/', headers: { traceparent } })).json()
  t.equal(id, TRACE)
})

t.test('the active span of an SDK is preferred', async (t) => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  trace.setGlobalTracerProvider(new BasicTracerProvider())
  t.teardown(() => {
    trace.disable()
    context.disable()
    propagation.disable()
  })
  const { app, log } = loggedApp({ requestId: { generate: 'trace-id' } })
  t.teardown(() => app.close())
  app.get('/', async (request) => traceOf(request))
  const port = await listen(app)
  const span = trace.getTracer('test').startSpan('request')
  const { routing } = app
  app.server.removeListener('request', routing)
  app.server.on('request', (request, response) => {
    context.with(trace.setSpan(context.active(), span), () => routing(request, response))
  })
  const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { traceparent } })
  const { traceId, spanId } = span.spanContext()
  t.match(await answer.json(), { traceId, spanId, flags: 1 })
  t.match(await log.line(), { traceId, spanId, reqId: traceId })
})

t.test('without the API of OpenTelemetry there is no span', async (t) => {
  const missing = await findOpenTelemetry(async () => undefined)
  t.equal(missing, undefined)
  const none = await findOpenTelemetry()
  t.equal(none?.(), undefined)
  const spanContext = { traceId: TRACE, spanId: PARENT, traceFlags: 0 }
  const traceState = { serialize: () => 'a=b' }
  const api = {
    trace: { getActiveSpan: () => ({ spanContext: () => ({ ...spanContext, traceState }) }) },
    isSpanContextValid: () => true
  }
  const stated = await findOpenTelemetry(async () => api)
  t.same(stated?.(), { traceId: TRACE, spanId: PARENT, flags: 0, state: 'a=b' })
  const invalid = await findOpenTelemetry(async () => ({ ...api, isSpanContextValid: () => false }))
  t.equal(invalid?.(), undefined)
  const broken = await findOpenTelemetry(async () => ({
    ...api,
    isSpanContextValid: () => {
      throw new Error('no SDK')
    }
  }))
  t.equal(broken?.(), undefined, 'an SDK that throws fails no request')
})
