/**
 * Clients of `node:http` through the Agent of an upstream: real clients, real servers.
 */
import { once } from 'node:events'
import {
  Agent,
  type ClientRequest,
  createServer,
  globalAgent,
  request as httpRequest
} from 'node:http'
import https from 'node:https'
import { circuitBreaker } from '@holdfast/circuit-breaker'
import { outgoing, type Upstream, type UpstreamOptions } from '@holdfast/outgoing'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { HttpRequest } from '@smithy/protocol-http'
import axios from 'axios'
import Fastify, { type FastifyInstance } from 'fastify'
import got from 'got'
import t, { type Test } from 'tap'
import { freePort } from '../../../../test/support/http.ts'
import { listenUntilOver, serve } from '../support/serve.ts'

async function upstreamAt(
  t: Test,
  origin: string,
  options: Partial<UpstreamOptions> = {}
): Promise<{ app: FastifyInstance; upstream: Upstream }> {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(circuitBreaker, {})
  await app.register(outgoing, {})
  return { app, upstream: app.upstream('payments', { origin, ...options }) }
}

/** Sends a request and reads its answer to the end, if there is one. */
async function send(request: ClientRequest): Promise<string> {
  request.end()
  const [response] = await once(request, 'response')
  let text = ''
  for await (const chunk of response) text += chunk
  return text
}

/** Each client, and a call of it that returns the status, or throws. */
const clients: Record<string, (url: URL, agent: Agent) => Promise<number>> = {
  axios: async (url, agent) => {
    const options = { httpAgent: agent, proxy: false, validateStatus: null } as const
    return (await axios.get(url.href, options)).status
  },
  got: async (url, agent) => {
    const options = { agent: { http: agent }, retry: { limit: 0 }, throwHttpErrors: false }
    return (await got(url, options)).statusCode
  },
  'the handler of the AWS SDK': async ({ protocol, hostname, port, pathname: path }, agent) => {
    const handler = new NodeHttpHandler({ httpAgent: agent })
    const { response } = await handler.handle(
      new HttpRequest({ protocol, hostname, port: Number(port), path })
    )
    response.body.resume()
    return response.statusCode
  }
}

for (const [name, call] of Object.entries(clients)) {
  t.test(
    `${name}: failures open the breaker, and what it refuses opens no connection`,
    async (t) => {
      let hits = 0
      let connections = 0
      const server = createServer((_request, response) => {
        response.statusCode = ++hits <= 2 ? 200 : 503
        response.end()
      })
      server.on('connection', () => connections++)
      const origin = await listenUntilOver(t, server)
      const { app, upstream } = await upstreamAt(t, origin, { breaker: { threshold: 3 } })
      const inner = new Agent({ keepAlive: false })
      const agent = upstream.agent(inner)
      const url = new URL('/invoices', origin)
      t.equal(await call(url, agent), 200)
      t.equal(await call(url, agent), 200)
      for (let n = 0; n < 3; n++) t.equal(await call(url, agent), 503)
      t.equal(app.circuitBreaker('payments').state, 'open')
      const before = connections
      const error = await call(url, agent).then(
        () => undefined,
        (error: unknown) => error
      )
      t.ok(isOpen(error), 'the refusal reaches the caller')
      t.equal(connections, before)
      t.equal(hits, 5)
      t.match(upstream.snapshot(), {
        calls: 6,
        tries: 5,
        refused: 1,
        outcomes: { success: 2, failure: 3 },
        inFlight: 0
      })
    }
  )
}

/** How a request ends, and what that says about the upstream. */
const ends: Record<string, { path: string; act?: (request: ClientRequest) => void; is: string }> = {
  'a connection that is reset before the answer': { path: '/reset', is: 'failure' },
  'a connection that ends before the answer': { path: '/end', is: 'failure' },
  'an answer that is cut': { path: '/cut', is: 'failure' },
  'an answer whose connection is reset': { path: '/cut-by-reset', is: 'failure' },
  'a status of 500': { path: '/500', is: 'failure' },
  'a status of 404': { path: '/404', is: 'success' },
  'an answer that nobody listens to': { path: '/large', is: 'success' },
  'a caller that destroys its request': {
    path: '/slow',
    act: (request) => request.once('socket', () => setImmediate(() => request.destroy())),
    is: 'excluded'
  },
  'a caller that destroys it with an error of its own': {
    path: '/slow',
    act: (request) => request.once('socket', () => request.destroy(new Error('not needed'))),
    is: 'excluded'
  },
  'a caller whose own timeout passes': {
    path: '/slow',
    act: (request) =>
      request.once('socket', () =>
        request.destroy(Object.assign(new Error('late'), { code: 'ETIMEDOUT' }))
      ),
    is: 'failure'
  },
  'a caller that destroys it before there is a connection': {
    path: '/slow',
    act: (request) => request.destroy(),
    is: 'excluded'
  },
  'a caller that leaves in the middle of an answer': {
    path: '/endless',
    act: (request) =>
      request.once('response', (response) => response.once('data', () => request.destroy())),
    is: 'success'
  },
  'a caller that destroys an answer': {
    path: '/endless',
    act: (request) =>
      request.once('response', (response) => response.once('data', () => response.destroy())),
    is: 'success'
  },
  'a connection that is upgraded': {
    path: '/upgrade',
    act: (request) => request.once('upgrade', (_response, socket) => socket.destroy()),
    is: 'success'
  }
}

t.test('what each end of a request says about the upstream', async (t) => {
  const server = createServer((request, response) => {
    const { socket, url } = request
    if (url === '/reset') socket.resetAndDestroy()
    else if (url === '/end') socket.end()
    else if (url === '/cut') response.writeHead(200, { 'content-length': 9 }).write('half')
    else if (url === '/cut-by-reset') response.writeHead(200).write('half')
    else if (url === '/endless') response.writeHead(200).write('beginning')
    else if (url === '/large') response.end(Buffer.alloc(2 ** 20))
    else if (url !== '/slow') response.writeHead(Number(url?.slice(1))).end()
    if (url === '/cut') setImmediate(() => socket.end())
    if (url === '/cut-by-reset') setTimeout(() => socket.resetAndDestroy(), 50)
  })
  server.on('upgrade', (_request, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
  })
  const origin = await listenUntilOver(t, server)
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  for (const [name, { path, act, is }] of Object.entries(ends)) {
    const { upstream } = await upstreamAt(t, origin)
    const headers = path === '/upgrade' ? { connection: 'upgrade', upgrade: 'echo' } : {}
    const request = httpRequest(origin + path, { agent: upstream.agent(agent), headers })
    const closed = new Promise((resolve) => request.once('close', resolve))
    request.on('error', () => {})
    if (path.startsWith('/cut')) {
      request.on('response', (response) => response.on('error', () => {}).resume())
    }
    act?.(request)
    request.end()
    await closed
    const { outcomes, inFlight } = upstream.snapshot()
    t.strictSame(outcomes, { success: 0, failure: 0, excluded: 0, [is]: 1 }, name)
    t.equal(inFlight, 0, name)
  }
})

t.test('an upstream that cannot be reached has failed', async (t) => {
  const { upstream } = await upstreamAt(t, `http://127.0.0.1:${await freePort()}`)
  await t.rejects(send(httpRequest(upstream.origin, { agent: upstream.agent() })), {
    code: 'ECONNREFUSED'
  })
  t.match(upstream.snapshot().outcomes, { failure: 1 })
})

t.test('a request ends at its time, also one that waits for a connection', async (t) => {
  const origin = await serve(t, () => {})
  const { upstream } = await upstreamAt(t, origin, { timeout: 300 })
  const inner = new Agent({ maxSockets: 1 })
  const agent = upstream.agent(inner)
  const late = { code: 'HOLDFAST_ERR_OUTGOING_DEADLINE', statusCode: 504 }
  await Promise.all([
    t.rejects(send(httpRequest(origin, { agent })), late),
    t.rejects(send(httpRequest(origin, { agent })), late),
    t.rejects(send(httpRequest(origin, { agent })), late)
  ])
  t.strictSame(Object.keys(inner.requests), [], 'nothing waits in its queue')
  t.match(upstream.snapshot(), { inFlight: 0, outcomes: { failure: 3 } })
})

t.test('a request that ends at its time leaves those that wait behind it alone', async (t) => {
  let hits = 0
  const origin = await serve(t, (_request, response) => {
    if (++hits > 1) response.end('ok')
  })
  const { upstream } = await upstreamAt(t, origin, { timeout: 300 })
  const inner = new Agent({ maxSockets: 1 })
  const late = send(httpRequest(origin, { agent: upstream.agent(inner) }))
  const behind = send(httpRequest(origin, { agent: inner }))
  await t.rejects(late, { code: 'HOLDFAST_ERR_OUTGOING_DEADLINE' })
  t.equal(await behind, 'ok')
})

t.test('requests to another origin pass without a guard', async (t) => {
  const other = await serve(t, (_request, response) => response.end('other'))
  const { upstream } = await upstreamAt(t, await serve(t, () => {}), { maxConcurrent: 1 })
  const agent = upstream.agent()
  t.equal(await send(httpRequest(other, { agent })), 'other')
  t.match(upstream.snapshot(), { calls: 0 })
})

t.test('it is the Agent that was given, with its connections and its class', async (t) => {
  const origin = await serve(t, (_request, response) => response.end('ok'))
  const { upstream } = await upstreamAt(t, origin)
  class Own extends Agent {
    readonly #secret = 'kept'
    secret(): string {
      return this.#secret
    }
  }
  const inner = new Own({ keepAlive: true, maxSockets: 3 })
  t.teardown(() => inner.destroy())
  const agent: Own = upstream.agent(inner)
  t.ok(agent instanceof Own)
  t.equal(agent.constructor, Own)
  t.equal(agent.secret(), 'kept')
  t.equal(agent.maxSockets, 3)
  for (let n = 0; n < 2; n++) t.equal(await send(httpRequest(origin, { agent })), 'ok')
  t.equal(Object.values(inner.freeSockets).flat().length, 1, 'its connection was used again')
})

t.test('without one, it is the Agent of Node for the scheme', async (t) => {
  const plain = await upstreamAt(t, 'http://payments.example')
  t.equal(plain.upstream.agent().sockets, globalAgent.sockets)
  const secure = await upstreamAt(t, 'https://payments.example')
  t.equal(secure.upstream.agent().sockets, https.globalAgent.sockets)
})

t.test('an upstream at an address of IPv6 is known by it', async (t) => {
  const { upstream } = await upstreamAt(t, 'http://[::1]:8080')
  const broken = Object.assign(new Agent(), {
    addRequest: () => {
      throw new Error('broken')
    }
  })
  const agent = upstream.agent(broken)
  const headers = { traceparent: 'own', 'x-envoy-expected-rq-timeout-ms': '5' }
  t.throws(() => httpRequest({ host: '::1', port: 8080, agent, headers }), /broken/)
  t.throws(() => httpRequest({ host: '::2', port: 8080, agent }), /broken/)
  t.match(upstream.snapshot(), { calls: 1, tries: 1 })
})

t.test('an Agent that throws is no failure of the upstream', async (t) => {
  const { upstream } = await upstreamAt(t, 'http://payments.example')
  const broken = Object.assign(new Agent(), {
    addRequest: () => {
      throw new Error('broken')
    }
  })
  t.throws(() => httpRequest(upstream.origin, { agent: upstream.agent(broken) }), /broken/)
  t.match(upstream.snapshot(), { inFlight: 0, outcomes: { excluded: 1 } })
})

t.test('nothing changes for a caller that listens to nothing', async (t) => {
  const origin = await serve(t, (_request, response) => response.end('ok'))
  const { upstream } = await upstreamAt(t, origin)
  const request = httpRequest(origin, { agent: upstream.agent() })
  t.equal(request.listenerCount('error'), 0, 'its error stays uncaught')
  t.equal(request.listenerCount('upgrade'), 0, 'an upgrade is still refused')
  await send(request)
})

/** Whether it is the refusal of a breaker, or was caused by one. */
function isOpen(error: unknown): boolean {
  const { code, cause } = error as { code?: string; cause?: { code?: string } }
  return [code, cause?.code].includes('HOLDFAST_ERR_CIRCUIT_BREAKER_OPEN')
}
