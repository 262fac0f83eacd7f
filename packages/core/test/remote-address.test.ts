import { once } from 'node:events'
import { connect, type ServerHttp2Session } from 'node:http2'
import { connect as connectTls } from 'node:tls'
import { keepRemoteAddresses } from '@holdfast/core'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { listen, rawConnection } from '../../../test/support/http.ts'
import { twoAddresses } from './two-addresses.ts'

/** Serves one request, and answers with the address that is read once its client has hung up. */
function lastAddress(app: FastifyInstance): Promise<string | undefined> {
  return new Promise((resolve) => {
    app.get('/', (request, reply) => {
      reply.raw.once('close', () => setImmediate(() => resolve(request.ip)))
      reply.hijack()
      app.server.emit('served')
    })
  })
}

async function hangUpHttp1(app: FastifyInstance, host = '127.0.0.1', listenOn = host) {
  const port = await listen(app, listenOn)
  const connection = await rawConnection(port, host)
  app.server.once('served', () => connection.socket.resetAndDestroy())
  connection.write('GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n')
}

async function hangUpHttp2(app: FastifyInstance) {
  const session = connect(`http://127.0.0.1:${await listen(app)}`)
  session.on('error', () => {})
  const stream = session.request({ ':path': '/', 'x-forwarded-for': '192.0.2.7' })
  stream.on('error', () => {})
  app.server.once('served', () => stream.close(8))
  return session
}

t.test('the address of a client that hung up is known, over HTTP/1', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  keepRemoteAddresses(app)
  const address = lastAddress(app)
  await hangUpHttp1(app)
  t.equal(await address, '127.0.0.1')
})

t.test('the address of a client that hung up is known, over TLS', async (t) => {
  // A shared key in place of a certificate: real TLS, and no file to renew.
  const psk = Buffer.from('a key that both sides know')
  const shared = { ciphers: 'PSK', maxVersion: 'TLSv1.2' } as const
  const app = Fastify({ https: { ...shared, pskCallback: () => psk } })
  t.teardown(() => app.close())
  keepRemoteAddresses(app as unknown as FastifyInstance)
  const address = lastAddress(app as unknown as FastifyInstance)
  const port = await listen(app as unknown as FastifyInstance)
  const pskCallback = () => ({ psk, identity: 'test' })
  const checkServerIdentity = () => undefined
  const socket = connectTls({
    ...shared,
    host: '127.0.0.1',
    port,
    pskCallback,
    checkServerIdentity
  })
  socket.on('error', () => {})
  app.server.once('served', () => socket.destroy())
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  t.equal(await address, '127.0.0.1')
})

for (const [trustProxy, expected] of [
  [false, '127.0.0.1'],
  [['127.0.0.1'], '192.0.2.7']
] as const) {
  t.test(
    `the address of a client that reset its stream is known, trusting ${trustProxy}`,
    async (t) => {
      // A union of its options is none of the types that Fastify tells its servers apart by.
      const app = Fastify({ http2: true, trustProxy } as object)
      t.teardown(() => app.close())
      app.register(async (scope) => keepRemoteAddresses(scope))
      app.register(async (scope) => keepRemoteAddresses(scope))
      const address = lastAddress(app)
      const session = await hangUpHttp2(app)
      t.equal(await address, expected)
      session.close()
    }
  )
}

t.test('a session that another listener closes harms nothing', async (t) => {
  const app = Fastify({ http2: true } as object)
  t.teardown(() => app.close())
  app.server.once('session', (session: ServerHttp2Session) => session.destroy())
  keepRemoteAddresses(app)
  app.get('/', ({ ip }) => ip)
  const port = await listen(app)
  const closed = connect(`http://127.0.0.1:${port}`)
  closed.on('error', () => {})
  await once(closed, 'close')
  const session = connect(`http://127.0.0.1:${port}`)
  const [body] = await once(session.request({ ':path': '/' }).setEncoding('utf8'), 'data')
  t.equal(body, '127.0.0.1')
  session.close()
})

t.test('the second address of localhost is no exception', async (t) => {
  twoAddresses(t)
  const app = Fastify()
  t.teardown(() => app.close())
  keepRemoteAddresses(app)
  const address = lastAddress(app)
  await hangUpHttp1(app, '127.0.0.2', 'localhost')
  t.equal(await address, '127.0.0.1')
})

t.test('nothing of it is left on a server whose app has closed', async (t) => {
  const app = Fastify()
  const { server } = app
  const before = server.listenerCount('connection')
  keepRemoteAddresses(app)
  await listen(app)
  t.equal(server.listenerCount('connection'), before + 1)
  await app.close()
  t.equal(server.listenerCount('connection'), before)
})
