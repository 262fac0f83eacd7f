/**
 * Connections that are no plain HTTP/1: each is told to go, and none holds the exit.
 */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { ServerResponse } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { lifecycle } from '@holdfast/lifecycle'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { eventually, head, listen, rawConnection } from '../../../test/support/http.ts'
import { Connections } from '../dist/edges/connections.js'

const pem = (name: string): Buffer => readFileSync(new URL(`fixtures/${name}.pem`, import.meta.url))
const https = { key: pem('localhost-key'), cert: pem('localhost-cert') }

const OPTIONS = { drainDelay: 0, finishTimeout: '5s', closeTimeout: '2s', signals: false } as const

async function tlsConnection(port: number): Promise<TLSSocket> {
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
  socket.on('error', () => {})
  await new Promise((resolve) => socket.once('secureConnect', resolve))
  return socket
}

function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.resume().once('close', () => resolve()))
}

t.test('TLS: what is idle or still shakes hands is closed, what runs is answered', async (t) => {
  const app = Fastify({ https })
  app.register(lifecycle, OPTIONS)
  t.teardown(() => app.close())
  let answer = (): void => {}
  app.get('/', (_request, reply) => {
    answer = () => reply.send('done')
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const port = Number(new URL(app.listeningOrigin).port)
  const silent = await rawConnection(port)
  const left = await rawConnection(port)
  left.destroy()
  const idle = await tlsConnection(port)
  const busy = await tlsConnection(port)
  let received = ''
  busy.on('data', (chunk) => {
    received += chunk
  })
  busy.write(head('GET /'))
  await eventually(() => app.lifecycle.inFlight === 1)
  const shutdown = app.lifecycle.shutdown('test', { exit: false })
  await Promise.all([silent.ended(), closeOf(idle)])
  answer()
  await closeOf(busy)
  t.match(received, /connection: close[\s\S]*done/i)
  t.match(await shutdown, { finished: 1, cut: 0, clean: true })
})

t.test(
  'TLS on a Unix socket: every client that still shakes hands is let go at once',
  async (t) => {
    const app = Fastify({ https })
    app.register(lifecycle, { ...OPTIONS, finishTimeout: '30s' })
    t.teardown(() => app.close())
    app.get('/', async () => 'done')
    const path = join(tmpdir(), `holdfast-${process.pid}.sock`)
    await app.listen({ path })
    const silent = [connect(path), connect(path)]
    const ended = silent.map(closeOf)
    await Promise.all(silent.map((socket) => once(socket, 'connect')))
    const busy = connectTls({ path, rejectUnauthorized: false })
    await once(busy, 'secureConnect')
    busy.write(head('GET /'))
    await once(busy, 'data')
    t.match(await app.lifecycle.shutdown('test', { exit: false }), { clean: true, cut: 0 })
    await Promise.all(ended)
  }
)

t.test('HTTP/2 over TLS, with HTTP/1 beside it', async (t) => {
  const app = Fastify({ http2: true, https: { ...https, allowHTTP1: true } })
  app.register(lifecycle, OPTIONS)
  t.teardown(() => app.close())
  app.get('/', async () => 'done')
  await app.listen({ port: 0, host: '127.0.0.1' })
  const port = Number(new URL(app.listeningOrigin).port)
  const idle = await tlsConnection(port)
  const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false })
  session.on('error', () => {})
  const stream = session.request({ ':path': '/' }).resume()
  await new Promise((resolve) => stream.once('close', resolve))
  const gone = Promise.all([
    closeOf(idle),
    new Promise((resolve) => session.once('goaway', resolve)),
    new Promise((resolve) => session.once('close', resolve))
  ])
  t.match(await app.lifecycle.shutdown('test', { exit: false }), { clean: true })
  await gone
})

/** Takes upgrades as WebSocket plugins do. */
function takeUpgrades(app: FastifyInstance, routed: boolean): void {
  app.server.on('upgrade', (request, socket: Socket) => {
    if (routed) {
      const response = new ServerResponse(request)
      response.assignSocket(socket)
      app.routing(request, response)
    } else {
      socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n')
    }
  })
  app.get('/', (_request, reply) => {
    reply.hijack()
    reply.raw.socket?.write('HTTP/1.1 101 Switching Protocols\r\n\r\n')
  })
}

for (const routed of [true, false]) {
  t.test(
    `an upgraded connection (${routed ? 'routed' : 'raw'}) lives until the close`,
    async (t) => {
      const app = Fastify()
      app.register(lifecycle, OPTIONS)
      t.teardown(() => app.close())
      takeUpgrades(app, routed)
      const sockets: Socket[] = []
      app.server.on('upgrade', (_request, socket: Socket) => sockets.push(socket))
      app.addHook('preClose', async () => {
        sockets[0]?.end('goodbye')
      })
      const port = await listen(app)
      const polite = await rawConnection(port)
      const deaf = await rawConnection(port)
      for (const connection of [polite, deaf]) {
        connection.write(head('GET /', { connection: 'upgrade', upgrade: 'websocket' }))
        await connection.until(/101/)
      }
      await eventually(() => sockets.length === 2)
      t.equal(app.lifecycle.inFlight, 0, 'it is no request in flight')
      const report = app.lifecycle.shutdown('test', { exit: false })
      t.match(await polite.ended(), /goodbye/)
      await deaf.ended()
      t.match(await report, { cut: 0, clean: true })
    }
  )
}

t.test('a connection that is told twice to be a tunnel is one', async (t) => {
  const server = createServer()
  const connections = new Connections()
  connections.watch(server)
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const client = await rawConnection(address.port)
  const socket = await accepted
  const before = socket.listenerCount('close')
  connections.tunnel(socket)
  connections.tunnel(socket)
  t.equal(socket.listenerCount('close'), before + 1)
  connections.end(socket)
  t.equal(socket.destroyed, false, 'it is not ours to end')
  connections.stopListening()
  connections.stopListening()
  connections.disconnect()
  await client.ended()
  connections.release()
})
