import { once } from 'node:events'
import { createServer, type Server, ServerResponse } from 'node:http'
import { type ClientHttp2Stream, connect as connectHttp2, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { Readable } from 'node:stream'
import { defineError, type Ending, onSettled, refuse } from '@holdfast/core'
import Fastify, { type FastifyReply } from 'fastify'
import t from 'tap'
import {
  eventually,
  head,
  listen,
  type RawConnection,
  rawConnection
} from '../../../test/support/http.ts'
import { warningsOf } from './warnings.ts'

const never = new Promise<never>(() => {})

/** A stream that gives a little and then waits for ever. */
function endless(): Readable {
  const stream = new Readable({ read() {} })
  stream.push('data: 1\n\n')
  return stream
}

interface Case {
  readonly name: string
  readonly handler: (reply: FastifyReply, settled: Promise<unknown>) => unknown
  /** What the client does once the handler runs. */
  readonly client?: (connection: RawConnection) => unknown
  readonly ending: Ending
  readonly status?: number
}

/** What the service ends midway, over either version of HTTP. */
const CUT_MIDWAY: readonly {
  name: string
  handler(reply: FastifyReply): unknown
  ending: 'cut'
}[] = [
  {
    name: 'a hijacked reply that is destroyed',
    handler: (reply) => {
      reply.hijack()
      reply.raw.write('a')
      setImmediate(() => reply.raw.destroy())
    },
    ending: 'cut'
  },
  {
    name: 'a stream that fails midway',
    handler: (reply) => {
      const stream = endless()
      setImmediate(() => stream.destroy(new Error('the disk is gone')))
      return reply.send(stream)
    },
    ending: 'cut'
  }
]

const CASES: readonly Case[] = [
  { name: 'a normal answer', handler: () => 'ok', ending: 'finished', status: 200 },
  {
    name: 'a handler that throws',
    handler: () => {
      throw new Error('out of paper')
    },
    ending: 'finished',
    status: 500
  },
  {
    name: 'a handler that runs into handlerTimeout',
    handler: () => never,
    ending: 'finished',
    status: 503
  },
  {
    name: 'a hijacked reply that is ended',
    handler: (reply) => {
      reply.hijack()
      reply.raw.end('ok')
    },
    ending: 'finished',
    status: 200
  },
  ...CUT_MIDWAY,
  {
    name: 'a client that leaves, and the handler answers later',
    handler: async (_, settled) => {
      await settled
      return 'too late'
    },
    client: (connection) => connection.destroy(),
    ending: 'aborted'
  },
  {
    name: 'a client that leaves, and the handler hangs',
    handler: () => never,
    client: (connection) => connection.destroy(),
    ending: 'aborted'
  },
  {
    name: 'a client that resets its connection',
    handler: () => never,
    client: (connection) => connection.socket.resetAndDestroy(),
    ending: 'aborted'
  },
  {
    name: 'a client that ends its side',
    handler: () => never,
    client: (connection) => connection.socket.end(),
    ending: 'aborted'
  },
  {
    name: 'a client that leaves an event stream',
    handler: (reply) => reply.header('content-type', 'text/event-stream').send(endless()),
    client: async (connection) => {
      await connection.until(/data: 1/)
      connection.destroy()
    },
    ending: 'aborted'
  },
  {
    name: 'a client that leaves in the middle of an answer that is written',
    handler: () => Buffer.alloc(50e6),
    client: async (connection) => {
      await once(connection.socket, 'data')
      connection.destroy()
    },
    ending: 'aborted'
  },
  {
    name: 'a service that closes the connection once the answer is written',
    handler: (reply) => {
      reply.hijack()
      reply.raw.once('finish', () => reply.raw.req.socket.destroy())
      reply.raw.end('ok')
    },
    ending: 'finished',
    status: 200
  },
  {
    name: 'a client that ends its side, and the handler answers at once',
    handler: async (reply) => {
      await once(reply.raw.req.socket, 'end')
      return 'too late'
    },
    client: (connection) => connection.socket.end(),
    ending: 'aborted'
  },
  {
    name: 'a service that closes the connection in the middle of an answer that is written',
    handler: (reply) => {
      setImmediate(() => reply.raw.req.socket.destroy())
      return Buffer.alloc(50e6)
    },
    ending: 'cut'
  }
]

t.test('a response settles once over a socket, with its true ending:', async (t) => {
  for (const { name, handler, client, ending, status } of CASES) {
    // The body of a POST was read when its client leaves: Node then calls nothing aborted.
    for (const method of ['GET', 'POST']) {
      // Fastify takes the end of a body for a client that left, and then answers no timeout.
      if (method === 'POST' && status === 503) continue
      await t.test(`${method}, ${name}`, async (t) => {
        const app = Fastify({ handlerTimeout: status === 503 ? 20 : 0 })
        const endings: Ending[] = []
        const [settled, settle] = signal()
        const [entered, enter] = signal()
        const done: unknown[] = []
        app.addHook('onRequest', (_, reply, next) => {
          onSettled(reply.raw, (response, how) => {
            t.equal(response, reply.raw)
            endings.push(how)
            settle()
          })
          next()
        })
        app.addHook('onSend', async () => {
          if (endings.length > 0) done.push('answered late')
        })
        let raw: ServerResponse | undefined
        app.route({
          url: '/',
          method,
          handler: (_, reply) => {
            raw = reply.raw
            enter()
            return handler(reply, settled)
          }
        })
        const connection = await rawConnection(await listen(app))
        const body = { 'Content-Type': 'text/plain', 'Content-Length': '4' }
        connection.write(method === 'POST' ? `${head('POST /', body)}body` : head('GET /'))
        await entered
        await client?.(connection)
        await settled
        if (status !== undefined) t.match(await connection.until(/\r\n\r\n/), ` ${status} `)
        if (name.includes('later')) await eventually(() => done.length === 1)
        connection.destroy()
        app.server.closeAllConnections()
        await app.close()
        onSettled(raw as ServerResponse, (_, how) => endings.push(how))
        t.strictSame(endings, [ending, ending], 'told once, and the same to who asks afterwards')
      })
    }
  }
})

t.test('a response settles once when it is injected:', async (t) => {
  const cases: { name: string; handler: (reply: FastifyReply) => unknown; ending: Ending }[] = [
    { name: 'a normal answer', handler: () => 'ok', ending: 'finished' },
    { name: 'no body', handler: (reply) => reply.code(204).send(), ending: 'finished' },
    {
      name: 'a hijacked reply that is ended',
      handler: (reply) => reply.hijack().raw.end('ok'),
      ending: 'finished'
    },
    {
      name: 'a hijacked reply that is destroyed',
      handler: (reply) => reply.hijack().raw.destroy(),
      ending: 'cut'
    },
    {
      name: 'a stream that fails midway',
      handler: (reply) => {
        const stream = endless()
        setImmediate(() => stream.destroy(new Error('the disk is gone')))
        return reply.send(stream)
      },
      ending: 'cut'
    }
  ]
  for (const { name, handler, ending } of cases) {
    for (const method of ['GET', 'HEAD', 'POST'] as const) {
      const app = Fastify()
      const endings: Ending[] = []
      app.addHook('onRequest', (_, reply, next) => {
        onSettled(reply.raw, (_, how) => endings.push(how))
        next()
      })
      app.route({
        url: '/',
        method,
        handler: (_, reply) => {
          const result = handler(reply)
          return reply.sent ? reply : result
        }
      })
      const answer = app.inject({ method, url: '/', ...(method === 'POST' && { payload: {} }) })
      await answer.catch(() => {})
      await eventually(() => endings.length > 0)
      await app.close()
      t.strictSame(endings, [ending], `${method}, ${name}`)
    }
  }
})

t.test('a response settles once over HTTP/2:', async (t) => {
  interface Http2Case {
    readonly name: string
    readonly handler: (reply: FastifyReply) => unknown
    readonly client?: (stream: ClientHttp2Stream) => unknown
    readonly method?: string
    readonly ending: Ending
  }
  const cases: readonly Http2Case[] = [
    { name: 'a normal answer', handler: () => 'ok', ending: 'finished' },
    { name: 'a HEAD request', method: 'HEAD', handler: () => 'ok', ending: 'finished' },
    {
      name: 'a client that resets its stream before the answer',
      handler: () => never,
      client: (stream) => stream.close(8),
      ending: 'aborted'
    },
    {
      name: 'a client that resets its stream without an error',
      handler: () => never,
      client: (stream) => stream.close(0),
      ending: 'aborted'
    },
    {
      name: 'a client that resets its stream in the middle of an answer that is written',
      handler: () => Buffer.alloc(5e6),
      client: async (stream) => {
        await once(stream, 'response')
        stream.close(8)
      },
      ending: 'aborted'
    },
    {
      name: 'a client whose connection is lost',
      handler: () => never,
      client: (stream) => stream.session?.destroy(),
      ending: 'aborted'
    },
    ...CUT_MIDWAY,
    {
      name: 'a stream that is destroyed with an error',
      handler: (reply) => {
        const { stream } = reply.raw as unknown as { stream: ServerHttp2Stream }
        stream.on('error', () => {})
        setImmediate(() => stream.destroy(new Error('out of paper')))
        return never
      },
      ending: 'cut'
    },
    {
      name: 'a server that destroys the session',
      handler: (reply) => {
        const { stream } = reply.raw as unknown as { stream: ServerHttp2Stream }
        setImmediate(() => stream.session?.destroy())
        return never
      },
      ending: 'cut'
    }
  ]
  for (const { name, handler, client, method = 'GET', ending } of cases) {
    await t.test(name, async (t) => {
      const app = Fastify({ http2: true })
      const endings: Ending[] = []
      const [settled, settle] = signal()
      const [entered, enter] = signal()
      let raw: ServerResponse | undefined
      app.addHook('onRequest', (_, reply, next) => {
        // Fastify types the raw response of either version as Node's own.
        raw = reply.raw as unknown as ServerResponse
        onSettled(raw, (_, how) => {
          endings.push(how)
          settle()
        })
        next()
      })
      app.get('/', (_, reply) => {
        enter()
        return handler(reply as unknown as FastifyReply)
      })
      await app.listen({ host: '127.0.0.1', port: 0 })
      const { port } = app.server.address() as AddressInfo
      const session = connectHttp2(`http://127.0.0.1:${port}`)
      session.on('error', () => {})
      const stream = session.request({ ':path': '/', ':method': method })
      stream.on('error', () => {})
      if (client === undefined) stream.resume()
      await entered
      await client?.(stream)
      await settled
      session.destroy()
      await app.close()
      onSettled(raw as ServerResponse, (_, how) => endings.push(how))
      t.strictSame(endings, [ending, ending])
    })
  }
})

t.test('pipelined responses that never had their turn settle when the client leaves', async (t) => {
  for (const leave of ['destroy', 'resetAndDestroy', 'end'] as const) {
    // Plain Node without any intake: onSettled alone must find out that a response waits.
    const responses: ServerResponse[] = []
    const endings: string[] = []
    const server = createServer((request, response) => {
      const number = responses.push(response)
      onSettled(response, (_, ending) => endings.push(`${request.url} ${number} ${ending}`))
      if (number > 1) response.end('answered before its turn')
    })
    const connection = await rawConnection(await open(server))
    connection.write(head('GET /a') + head('GET /b') + head('GET /c'))
    await eventually(() => responses.length === 3)
    t.strictSame(endings, [])
    connection.socket[leave]()
    await eventually(() => endings.length === 3)
    await close(server)
    t.strictSame([...endings].sort(), ['/a 1 aborted', '/b 2 aborted', '/c 3 aborted'], leave)
  }
})

t.test('pipelined responses that had their turn settle as they were sent', async (t) => {
  const responses: ServerResponse[] = []
  const endings: string[] = []
  const server = createServer((request, response) => {
    responses.push(response)
    onSettled(response, (_, ending) => endings.push(`${request.url} ${ending}`))
  })
  const connection = await rawConnection(await open(server))
  connection.write(head('GET /a') + head('GET /b') + head('GET /c'))
  await eventually(() => responses.length === 3)
  for (const response of [...responses].reverse()) response.end('done')
  await eventually(() => endings.length === 3)
  t.strictSame(endings, ['/a finished', '/b finished', '/c finished'])
  connection.destroy()
  await close(server)
})

t.test('a queued response whose connection is gone settles at once', async (t) => {
  const responses: ServerResponse[] = []
  const server = createServer((_, response) => {
    responses.push(response)
  })
  const connection = await rawConnection(await open(server))
  connection.write(head('GET /a') + head('GET /b'))
  await eventually(() => responses.length === 2)
  const [first, second] = responses as [ServerResponse, ServerResponse]
  const socket = first.req.socket as Socket
  connection.destroy()
  await once(socket, 'close')
  const endings: Ending[] = []
  for (const response of [first, second]) onSettled(response, (_, how) => endings.push(how))
  t.strictSame(endings, ['aborted', 'aborted'])
  await close(server)
})

t.test('a response that nobody watched settles at once when it was sent', async (t) => {
  const app = Fastify()
  let raw: ServerResponse | undefined
  app.get('/', (_, reply) => {
    raw = reply.raw
    return 'ok'
  })
  const connection = await rawConnection(await listen(app))
  connection.write(head('GET /'))
  await eventually(() => raw?.closed === true)
  const endings: Ending[] = []
  onSettled(raw as ServerResponse, (_, ending) => endings.push(ending))
  t.strictSame(endings, ['finished'])
  connection.destroy()
  await app.close()
})

t.test('who joined last is told first', async (t) => {
  const app = Fastify()
  const told: number[] = []
  app.get('/', (_, reply) => {
    for (const number of [1, 2, 3]) onSettled(reply.raw, () => told.push(number))
    return 'ok'
  })
  await app.inject('/')
  await eventually(() => told.length === 3)
  t.strictSame(told, [3, 2, 1])
  await app.close()
})

t.test('a response that closes a second time tells nobody twice', async (t) => {
  const app = Fastify()
  const told: Ending[] = []
  app.get('/', (_, reply) => {
    reply.raw.once('close', () => reply.raw.emit('close'))
    onSettled(reply.raw, (_, ending) => told.push(ending))
    return 'ok'
  })
  await app.inject('/')
  await eventually(() => told.length > 0)
  await app.close()
  t.strictSame(told, ['finished'])
})

t.test(
  'an upgrade that is answered settles with its answer, and its connection ends',
  async (t) => {
    const app = Fastify()
    t.teardown(() => app.close())
    // As WebSocket plugins do it.
    app.server.on('upgrade', (request, socket: Socket) => {
      socket.on('end', () => socket.end()).resume()
      const response = new ServerResponse(request)
      response.assignSocket(socket)
      app.routing(request, response)
    })
    const endings: string[] = []
    const BusyError = defineError('TEST_ERR_BUSY', 'Busy', 503)
    app.addHook('onRequest', (request, reply, done) => {
      const settled = (_: unknown, ending: Ending): number =>
        endings.push(`${request.url} ${ending}`)
      if (request.url !== '/refused') onSettled(reply.raw, settled)
      if (request.url === '/refused') refuse(reply, new BusyError(), done)
      else done()
    })
    app.get('/answered', async () => 'no WebSocket here')
    app.get('/switched', (_, reply) => {
      reply.hijack()
      reply.raw.writeHead(101).end()
    })
    const port = await listen(app)
    const upgrade = { Connection: 'upgrade', Upgrade: 'websocket' }

    const answered = await rawConnection(port)
    answered.write(head('GET /answered', upgrade))
    t.match(await answered.ended(), / 200 .*no WebSocket here/s)
    t.strictSame(endings, ['/answered finished'])

    const refused = await rawConnection(port)
    refused.write(head('GET /refused', upgrade))
    t.match(await refused.ended(), / 503 /, 'also where nobody waits for its end')

    const switched = await rawConnection(port)
    switched.write(head('GET /switched', upgrade))
    t.match(await switched.until(/\r\n\r\n$/), / 101 /)
    t.strictSame(endings, ['/answered finished'], 'from here on it belongs to somebody else')
    switched.destroy()
    await eventually(() => endings.length === 2)
  }
)

t.test('a CONNECT that is answered is a tunnel, which settles when it is closed', async (t) => {
  const server = createServer()
  const endings: Ending[] = []
  server.on('connect', (request, socket: Socket) => {
    socket.on('end', () => socket.end())
    socket.on('data', (data) => socket.write(`echo ${data}`))
    const response = new ServerResponse(request)
    response.assignSocket(socket)
    onSettled(response, (_, ending) => endings.push(ending))
    response.writeHead(200).end()
  })
  t.teardown(() => close(server))
  const connection = await rawConnection(await open(server))
  connection.write(head('CONNECT example.org:80'))
  await connection.until(/ 200 /)
  connection.write('hello')
  await connection.until(/echo hello/)
  t.strictSame(endings, [])
  connection.destroy()
  await eventually(() => endings.length === 1)
})

t.test('a request from which undici has taken the socket still has an end', async (t) => {
  const endings: Ending[] = []
  const server = createServer((request, response) => {
    onSettled(response, (_response, ending) => endings.push(ending))
    Object.defineProperties(request, {
      socket: { value: null },
      // Node writes it too.
      aborted: { get: () => request.url === '/aborted', set: () => {} }
    })
    response.destroy()
  })
  const port = await open(server)
  for (const path of ['cut', 'aborted']) {
    await t.rejects(fetch(`http://127.0.0.1:${port}/${path}`))
    await eventually(() => endings.at(-1) === path)
  }
  t.same(endings, ['cut', 'aborted'])
  await close(server)
})

t.test('a listener that throws or rejects is reported once and harms nothing', async (t) => {
  const app = Fastify()
  let told = 0
  const warnings = warningsOf(t)
  const broken = (): never => {
    throw new Error('no ink')
  }
  const rejects = async (): Promise<never> => {
    throw new Error('no paper')
  }
  app.get('/', (_, reply) => {
    onSettled(reply.raw, () => told++)
    onSettled(reply.raw, broken)
    onSettled(reply.raw, rejects)
    return 'ok'
  })
  for (let count = 0; count < 3; count++) t.equal((await app.inject('/')).statusCode, 200)
  await eventually(() => told === 3 && warnings.length > 1)
  await app.close()
  t.equal(warnings.length, 2)
  t.match(warnings, [
    { code: 'HOLDFAST_CALLBACK_FAILED', message: /onSettled.*no ink/ },
    { code: 'HOLDFAST_CALLBACK_FAILED', message: /onSettled.*no paper/ }
  ])
})

function signal(): [Promise<void>, () => void] {
  let give = (): void => {}
  const given = new Promise<void>((resolve) => {
    give = resolve
  })
  return [given, give]
}

async function open(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function close(server: Server): Promise<void> {
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
}
