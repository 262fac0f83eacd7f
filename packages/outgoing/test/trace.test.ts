/**
 * The trace of a request in the calls that are made for it, and where none of our headers goes. Covers
 * `edges/outgoing-trace.ts`, `edges/call-headers.ts` and `edges/current-request.ts`.
 */
import diagnosticsChannel from 'node:diagnostics_channel'
import { Agent, get as httpGet, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { type OutgoingOptions, outgoing, type UpstreamOptions } from '@holdfast/outgoing'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { serve } from './support/serve.ts'

const ENVOY = 'x-envoy-expected-rq-timeout-ms'
const TRACE = {
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  tracestate: 'vendor=1'
}

/** What an upstream is sent on behalf of a request that has a trace. */
async function sent(
  t: Test,
  options: Partial<UpstreamOptions>,
  call: (app: FastifyInstance) => void,
  plugin: OutgoingOptions = {}
): Promise<IncomingHttpHeaders> {
  let received: IncomingHttpHeaders = {}
  const origin = await serve(t, (request, response) => {
    received = request.headers
    response.end('fine')
  })
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(outgoing, plugin)
  app.upstream('payments', { origin, breaker: false, ...options })
  call(app)
  const inject = { method: 'POST', url: '/', headers: TRACE, payload: { a: 1 } } as const
  t.equal((await app.inject(inject)).body, 'fine')
  return received
}

const onBehalf = (app: FastifyInstance): void => {
  app.post('/', async (request) => (await app.upstream('payments').for(request).fetch('/')).text())
}

t.test('calls on behalf of a request hand on its trace', async (t) => {
  t.match(await sent(t, {}, onBehalf), TRACE)
})

t.test('an Agent on behalf of a request hands on its trace, too', async (t) => {
  const received = await sent(t, {}, (app) => {
    app.post('/', async (request) => {
      const payments = app.upstream('payments')
      const agent = payments.for(request).agent(new Agent())
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        httpGet(payments.origin, { agent }, resolve).on('error', reject)
      })
      return text(answer)
    })
  })
  t.match(received, TRACE)
})

t.test('no trace is handed on where options say so, or for no request', async (t) => {
  const silent = await sent(t, { trace: false }, onBehalf)
  t.notOk('traceparent' in silent)
  const outside = await sent(t, {}, (app) => {
    app.post('/', async () => (await app.upstream('payments').fetch('/')).text())
  })
  t.notOk('traceparent' in outside)
  t.notOk('tracestate' in outside)
})

t.test('a call that has a trace keeps it', async (t) => {
  const headers = { Traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00' }
  const received = await sent(t, {}, (app) => {
    app.post('/', async (request) =>
      (await app.upstream('payments').for(request).fetch('/', { headers })).text()
    )
  })
  t.equal(received['traceparent'], headers.Traceparent)
  t.notOk('tracestate' in received)
})

t.test('where an instrumentation of undici listens, the trace is left to it', async (t) => {
  const add = (message: unknown): void => {
    const { request } = message as { request: { addHeader(name: string, value: string): void } }
    request.addHeader('traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01')
  }
  diagnosticsChannel.subscribe('undici:request:create', add)
  t.teardown(() => diagnosticsChannel.unsubscribe('undici:request:create', add))
  const received = await sent(t, {}, onBehalf)
  t.equal(
    received['traceparent'],
    '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    'once'
  )
  t.notOk('tracestate' in received)
})

t.test('a call finds its request by itself where the option context says so', async (t) => {
  const received = await sent(
    t,
    {},
    (app) => {
      app.post('/', { handlerTimeout: 8000 }, async () =>
        (await app.upstream('payments').fetch('/')).text()
      )
    },
    { context: 'async-local-storage' }
  )
  t.match(received, TRACE)
  t.ok(Number(received[ENVOY]) <= 7995)
})

t.test('a redirect takes none of our headers to another origin', async (t) => {
  const stranger: IncomingHttpHeaders[] = []
  const elsewhere = await serve(t, (request, response) => {
    stranger.push(request.headers)
    response.end('elsewhere')
  })
  const neighbour: IncomingHttpHeaders[] = []
  const declared = await serve(t, (request, response) => {
    neighbour.push(request.headers)
    response.end('declared')
  })
  const own: IncomingHttpHeaders[] = []
  const origin = await serve(t, (request, response) => {
    own.push(request.headers)
    const targets: Record<string, string> = {
      '/elsewhere': `${elsewhere}/`,
      '/declared': `${declared}/`,
      '/own': '/here'
    }
    const location = targets[request.url ?? '']
    if (location !== undefined) response.writeHead(302, { location })
    response.end('own')
  })
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(outgoing, {})
  const payments = app.upstream('payments', { origin, breaker: false })
  app.upstream('stock', {
    origin: declared,
    breaker: false,
    timeout: '5s',
    deadline: { header: 'x-time' }
  })
  app.get('/*', async (request) => (await payments.for(request).fetch(request.url)).text())
  const ask = async (url: string): Promise<string> =>
    (await app.inject({ url, headers: TRACE })).body

  t.equal(await ask('/elsewhere'), 'elsewhere')
  t.match(own[0], { ...TRACE, [ENVOY]: '9995' })
  for (const name of ['traceparent', 'tracestate', ENVOY, 'x-envoy-attempt-count']) {
    t.notOk(name in (stranger[0] as object), name)
  }

  t.equal(await ask('/declared'), 'declared')
  t.match(neighbour[0], { ...TRACE, 'x-time': '4995' })
  t.notOk(ENVOY in (neighbour[0] as object))

  t.equal(await ask('/own'), 'own')
  t.match(own.at(-1), TRACE)
  t.match(app.outgoing.snapshots(), [
    { name: 'payments', outcomes: { success: 4 } },
    { name: 'stock', outcomes: { success: 1 } }
  ])
})
