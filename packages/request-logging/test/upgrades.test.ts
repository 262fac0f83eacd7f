/**
 * Upgrades and CONNECT: taken, refused with an answer or without one, and left by the client.
 */
import websocket from '@fastify/websocket'
import { factsOf } from '@holdfast/core'
import { requestLogging } from '@holdfast/request-logging'
import { logController } from '@holdfast/request-logging/log-controller'
import Fastify from 'fastify'
import t from 'tap'
import { head, listen, rawConnection } from '../../../test/support/http.ts'
import { Log, loggedApp } from './support/log.ts'

t.test('an upgrade that nobody answers, and one whose client leaves', async (t) => {
  const { app, log } = loggedApp()
  t.teardown(() => app.close())
  app.server.on('upgrade', (request, socket) => {
    socket.on('error', () => {})
    if (request.url === '/cut') socket.destroy()
    else socket.on('end', () => socket.destroy()).resume()
  })
  const port = await listen(app)
  const upgrade = { Connection: 'Upgrade', Upgrade: 'echo' }
  const cut = await rawConnection(port)
  cut.write(head('GET /cut', upgrade))
  await cut.ended()
  t.match(await log.line(), {
    path: '/cut',
    outcome: 'refused',
    level: 40,
    msg: 'GET /cut refused'
  })
  const left = await rawConnection(port)
  left.write(head('GET /left', upgrade))
  left.socket.end()
  t.match((await log.lines(2))[1], { path: '/left', outcome: 'aborted', status: 499 })
})

t.test('an upgrade that is refused has the line of its answer', async (t) => {
  for (const plugins of [
    [websocket, requestLogging],
    [requestLogging, websocket]
  ] as const) {
    const written = new Log()
    const app = Fastify({ logger: { stream: written }, logController: logController() })
    for (const plugin of plugins) app.register(plugin)
    app.addHook('onRequest', async (request, reply) => {
      const { status } = request.query as { status?: string }
      if (status === '429') factsOf(request).refusedBy = 'rate-limit'
      if (status !== undefined) return reply.code(Number(status)).send('no')
    })
    app.register(async (scope) => {
      scope.get('/chat', { websocket: true }, (socket) => socket.close())
    })
    const port = await listen(app)
    for (const path of ['/chat?status=401', '/nowhere', '/chat?status=429', '/%zz', '/chat']) {
      const client = await rawConnection(port)
      client.write(
        head(`GET ${path}`, {
          Connection: 'Upgrade',
          Upgrade: 'websocket',
          'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
          'Sec-WebSocket-Version': '13'
        })
      )
      if (path === '/chat') await client.until(/101/)
      else await client.ended()
      client.destroy()
    }
    const lines = await written.lines(5)
    await app.close()
    t.match(
      lines.map(({ path, status, outcome, level }) => [path, status, outcome, level]),
      [
        ['/chat', 401, 'client-error', 30],
        ['/nowhere', 404, 'client-error', 30],
        ['/chat', 429, 'refused', 40],
        ['/%zz', 400, 'client-error', 30],
        ['/chat', undefined, 'hijacked', 30]
      ]
    )
  }
})

t.test('a CONNECT that nobody takes raises no alert', async (t) => {
  const { app, log } = loggedApp()
  t.teardown(() => app.close())
  const client = await rawConnection(await listen(app))
  client.write(head('CONNECT host:443'))
  await client.ended()
  t.match(await log.line(), {
    path: 'host:443',
    outcome: 'refused',
    level: 40,
    status: undefined,
    msg: 'CONNECT host:443 refused'
  })
})
