/**
 * `@fastify/websocket` and `@fastify/http-proxy` beside the suite, over real connections.
 */
import proxy from '@fastify/http-proxy'
import websocket from '@fastify/websocket'
import Fastify from 'fastify'
import holdfast from 'holdfast'
import t from 'tap'
import { request, WebSocket } from 'undici'
import { eventually, listen } from '../support/http.ts'
import { quiet, service } from './service.ts'

t.test('a WebSocket is one line, limited when it is opened', async (t) => {
  const { app, requests, warnings } = service(t)
  await app.register(holdfast, { lifecycle: quiet, rateLimit: { max: 1 } })
  await app.register(websocket)
  app.register(async (scope) => {
    scope.get('/echo', { websocket: true }, (socket) => {
      socket.on('message', (data: Buffer) => socket.send(String(data)))
    })
  })
  const url = `ws://127.0.0.1:${await listen(app)}/echo`
  const socket = new WebSocket(url)
  const said = await new Promise((resolve) => {
    socket.addEventListener('message', ({ data }) => resolve(data))
    socket.addEventListener('open', () => socket.send('hello'))
  })
  t.equal(said, 'hello')
  const closed = new Promise((resolve) => socket.addEventListener('close', resolve))
  socket.close()
  await closed
  await eventually(() => requests().length === 1)
  t.match(requests(), [{ route: '/echo', outcome: 'hijacked' }])

  const refused = new WebSocket(url)
  await new Promise((resolve) => refused.addEventListener('error', resolve))
  await eventually(() => requests().length === 2)
  t.match(requests()[1], { status: 429, outcome: 'refused', refusedBy: 'rate-limit' })
  t.same(warnings(), [])
})

t.test(
  'a proxy passes on what is within the limit, and a breaker watches what is behind',
  async (t) => {
    const behind = Fastify()
    t.teardown(() => behind.close())
    let calls = 0
    behind.get('/orders', async (_request, reply) => {
      calls++
      return reply.code(calls > 1 ? 500 : 200).send({ calls })
    })
    const upstream = `http://127.0.0.1:${await listen(behind)}`
    const { app, requests } = service(t)
    await app.register(holdfast, { lifecycle: quiet, rateLimit: { max: 4 } })
    await app.register(proxy, {
      upstream,
      prefix: '/shop',
      config: { circuitBreaker: { threshold: 2 } }
    })
    const url = `http://127.0.0.1:${await listen(app)}/shop/orders`
    const statuses = []
    for (let sent = 0; sent < 5; sent++) {
      const { statusCode, body } = await request(url)
      await body.dump()
      statuses.push(statusCode)
    }
    t.same(statuses, [200, 500, 500, 503, 429])
    t.equal(calls, 3, 'the fourth was refused by the breaker')
    await eventually(() => requests().length === 5)
    t.match(
      requests().map(({ outcome, refusedBy }) => refusedBy ?? outcome),
      ['ok', 'server-error', 'server-error', 'circuit-breaker', 'rate-limit']
    )
  }
)

t.test('WebSockets go through the proxy, each one line', async (t) => {
  const behind = Fastify()
  t.teardown(() => behind.close())
  await behind.register(websocket)
  behind.register(async (scope) => {
    scope.get('/echo', { websocket: true }, (socket) => {
      socket.on('message', (data: Buffer) => socket.send(String(data)))
    })
  })
  const upstream = `http://127.0.0.1:${await listen(behind)}`
  const { app, requests } = service(t)
  await app.register(holdfast, { lifecycle: quiet })
  await app.register(proxy, { upstream, websocket: true })
  const socket = new WebSocket(`ws://127.0.0.1:${await listen(app)}/echo`)
  const said = await new Promise((resolve) => {
    socket.addEventListener('message', ({ data }) => resolve(data))
    socket.addEventListener('open', () => socket.send('hello'))
  })
  t.equal(said, 'hello')
  const closed = new Promise((resolve) => socket.addEventListener('close', resolve))
  socket.close()
  await closed
  await eventually(() => requests().length === 1)
  t.match(requests(), [{ path: '/echo', outcome: 'hijacked' }])
})
