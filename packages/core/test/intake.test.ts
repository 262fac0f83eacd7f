import diagnosticsChannel from 'node:diagnostics_channel'
import { once } from 'node:events'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http'
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { factsOf, intake, onSettled } from '@holdfast/core'
import Fastify, { type FastifyHttpOptions, type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { eventually, head, listen, rawConnection } from '../../../test/support/http.ts'
import { Ledger } from './ledger.ts'
import { twoAddresses } from './two-addresses.ts'
import { warningsOf } from './warnings.ts'

const never = new Promise<never>(() => {})

/** An app whose every request is booked. */
async function start(
  t: Test,
  options: FastifyHttpOptions<Server> = {},
  routes: (app: FastifyInstance) => void = () => {}
): Promise<{ app: FastifyInstance; ledger: Ledger; port: number }> {
  const app = Fastify(options)
  const ledger = new Ledger()
  intake(app, ledger)
  app.get('/', () => 'ok')
  app.get('/never', () => never)
  app.get('/items/:id', () => 'ok')
  app.post('/', () => 'ok')
  app.post('/never', () => never)
  routes(app)
  t.teardown(() => {
    app.server.closeAllConnections()
    return app.close()
  })
  return { app, ledger, port: await listen(app) }
}

t.test('nothing of ours outlives the app', async (t) => {
  const channel = diagnosticsChannel.channel('http.server.request.start')
  const listeners = (app: FastifyInstance): string[] =>
    app.server.eventNames().map((name) => `${String(name)} ${app.server.listenerCount(name)}`)
  const resources = process.getActiveResourcesInfo().sort()
  const bare = Fastify()
  await listen(bare)
  await bare.close()
  const warnings: Error[] = []
  const collect = (warning: Error): void => {
    warnings.push(warning)
  }
  process.on('warning', collect)

  const apps = Array.from({ length: 20 }, () => {
    const app = Fastify()
    for (let plugin = 0; plugin < 12; plugin++) intake(app, new Ledger())
    return app
  })
  await Promise.all(apps.map((app) => listen(app)))
  t.equal(channel.hasSubscribers, true)
  for (const app of apps) {
    t.equal(channel.hasSubscribers, true)
    await app.close()
    t.strictSame(listeners(app), listeners(bare))
  }
  t.equal(channel.hasSubscribers, false)
  await eventually(() => process.getActiveResourcesInfo().length === resources.length)
  t.strictSame(process.getActiveResourcesInfo().sort(), resources)
  process.off('warning', collect)
  t.strictSame(warnings, [])
})

t.test('what came over one connection is booked once, line by line:', async (t) => {
  const chunked = { 'Content-Type': 'text/plain', 'Transfer-Encoding': 'chunked' }
  const sized = { 'Content-Type': 'text/plain', 'Content-Length': '4' }
  const cases: {
    name: string
    send: string
    booked: string[]
    answer?: RegExp
    options?: FastifyHttpOptions<Server>
  }[] = [
    { name: 'a request', send: head('GET /'), booked: ['GET / 200 finished'] },
    { name: 'an unknown route', send: head('GET /x'), booked: ['GET /x 404 finished'] },
    { name: 'a bad URL', send: head('GET /%zz'), booked: ['GET /%zz 400 finished'] },
    {
      name: 'an over-long parameter',
      send: head(`GET /items/${'1'.repeat(101)}`),
      booked: [`GET /items/${'1'.repeat(101)} 414 finished`]
    },
    {
      name: 'a missing Host',
      send: 'GET / HTTP/1.1\r\n\r\n',
      booked: ['GET / 400 finished']
    },
    {
      name: 'an unknown expectation',
      send: head('GET /', { Expect: 'a miracle' }),
      booked: ['GET / 417 finished']
    },
    {
      name: 'a malformed head',
      send: 'not http at all\r\n\r\n',
      booked: ['malformed HPE_INVALID_METHOD 400'],
      answer: /^HTTP\/1\.1 400 /
    },
    {
      name: 'a head that is too large',
      send: head('GET /', { Large: 'x'.repeat(20_000) }),
      booked: ['malformed HPE_HEADER_OVERFLOW 431'],
      answer: /^HTTP\/1\.1 431 /
    },
    {
      name: 'a body with a broken chunk',
      send: `${head('POST /', chunked)}4\r\nbody\r\nnot a size\r\n`,
      booked: ['POST / nothing aborted HPE_INVALID_CHUNK_SIZE 400'],
      answer: /^HTTP\/1\.1 400 /
    },
    {
      name: 'garbage after a complete request',
      send: `${head('GET /')}not http at all\r\n\r\n`,
      booked: ['GET / 200 aborted', 'malformed HPE_INVALID_METHOD 400'],
      answer: / 200 OK[\s\S]* 400 /
    },
    {
      name: 'pipelined requests',
      send: head('GET /') + head('GET /x') + head('GET /items/1'),
      booked: ['GET / 200 finished', 'GET /x 404 finished', 'GET /items/1 200 finished']
    },
    {
      name: 'an upgrade that nobody listens for',
      send: head('GET /', { Connection: 'upgrade', Upgrade: 'websocket' }),
      booked: ['GET / 200 finished'],
      answer: /^HTTP\/1\.1 200 /
    },
    {
      name: 'a CONNECT that nobody listens for',
      send: head('CONNECT example.org:80'),
      booked: ['CONNECT example.org:80 tunnel'],
      answer: /^$/
    },
    {
      name: 'more requests than a connection may carry',
      send: head('GET /') + head('GET /never'),
      booked: ['GET / 200 finished', 'GET /never 503 finished'],
      answer: /200 OK[\s\S]*503 Service Unavailable/,
      options: { maxRequestsPerSocket: 1 }
    },
    {
      name: 'a POST',
      send: `${head('POST /', sized)}body`,
      booked: ['POST / 200 finished']
    }
  ]
  for (const { name, send, booked, answer = /^HTTP/, options } of cases) {
    await t.test(name, async (t) => {
      const { ledger, port } = await start(t, options)
      const connection = await rawConnection(port)
      connection.write(send)
      await eventually(() => ledger.isSettled(booked.length))
      connection.socket.end()
      t.match(await connection.ended(), answer)
      t.strictSame(ledger.lines, booked)
    })
  }
})

t.test('pipelined requests whose client leaves during the first settle as aborted', async (t) => {
  const { ledger, port } = await start(t)
  const connection = await rawConnection(port)
  connection.write(head('GET /never') + head('GET /') + head('GET /x'))
  await eventually(() => ledger.entries.length === 3)
  // The second and the third are answered; their turn never comes.
  await eventually(() => ledger.entries[1]?.response.writableEnded === true)
  connection.destroy()
  await eventually(() => ledger.isSettled(3))
  t.strictSame(ledger.lines, [
    'GET /never nothing aborted',
    'GET / 200 aborted',
    'GET /x 404 aborted'
  ])
})

t.test('a pipelined POST that was read before its client leaves settles as aborted', async (t) => {
  const { ledger, port } = await start(t)
  const connection = await rawConnection(port)
  const headers = { 'Content-Type': 'text/plain', 'Content-Length': '4' }
  connection.write(
    `${head('GET /never')}${head('POST /', headers)}body${head('POST /never', headers)}body`
  )
  await eventually(() => ledger.entries.length === 3)
  await eventually(() => ledger.entries[2]?.request.readableEnded === true)
  connection.destroy()
  await eventually(() => ledger.isSettled(3))
  t.strictSame(ledger.lines, [
    'GET /never nothing aborted',
    'POST / 200 aborted',
    'POST /never nothing aborted'
  ])
})

t.test('a half-sent head that times out is one malformed record', async (t) => {
  const { ledger, port } = await start(t, {
    requestTimeout: 50,
    http: { headersTimeout: 50, connectionsCheckingInterval: 20 }
  })
  const connection = await rawConnection(port)
  connection.write('GET / HTTP/1.1\r\nHost: loc')
  t.match(await connection.ended(), /^HTTP\/1\.1 408 /)
  t.strictSame(ledger.lines, ['malformed ERR_HTTP_REQUEST_TIMEOUT 408'])
})

t.test('a half-sent body that times out is a fact of its request', async (t) => {
  const { ledger, port } = await start(t, {
    requestTimeout: 50,
    http: { headersTimeout: 50, connectionsCheckingInterval: 20 }
  })
  const connection = await rawConnection(port)
  connection.write(`${head('POST /', { 'Content-Type': 'text/plain', 'Content-Length': '4' })}bo`)
  t.match(await connection.ended(), /^HTTP\/1\.1 408 /)
  await eventually(() => ledger.isSettled(1))
  t.strictSame(ledger.lines, ['POST / nothing aborted ERR_HTTP_REQUEST_TIMEOUT 408'])
})

t.test('a client that leaves in the middle of its body is aborted, not malformed', async (t) => {
  const { ledger, port } = await start(t)
  const sized = { 'Content-Type': 'text/plain', 'Content-Length': '10' }
  const chunked = { 'Content-Type': 'text/plain', 'Transfer-Encoding': 'chunked' }
  const halves = [`${head('POST /', sized)}body`, `${head('POST /', chunked)}4\r\nbody\r\n`]
  let sent = 0
  for (const half of halves) {
    for (const leave of ['end', 'destroy'] as const) {
      const connection = await rawConnection(port)
      connection.write(half)
      sent++
      await eventually(() => ledger.entries.length === sent)
      connection.socket[leave]()
      await eventually(() => ledger.isSettled(sent))
    }
  }
  t.strictSame(ledger.lines, Array(4).fill('POST / nothing aborted'))
})

t.test(
  'a connection left open after malformed bytes is one record, not one per packet',
  async (t) => {
    const errors: string[] = []
    const { ledger, port } = await start(t, {
      clientErrorHandler(error) {
        errors.push(error.code)
      }
    })
    const connection = await rawConnection(port)
    for (let packet = 1; packet < 4; packet++) {
      connection.write('not http at all\r\n\r\n')
      await eventually(() => errors.length === packet)
    }
    connection.destroy()
    t.strictSame(ledger.lines, ['malformed HPE_INVALID_METHOD 400'])
  }
)

t.test('a connection that fails without a request is no record', async (t) => {
  const { app, ledger, port } = await start(t)
  const [, [socket]] = await Promise.all([rawConnection(port), once(app.server, 'connection')])
  app.server.emit('clientError', Object.assign(new Error('reset'), { code: 'ECONNRESET' }), socket)
  app.server.emit('clientError', new Error('no code'), socket)
  t.strictSame(ledger.lines, [])
})

t.test('a request refused while closing is booked', async (t) => {
  const { app, ledger, port } = await start(t, {}, (app) => {
    app.addHook('preClose', async () => {
      connection.write(head('GET /items/1'))
      await connection.until(/ 503 /)
    })
  })
  const connection = await rawConnection(port)
  connection.write(head('GET /'))
  await connection.until(/ok$/)
  await app.close()
  t.match(await connection.ended(), / 503 /)
  t.strictSame(ledger.lines, ['GET / 200 finished', 'GET /items/1 503 finished'])
})

t.test('an upgrade or a CONNECT that somebody takes is a tunnel', async (t) => {
  const { app, ledger, port } = await start(t)
  const taken: string[] = []
  const take = (request: IncomingMessage, socket: Socket): void => {
    taken.push(`${request.method} ${request.url} ${factsOf(request).startedAt > 0}`)
    socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n')
  }
  const upgrade = { Connection: 'upgrade', Upgrade: 'websocket' }
  app.server.on('upgrade', take)
  app.server.on('connect', take)
  for (const text of [head('GET /chat', upgrade), head('CONNECT example.org:80')]) {
    const connection = await rawConnection(port)
    connection.write(text)
    t.match(await connection.ended(), / 101 /)
  }
  t.strictSame(taken, ['GET /chat true', 'CONNECT example.org:80 true'])
  t.strictSame(ledger.lines, ['GET /chat tunnel', 'CONNECT example.org:80 tunnel'])

  app.server.off('upgrade', take)
  t.equal(app.server.listenerCount('upgrade'), 0, 'nothing of ours stays behind alone')
  const connection = await rawConnection(port)
  connection.write(head('GET /', upgrade))
  t.match(await connection.until(/ok$/), / 200 /, 'without a listener it is a plain request')
  t.equal(ledger.lines[0], 'GET / 200 finished')
  connection.destroy()
})

t.test('an upgrade that is routed is a request, and settles with its socket', async (t) => {
  // As WebSocket plugins do it: the listener was there before the intake.
  const app = Fastify()
  const sockets: Socket[] = []
  app.server.on('upgrade', (request, socket: Socket) => {
    sockets.push(socket)
    socket.on('end', () => socket.end()).resume()
    const response = new ServerResponse(request)
    response.assignSocket(socket)
    app.routing(request, response)
  })
  const ledger = new Ledger()
  intake(app, ledger)
  app.get('/chat', (_, reply) => {
    reply.hijack()
    sockets.at(-1)?.write('HTTP/1.1 101 Switching Protocols\r\n\r\n')
  })
  const port = await listen(app)
  const upgrade = { Connection: 'upgrade', Upgrade: 'websocket' }
  const connection = await rawConnection(port)
  connection.write(head('GET /chat', upgrade))
  await connection.until(/ 101 /)
  t.strictSame(ledger.lines, ['GET /chat open'])
  connection.destroy()
  await eventually(() => ledger.isSettled(1))
  t.strictSame(ledger.lines, ['GET /chat nothing aborted'])

  const bad = await rawConnection(port)
  bad.write(head('GET /%zz', upgrade))
  t.match(await bad.ended(), / 400 /, 'what no hook ever sees is answered and closed, too')
  await eventually(() => ledger.isSettled(2))
  t.equal(ledger.lines.at(-1), 'GET /%zz 400 finished')
  await app.close()
  t.equal(app.server.listenerCount('upgrade'), 1)
})

t.test('an injected request is booked when it meets the first hook', async (t) => {
  const app = Fastify()
  app.get('/early', () => 'ok')
  app.register(async (scope) => {
    scope.get('/early-scope', () => 'ok')
  })
  // Nobody awaits anything, and the plugin that wants the intake sits in a scope.
  app.register(async (scope) => {
    intake(scope, ledger)
    scope.get('/own', () => 'ok')
  })
  const ledger = new Ledger()
  app.get('/hijack', (_, reply) => {
    reply.hijack()
    reply.raw.end('ok')
  })
  app.get('/destroy', (_, reply) => {
    reply.hijack()
    reply.raw.destroy()
  })
  for (const url of ['/early', '/early-scope', '/own', '/hijack', '/nowhere', '/destroy', '/%zz']) {
    await app.inject(url).catch(() => {})
  }
  await eventually(() => ledger.isSettled(6))
  await app.close()
  t.strictSame(ledger.lines, [
    'GET /early 200 finished',
    'GET /early-scope 200 finished',
    'GET /own 200 finished',
    'GET /hijack 200 finished',
    'GET /nowhere 404 finished',
    'GET /destroy nothing cut'
  ])
})

t.test('who joined a response before the intake is not forgotten', async (t) => {
  const app = Fastify()
  const told: string[] = []
  app.addHook('onRequest', (_, reply, done) => {
    onSettled(reply.raw, (_, ending) => told.push(ending))
    done()
  })
  const ledger = new Ledger()
  intake(app, ledger)
  app.get('/', () => 'ok')
  await app.inject('/')
  await eventually(() => ledger.isSettled(1))
  t.strictSame(told, ['finished'])
  await app.close()
})

t.test('who joined a response before Node announced it to the intake is told once', async (t) => {
  const told: string[] = []
  const join = (message: unknown): void => {
    const { response } = message as { response: ServerResponse }
    onSettled(response, (_, ending) => told.push(ending))
  }
  diagnosticsChannel.subscribe('http.server.request.start', join)
  t.teardown(() => diagnosticsChannel.unsubscribe('http.server.request.start', join))
  const app = Fastify()
  const ledger = new Ledger()
  intake(app, ledger)
  app.get('/', () => 'ok')
  const connection = await rawConnection(await listen(app))
  connection.write(head('GET /', { Connection: 'close' }))
  await connection.ended()
  await eventually(() => ledger.isSettled(1))
  t.strictSame(told, ['finished'])
  await app.close()
})

t.test('of several listeners the one that joined last is told of the end first', async (t) => {
  const app = Fastify()
  const told: string[] = []
  for (const name of ['one', 'two']) {
    intake(app, { request() {}, settled: (_, ending) => told.push(`${name} ${ending}`) })
  }
  app.get('/', (_, reply) => {
    onSettled(reply.raw, (_, ending) => told.push(`route ${ending}`))
    return 'ok'
  })
  await app.inject('/')
  await eventually(() => told.length === 3)
  t.strictSame(told, ['route finished', 'two finished', 'one finished'])
  await app.close()
})

t.test('what was taken in before the app closed is told of its end', async (t) => {
  const { app, ledger } = await start(t)
  const aborted = new AbortController()
  const injected = app.inject({ url: '/never', signal: aborted.signal })
  await eventually(() => ledger.entries.length === 1)
  await app.close()
  aborted.abort()
  await t.rejects(injected)
  ledger.entries[0]?.response.destroy()
  await eventually(() => ledger.isSettled(1))
})

t.test(
  'an app that hands its requests on to another one is told of their end, and so is the other',
  async (t) => {
    const inner = Fastify()
    const innerLedger = new Ledger()
    intake(inner, innerLedger)
    inner.get('/', () => 'ok')
    await inner.ready()
    const { ledger, port } = await start(t, {}, (app) => {
      app.get('/mounted', (request, reply) => {
        reply.hijack()
        request.raw.url = '/'
        inner.routing(request.raw, reply.raw)
      })
    })
    const connection = await rawConnection(port)
    connection.write(head('GET /mounted', { Connection: 'close' }))
    t.match(await connection.ended(), /200 OK/)
    await eventually(() => ledger.isSettled(1) && innerLedger.isSettled(1))
    t.strictSame(innerLedger.lines, ledger.lines)
    await inner.close()
  }
)

t.test('HTTP/2 requests are booked', async (t) => {
  const app = Fastify({ http2: true })
  const ledger = new Ledger()
  // Fastify's types tell HTTP/2 apart; for core an app is an app.
  intake(app as unknown as FastifyInstance, ledger)
  app.get('/', () => 'ok')
  app.get('/never', () => never)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const session = connectHttp2(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`)
  session.on('error', () => {})
  t.equal(await statusOf(session, { ':path': '/' }), 200)
  t.equal(await statusOf(session, { ':path': '/x' }), 404)
  t.equal(await statusOf(session, { ':path': '/%zz' }), 400)
  t.equal(await statusOf(session, { ':path': '/', expect: 'a miracle' }), 417)
  t.equal(await statusOf(session, { ':method': 'CONNECT', ':authority': 'example.org:80' }), 405)

  const reset = session.request({ ':path': '/never' })
  reset.on('error', () => {})
  await eventually(() => ledger.entries.length === 6)
  reset.close(8)
  await eventually(() => ledger.isSettled(6))

  const cut = session.request({ ':path': '/never' })
  cut.on('error', () => {})
  await eventually(() => ledger.entries.length === 7)
  const { stream } = ledger.entries[6]!.response as unknown as {
    stream: { session: { destroy(): void } }
  }
  stream.session.destroy()
  await eventually(() => ledger.isSettled(7))
  await app.close()
  t.strictSame(ledger.lines, [
    'GET / 200 finished',
    'GET /x 404 finished',
    'GET /%zz 400 finished',
    'GET / 417 finished',
    'CONNECT  405 finished',
    'GET /never nothing aborted',
    'GET /never nothing cut'
  ])
})

t.test('HTTP/2 expectations and CONNECT stay with whoever listens for them', async (t) => {
  const app = Fastify({ http2: true })
  const ledger = new Ledger()
  intake(app as unknown as FastifyInstance, ledger)
  const answer = (_: unknown, response: ServerResponse): void => {
    response.writeHead(299).end()
  }
  app.server.on('checkExpectation', answer)
  app.server.on('connect', answer)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const session = connectHttp2(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`)
  t.equal(await statusOf(session, { ':path': '/', expect: 'a miracle' }), 299)
  t.equal(await statusOf(session, { ':method': 'CONNECT', ':authority': 'example.org:80' }), 299)
  await eventually(() => ledger.isSettled(2))
  session.close()
  await app.close()
})

t.test('one TLS server with HTTP/1 and HTTP/2 books each request once', async (t) => {
  // A shared key in place of a certificate: real TLS, and no file to renew.
  const psk = Buffer.from('a key that both sides know')
  const shared = { ciphers: 'PSK', maxVersion: 'TLSv1.2' } as const
  const app = Fastify({
    http2: true,
    https: { ...shared, allowHTTP1: true, pskCallback: () => psk }
  })
  const ledger = new Ledger()
  intake(app as unknown as FastifyInstance, ledger)
  app.get('/', () => 'ok')
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const secure = (protocol: string): TLSSocket =>
    connectTls({
      ...shared,
      host: '127.0.0.1',
      port,
      ALPNProtocols: [protocol],
      checkServerIdentity: () => undefined,
      pskCallback: () => ({ psk, identity: 'test' })
    })
  const talk = async (text: string): Promise<string> => {
    const socket = secure('http/1.1')
    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk
    })
    socket.on('error', () => {})
    socket.write(text)
    await once(socket, 'close')
    return answer
  }
  const last = { Connection: 'close' }
  t.match(await talk(head('GET /') + head('GET /%zz', last)), / 200 [\s\S]* 400 /)
  t.match(await talk(head('GET /', { Expect: 'a miracle', ...last })), / 417 /)
  t.equal(await talk(head('CONNECT example.org:80')), '')
  const session = connectHttp2('https://localhost', { createConnection: () => secure('h2') })
  t.equal(await statusOf(session, { ':path': '/' }), 200)
  session.close()
  await eventually(() => ledger.isSettled(5))
  await app.close()
  t.strictSame(ledger.lines, [
    'GET / 200 finished',
    'GET /%zz 400 finished',
    'GET / 417 finished',
    'GET / 200 finished',
    'CONNECT example.org:80 tunnel'
  ])
})

t.test('every address of the app is seen, and answers what is malformed', async (t) => {
  twoAddresses(t)
  const app = Fastify()
  const ledger = new Ledger()
  intake(app, ledger)
  app.get('/', () => 'ok')
  const port = await listen(app, 'localhost')
  t.equal(app.addresses().length, 2)
  for (const host of ['127.0.0.1', '127.0.0.2']) {
    const connection = await rawConnection(port, host)
    connection.write(head('GET /') + head('GET /%zz'))
    await connection.until(/ 400 /)
    connection.destroy()
    const broken = await rawConnection(port, host)
    broken.write('not http at all\r\n\r\n')
    t.match(await broken.ended(), /400 Bad Request[\s\S]*Client Error/)
  }
  const tunnel = await rawConnection(port, '127.0.0.2')
  tunnel.write(head('GET /', { Connection: 'upgrade', Upgrade: 'websocket' }))
  const connect = await rawConnection(port, '127.0.0.2')
  connect.write(head('CONNECT example.org:80'))
  await connect.ended()
  // Handed on by the second server to the first, where somebody takes it.
  app.server.once('upgrade', (_request, socket: Socket) => socket.end())
  const taken = await rawConnection(port, '127.0.0.2')
  taken.write(head('GET /chat', { Connection: 'upgrade', Upgrade: 'websocket' }))
  await taken.ended()
  await eventually(() => ledger.isSettled(9))
  tunnel.destroy()
  await app.close()
  t.strictSame(ledger.lines, [
    'GET / 200 finished',
    'GET /%zz 400 finished',
    'GET / 200 finished',
    'GET /%zz 400 finished',
    'GET / tunnel',
    'CONNECT example.org:80 tunnel',
    'GET /chat tunnel',
    'malformed HPE_INVALID_METHOD 400',
    'malformed HPE_INVALID_METHOD 400'
  ])
})

t.test('a server that hands its requests to the app is seen', async (t) => {
  const { app, ledger } = await start(t)
  await app.ready()
  const known = createServer(app.routing)
  const wrapped = createServer((request, response) => app.routing(request, response))
  const stranger = createServer((_, response) => response.end('ok'))
  for (const server of [known, wrapped, stranger]) {
    const connection = await rawConnection(await open(server))
    connection.write(head('GET /') + head('GET /%zz'))
    await connection.until(/200 OK[\s\S]*HTTP.1.1 \d/)
    connection.destroy()
  }
  // Behind a server it cannot know the app sees what its hooks see.
  t.strictSame(ledger.lines, ['GET / 200 finished', 'GET /%zz 400 finished', 'GET / 200 finished'])

  const connection = await rawConnection((wrapped.address() as AddressInfo).port)
  connection.write(head('GET /never') + head('GET /'))
  await eventually(() => ledger.entries.length === 5)
  connection.destroy()
  await eventually(() => ledger.isSettled(5))
  t.strictSame(ledger.lines.slice(3), ['GET /never nothing aborted', 'GET / 200 aborted'])
  for (const server of [known, wrapped, stranger]) server.close()
})

t.test('a Unix socket is an address like any other', async (t) => {
  const app = Fastify()
  const ledger = new Ledger()
  intake(app, ledger)
  app.get('/', () => 'ok')
  const path = join(tmpdir(), `holdfast-${process.pid}.sock`)
  await app.listen({ path })
  const connection = await rawConnection(path)
  connection.write(`${head('GET /')}${head('GET /%zz')}not http at all\r\n\r\n`)
  await connection.ended()
  await eventually(() => ledger.isSettled(3))
  await app.close()
  t.equal(ledger.entries.length, 2)
  t.equal(ledger.refused.length, 1)
})

t.test(
  'two apps in one process hear of their own requests, and of those they pass on',
  async (t) => {
    const inner = await start(t)
    const outer = await start(t, {}, (app) => {
      app.get('/inner', (request, reply) => {
        reply.hijack()
        request.raw.url = '/items/1'
        inner.app.routing(request.raw, reply.raw)
      })
    })
    for (const [port, path] of [
      [inner.port, '/%zz'],
      [outer.port, '/inner']
    ] as const) {
      const connection = await rawConnection(port)
      connection.write(head(`GET ${path}`, { Connection: 'close' }))
      await connection.ended()
    }
    t.strictSame(outer.ledger.lines, ['GET /items/1 200 finished'])
    t.strictSame(inner.ledger.lines, ['GET /%zz 400 finished', 'GET /items/1 200 finished'])
  }
)

t.test('two copies of core share an app, its facts and its endings', async (t) => {
  const folder = await mkdtemp(fileURLToPath(new URL('../node_modules/.copy-', import.meta.url)))
  t.teardown(() => rm(folder, { recursive: true }))
  const dist = fileURLToPath(new URL('../dist', import.meta.url))
  await cp(dist, join(folder, 'dist'), { recursive: true })
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  const copy: typeof import('@holdfast/core') = await import(
    pathToFileURL(join(folder, 'dist/index.js')).href
  )
  t.not(copy.factsOf, factsOf)

  const { app, ledger, port } = await start(t)
  const told: string[] = []
  copy.intake(app, {
    request(request, response) {
      copy.factsOf(request).deadline = 1
      copy.onSettled(response, (_, ending) => told.push(`${request.url} ${ending}`))
    },
    tunnel: (request) => told.push(`${request.url} tunnel`),
    malformed: ({ code }) => told.push(code)
  })
  const connection = await rawConnection(port)
  connection.write(`${head('GET /') + head('GET /never') + head('GET /%zz')}`)
  await eventually(() => ledger.entries.length === 3)
  await connection.until(/ 200 /)
  connection.destroy()
  await eventually(() => ledger.isSettled(3))
  t.strictSame(told.sort(), ['/ finished', '/%zz aborted', '/never aborted'])
  for (const { request } of ledger.entries) t.equal(factsOf(request).deadline, 1)

  const take = (_: unknown, socket: Socket): unknown => socket.end('HTTP/1.1 101 Take it\r\n\r\n')
  app.server.on('upgrade', take)
  for (const text of [
    head('GET /up', { Connection: 'upgrade', Upgrade: 'websocket' }),
    head('CONNECT example.org:80'),
    'not http at all\r\n\r\n'
  ]) {
    const one = await rawConnection(port)
    one.write(text)
    await one.ended()
  }
  app.server.off('upgrade', take)
  t.equal(app.server.listenerCount('upgrade'), 0)
  t.strictSame(told.slice(3), ['/up tunnel', 'example.org:80 tunnel', 'HPE_INVALID_METHOD'])
  t.equal(ledger.lines.length, 6)
})

t.test('a listener that throws or rejects is reported once and harms nobody', async (t) => {
  const warnings = warningsOf(t)
  const throws = (what: string) => (): never => {
    throw new Error(what)
  }
  const { app, ledger, port } = await start(t, {}, (app) => {
    intake(app, { request: throws('on request') })
    intake(app, { request: async () => throws('later')() })
    intake(app, { request() {}, settled: throws('on the end') })
    intake(app, { request() {}, tunnel: throws('on tunnel'), malformed: throws('on malformed') })
  })
  const behind = new Ledger()
  intake(app, behind)
  for (const text of [
    head('GET /'),
    head('GET /'),
    head('CONNECT a:1'),
    'not http at all\r\n\r\n'
  ]) {
    const connection = await rawConnection(port)
    connection.write(text)
    connection.socket.end()
    await connection.ended()
  }
  await eventually(() => warnings.length === 4)
  t.equal(behind.lines.length, 4)
  t.strictSame(behind.lines, ledger.lines)
  for (const where of ['on request', 'later', 'on the end', 'on tunnel']) {
    t.equal(warnings.filter(({ message }) => message.includes(`Error: ${where}`)).length, 1, where)
  }
})

/** The status of one answer over HTTP/2. */
async function statusOf(
  session: ClientHttp2Session,
  headers: Record<string, string>
): Promise<number | undefined> {
  const stream = session.request(headers)
  const [answer] = await once(stream, 'response')
  stream.resume()
  stream.end()
  if (!stream.closed) await once(stream, 'close')
  return answer[':status']
}

async function open(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}
