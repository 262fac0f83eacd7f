/**
 * `@fastify/reply-from` and `@fastify/http-proxy` in front of real upstreams: `edges/reply-from.ts`,
 * `edges/http-proxy.ts` and `edges/http-request.ts`.
 */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type RequestListener, request } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { fileURLToPath } from 'node:url'
import httpProxy from '@fastify/http-proxy'
import replyFrom from '@fastify/reply-from'
import websocket from '@fastify/websocket'
import { circuitBreaker } from '@holdfast/circuit-breaker'
import { type DispatcherLike, outgoing, type UpstreamOptions } from '@holdfast/outgoing'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { Agent as Agent7, WebSocket } from 'undici'
import { Agent as Agent6 } from 'undici-6'
import { listenUntilOver, serve } from '../support/serve.ts'

/** What sends the requests: Node's own client, or a dispatcher of undici. */
const transports: Record<string, () => DispatcherLike | undefined> = {
  'node:http': () => undefined,
  'undici 6': () => new Agent6(),
  'undici 7': () => new Agent7()
}

async function appWith(t: Test): Promise<FastifyInstance> {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(circuitBreaker, {})
  await app.register(outgoing, {})
  return app
}

/** A proxy that hands everything on to one upstream. */
async function proxyTo(t: Test, options: UpstreamOptions) {
  const app = await appWith(t)
  await app.register(replyFrom, app.outgoing.replyFrom)
  const upstream = app.upstream('payments', options)
  app.addContentTypeParser('application/octet-stream', (_request, payload, done) =>
    done(null, payload)
  )
  app.all('/*', (request, reply) => reply.from(request.url, upstream.replyOptions()))
  return { app, upstream, address: await app.listen({ port: 0, host: '127.0.0.1' }) }
}

for (const [name, transport] of Object.entries(transports)) {
  const scene = async (t: Test, listener: RequestListener, options: object = {}) => {
    const origin = await serve(t, listener)
    return proxyTo(t, { origin, dispatcher: transport(), ...options })
  }

  t.test(`${name}: a GET that is answered with 503 is one call`, async (t) => {
    let hits = 0
    const { address, upstream } = await scene(t, (_request, response) => {
      hits++
      response.writeHead(503, { 'retry-after': '2' }).end('busy')
    })
    const response = await fetch(`${address}/invoices`)
    t.equal(response.status, 503)
    t.equal(await response.text(), 'busy')
    t.equal(hits, 1)
    t.match(upstream.snapshot(), { calls: 1, outcomes: { failure: 1 }, inFlight: 0 })
  })

  t.test(
    `${name}: an open breaker answers 503 with Retry-After, and nothing is called`,
    async (t) => {
      let hits = 0
      const { app, address } = await scene(t, () => hits++)
      app.circuitBreakers.isolate('payments')
      const response = await fetch(address)
      t.equal(response.status, 503)
      t.ok(Number(response.headers.get('retry-after')) >= 1)
      t.match(await response.json(), { code: 'HOLDFAST_ERR_CIRCUIT_BREAKER_OPEN' })
      t.equal(hits, 0)
    }
  )

  t.test(`${name}: an upstream that takes too long is a 504`, async (t) => {
    const { address, upstream } = await scene(t, () => {}, { timeout: 200 })
    const response = await fetch(address)
    t.equal(response.status, 504)
    t.match(await response.json(), { code: 'HOLDFAST_ERR_OUTGOING_DEADLINE' })
    t.match(upstream.snapshot(), { outcomes: { failure: 1 }, inFlight: 0 })
  })

  t.test(`${name}: a client that leaves ends the call`, async (t) => {
    const controller = new AbortController()
    let tell = (): void => {}
    const left = new Promise<void>((resolve) => {
      tell = resolve
    })
    const { address, upstream } = await scene(t, (request) => {
      request.socket.once('close', tell)
      controller.abort()
    })
    await t.rejects(fetch(address, { signal: controller.signal }))
    await left
    await new Promise(setImmediate)
    t.match(upstream.snapshot(), { outcomes: { excluded: 1 }, inFlight: 0 })
  })

  t.test(`${name}: bodies pass both ways as streams, with the headers of the call`, async (t) => {
    const { address, upstream } = await scene(t, (request, response) => {
      response.setHeader('x-time', String(request.headers['x-envoy-expected-rq-timeout-ms']))
      request.pipe(response)
    })
    const body = new Blob([Buffer.alloc(300_000, 'x')])
    for (const method of ['POST', 'DELETE']) {
      const headers = { 'content-type': 'application/octet-stream' }
      const init = { method, headers, body: body.stream(), duplex: 'half' } as RequestInit
      const response = await fetch(address, init)
      t.equal((await response.arrayBuffer()).byteLength, 300_000, method)
      t.ok(Number(response.headers.get('x-time')) > 0)
    }
    t.match(upstream.snapshot(), { outcomes: { success: 2 }, inFlight: 0 })
  })
}

t.test('an upstream that switches protocols without being asked is an error', async (t) => {
  const upgrade =
    'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n'
  const origin = await serve(t, (request) => request.socket.end(upgrade))
  const { address, upstream } = await proxyTo(t, { origin })
  const response = await fetch(address)
  t.equal(response.status, 500)
  t.match(await response.json(), { code: 'ECONNRESET' })
  t.equal(upstream.snapshot().inFlight, 0)
})

t.test('an upstream whose certificate nobody vouches for is refused', async (t) => {
  const file = (name: string) =>
    readFileSync(
      fileURLToPath(
        new URL(`../../../lifecycle/test/fixtures/localhost-${name}.pem`, import.meta.url)
      )
    )
  const server = createSecureServer(
    { cert: file('cert'), key: file('key') },
    (_request, response) => response.end('secret')
  )
  const origin = (await listenUntilOver(t, server)).replace('http:', 'https:')
  const { address, upstream } = await proxyTo(t, { origin })
  const response = await fetch(address)
  t.equal(response.status, 500)
  t.match(await response.json(), { message: 'self-signed certificate' })
  t.match(upstream.snapshot().outcomes, { failure: 1 })
})

t.test('rewriteRequestHeaders and onError of the user have their effect', async (t) => {
  const origin = await serve(t, (request, response) => {
    response.end(`${request.headers['x-added']} ${request.headers['x-sent']}`)
  })
  const app = await appWith(t)
  await app.register(replyFrom, app.outgoing.replyFrom)
  const upstream = app.upstream('payments', { origin })
  const unreachable = app.upstream('gone', { origin: 'http://127.0.0.1:1' })
  const own = {
    rewriteRequestHeaders: (_request: object, headers: object) => ({
      ...headers,
      'x-added': 'added'
    }),
    onError: (
      reply: { statusCode: number; send(body: object): void },
      { error }: { error: Error & { code?: string } }
    ) => reply.send({ own: error.code, status: reply.statusCode })
  }
  app.get('/payments', (_request, reply) => reply.from('/', upstream.replyOptions(own)))
  app.get('/gone', (_request, reply) => reply.from('/', unreachable.replyOptions(own)))
  const headers = { 'x-sent': 'sent' }
  t.equal((await app.inject({ url: '/payments', headers })).body, 'added sent')
  t.match((await app.inject('/gone')).json(), { own: 'FST_REPLY_FROM_INTERNAL_SERVER_ERROR' })
  app.circuitBreakers.isolate('payments')
  const refused = await app.inject('/payments')
  t.equal(refused.statusCode, 503)
  t.ok(refused.headers['retry-after'])
  t.strictSame(refused.json(), { own: 'HOLDFAST_ERR_CIRCUIT_BREAKER_OPEN', status: 503 })
})

t.test('without times in headers, those of the client are handed on as they are', async (t) => {
  const origin = await serve(t, (request, response) => {
    response.end(`${request.headers['x-envoy-expected-rq-timeout-ms']}`)
  })
  const { address } = await proxyTo(t, { origin, deadline: { write: false } })
  const headers = { 'x-envoy-expected-rq-timeout-ms': '777' }
  t.equal(await (await fetch(address, { headers })).text(), '777')
})

t.test('onError of the user is told what has neither cause nor headers', async (t) => {
  const app = await appWith(t)
  const upstream = app.upstream('payments', { origin: 'http://payments.test' })
  const told: unknown[] = []
  const own = { onError: (_reply: object, { error }: { error: Error }) => void told.push(error) }
  const { onError } = upstream.replyOptions(own)
  const plain = new Error('plain')
  const coded = Object.assign(new Error('coded'), { code: 'HOLDFAST_ERR_X', statusCode: 504 })
  const reply = { code: () => reply, headers: (given: object) => void told.push(given) }
  onError(reply, { error: plain })
  onError(reply, { error: new Error('of reply-from', { cause: coded }) })
  t.strictSame(told, [plain, {}, coded])
})

t.test('a proxy that destroys its client at its end leaves the dispatchers alone', async (t) => {
  const origin = await serve(t, (_request, response) => response.end('ours'))
  const proxy = Fastify()
  const app = await appWith(t)
  await proxy.register(replyFrom, { ...app.outgoing.replyFrom, destroyAgent: true })
  await proxy.close()
  t.equal(await (await app.upstream('payments', { origin }).fetch('/')).text(), 'ours')
})

t.test(
  'a call without the options is guarded by its origin, and passes where that is no upstream',
  async (t) => {
    const origin = await serve(t, (_request, response) => response.end('ours'))
    const elsewhere = await serve(t, (_request, response) => response.end('elsewhere'))
    const app = await appWith(t)
    await app.register(replyFrom, app.outgoing.replyFrom)
    const upstream = app.upstream('payments', { origin })
    app.get('/ours', (_request, reply) => reply.from(`${origin}/`))
    app.get('/elsewhere', (_request, reply) => reply.from(`${elsewhere}/`))
    t.equal((await app.inject('/ours')).body, 'ours')
    t.equal((await app.inject('/elsewhere')).body, 'elsewhere')
    t.match(upstream.snapshot(), { calls: 1 })
  }
)

t.test(
  'http-proxy: requests and WebSockets are guarded, and the user’s preHandler is called',
  async (t) => {
    const service = Fastify()
    t.teardown(() => service.close())
    await service.register(websocket)
    service.get('/api/echo', { websocket: true }, (socket) => {
      socket.on('message', (message: Buffer) => socket.send(`echo ${message}`))
    })
    service.get('/api/hello', async () => 'hello')
    const origin = await service.listen({ port: 0, host: '127.0.0.1' })

    const app = await appWith(t)
    const upstream = app.upstream('echo', { origin })
    let handled = 0
    await app.register(
      httpProxy,
      upstream.proxyOptions({
        prefix: '/proxied',
        rewritePrefix: '/api',
        websocket: true,
        preHandler: (_request: object, _reply: object, done: () => void) => {
          handled++
          done()
        }
      })
    )
    const address = await app.listen({ port: 0, host: '127.0.0.1' })
    t.equal(await (await fetch(`${address}/proxied/hello`)).text(), 'hello')
    t.equal(handled, 1)

    const ws = `${address.replace('http', 'ws')}/proxied/echo`
    const socket = new WebSocket(ws)
    const message = await new Promise((resolve, reject) => {
      socket.onopen = () => socket.send('hi')
      socket.onmessage = ({ data }) => resolve(data)
      socket.onerror = reject
    })
    t.equal(message, 'echo hi')
    socket.close()
    t.match(upstream.snapshot(), { calls: 2, outcomes: { success: 2 }, inFlight: 0 })

    app.circuitBreakers.isolate('echo')
    const headers = {
      connection: 'upgrade',
      upgrade: 'websocket',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'sec-websocket-version': '13'
    }
    const refused = await statusOfUpgrade(`${address}/proxied/echo`, headers)
    t.equal(refused, 503)
    t.match(upstream.snapshot(), { calls: 2 })
  }
)

t.test('http-proxy without a preHandler of the user', async (t) => {
  const origin = await serve(t, (request, response) => response.end(request.url))
  const app = await appWith(t)
  await app.register(
    httpProxy,
    app.upstream('plain', { origin }).proxyOptions({ prefix: '/plain' })
  )
  t.equal((await app.inject('/plain/path?query')).body, '/path?query')
})

/** The status that a request for an upgrade is answered with. */
async function statusOfUpgrade(url: string, headers: Record<string, string>): Promise<unknown> {
  const [response] = await once(request(url, { headers }).end(), 'response')
  response.resume()
  return response.statusCode
}
