import { connect as connectHttp2 } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { type CodedError, defineError, problemOf, refuse, refuseWith } from '@holdfast/core'
import Fastify, {
  type FastifyInstance,
  type FastifyReply,
  type onRequestHookHandler
} from 'fastify'
import t from 'tap'
import { eventually, head, listen, rawConnection } from '../../../test/support/http.ts'

const TooBusyError = defineError('TEST_ERR_TOO_BUSY', 'Busy for %s seconds', 429)

function tooBusy(): CodedError {
  const error = new TooBusyError(7)
  error.headers = { 'retry-after': '7', 'x-policy': '"default"' }
  error.problem = { type: 'https://example.org/too-busy', waited: 3 }
  return error
}

const PROBLEM = {
  type: 'https://example.org/too-busy',
  title: 'Too Many Requests',
  status: 429,
  detail: 'Busy for 7 seconds',
  waited: 3,
  statusCode: 429,
  code: 'TEST_ERR_TOO_BUSY',
  error: 'Too Many Requests',
  message: 'Busy for 7 seconds'
}

/** An app that refuses every request in a hook, and what it logs. */
function refusing(hook: 'onRequest' | 'preHandler' = 'onRequest'): {
  app: FastifyInstance
  lines: { level: number; msg: string }[]
} {
  const lines: { level: number; msg: string }[] = []
  const app = Fastify({
    logger: { level: 'info', stream: { write: (line: string) => lines.push(JSON.parse(line)) } }
  })
  const refuseAll: onRequestHookHandler = (_, reply, done) => refuse(reply, tooBusy(), done)
  if (hook === 'onRequest') app.addHook(hook, refuseAll)
  else app.addHook(hook, refuseAll)
  return { app, lines }
}

for (const hook of ['onRequest', 'preHandler'] as const) {
  t.test(`a refusal in ${hook} is problem+json, and no error to the log`, async (t) => {
    const { app, lines } = refusing(hook)
    t.teardown(() => app.close())
    app.get('/', () => t.fail('refused'))
    for (const url of ['/', '/nowhere']) {
      const answer = await app.inject(url)
      t.equal(answer.statusCode, 429)
      t.strictSame(answer.json(), PROBLEM)
      t.match(answer.headers, {
        'content-type': 'application/problem+json',
        'content-length': String(answer.rawPayload.length),
        'retry-after': '7',
        'x-policy': '"default"'
      })
    }
    await eventually(() => lines.filter(({ msg }) => msg === 'request completed').length === 2)
    t.strictSame([...new Set(lines.map(({ level }) => level))], [30])
  })
}

t.test('a refusal over a socket leaves the connection as it was', async (t) => {
  const { app } = refusing()
  app.post('/', () => t.fail('refused'))
  const connection = await rawConnection(await listen(app))
  const headers = { 'Content-Type': 'text/plain', 'Content-Length': '4' }
  connection.write(`${head('POST /', headers)}body${head('GET /', { Connection: 'close' })}`)
  t.equal((await connection.ended()).match(/HTTP\/1\.1 429 /g)?.length, 2)
  await app.close()
})

t.test('a refused HEAD has the headers and no body', async (t) => {
  const { app } = refusing()
  app.get('/', () => t.fail('refused'))
  const connection = await rawConnection(await listen(app))
  connection.write(head('HEAD /', { Connection: 'close' }))
  const answer = await connection.ended()
  t.match(answer, /^HTTP\/1\.1 429 [\s\S]*content-type: application\/problem\+json[\s\S]*\r\n\r\n$/)
  t.match(answer, new RegExp(`content-length: ${Buffer.byteLength(problemOf(tooBusy()))}\r\n`))
  await app.close()
})

t.test('a refusal over HTTP/2 is the same', async (t) => {
  const app = Fastify({ http2: true })
  app.addHook('onRequest', (_, reply, done) =>
    refuse(reply as unknown as FastifyReply, tooBusy(), done)
  )
  await app.listen({ host: '127.0.0.1', port: 0 })
  const session = connectHttp2(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`)
  const stream = session.request({ ':path': '/' })
  let status: number | undefined
  stream.on('response', (headers) => {
    status = headers[':status']
    t.equal(headers['retry-after'], '7')
  })
  let body = ''
  for await (const chunk of stream) body += chunk
  t.equal(status, 429)
  t.strictSame(JSON.parse(body), PROBLEM)
  session.close()
  await app.close()
})

t.test('a serializer of the scope does not quote the problem again', async (t) => {
  const { app } = refusing()
  t.teardown(() => app.close())
  app.setReplySerializer((value) => JSON.stringify({ wrapped: value }))
  app.get('/', { schema: { response: { '4xx': { type: 'object' } } } }, () => t.fail('refused'))
  t.strictSame((await app.inject('/')).json(), PROBLEM)
})

t.test('a serializer of the reply does not quote the problem again', async (t) => {
  const { app } = refusing('preHandler')
  t.teardown(() => app.close())
  app.addHook('onRequest', async (_, reply) => {
    reply.serializer((value) => JSON.stringify({ wrapped: value }))
  })
  app.get('/', () => t.fail('refused'))
  t.strictSame((await app.inject('/')).json(), PROBLEM)
})

t.test('an onSend hook is given the problem as text, and may replace it', async (t) => {
  const { app } = refusing()
  t.teardown(() => app.close())
  const kinds: string[] = []
  app.addHook('onSend', async (_, __, payload: unknown) => {
    kinds.push(typeof payload)
    return (payload as string).replace('"status"', '"state"')
  })
  app.get('/', () => t.fail('refused'))
  const { headers, body } = await app.inject('/')
  t.strictSame(kinds, ['string'])
  t.match(JSON.parse(body), { state: PROBLEM.status })
  t.equal(headers['content-length'], String(Buffer.byteLength(body)))
})

t.test(
  'where the user has an error handler, the error goes there, status and headers set',
  async (t) => {
    const { app } = refusing()
    t.teardown(() => app.close())
    const handler = (by: string) => (error: Error, _: unknown, reply: FastifyReply) =>
      reply.send({ by, code: (error as CodedError).code, set: reply.statusCode })
    app.setErrorHandler(handler('root'))
    app.get('/root', () => t.fail('refused'))
    app.get('/route', { errorHandler: handler('route') }, () => t.fail('refused'))
    app.register(async (scope) => {
      scope.get('/inherited', () => t.fail('refused'))
    })
    app.register(async (scope) => {
      scope.setErrorHandler(handler('scope'))
      scope.get('/scope', () => t.fail('refused'))
    })
    for (const [url, by] of [
      ['/root', 'root'],
      ['/route', 'route'],
      ['/inherited', 'root'],
      ['/scope', 'scope'],
      ['/nowhere', 'root']
    ] as const) {
      const answer = await app.inject(url)
      t.strictSame(answer.json(), { by, code: 'TEST_ERR_TOO_BUSY', set: 429 }, url)
      t.equal(answer.statusCode, 429)
      t.match(answer.headers, { 'retry-after': '7', 'x-policy': '"default"' })
    }
  }
)

t.test('a handler of one scope or route changes nothing for the others', async (t) => {
  const { app } = refusing()
  t.teardown(() => app.close())
  app.register(async (scope) => {
    scope.setErrorHandler((_, __, reply) => reply.send('mine'))
    scope.get('/scope', () => t.fail('refused'))
  })
  app.get('/route', { errorHandler: (_, __, reply) => reply.send('mine') }, () => t.fail('refused'))
  app.get('/', () => t.fail('refused'))
  t.equal((await app.inject('/scope')).body, 'mine')
  t.equal((await app.inject('/route')).body, 'mine')
  t.strictSame((await app.inject('/')).json(), PROBLEM)
})

t.test('an error handler that fails leaves status and headers to what follows', async (t) => {
  const { app } = refusing()
  t.teardown(() => app.close())
  app.setErrorHandler((error) => {
    throw error
  })
  const answer = await app.inject('/')
  t.equal(answer.statusCode, 429)
  t.equal(answer.headers['retry-after'], '7')
  t.match(answer.json(), { code: 'TEST_ERR_TOO_BUSY', statusCode: 429 })
})

t.test('a Fastify whose inside is unknown is handed the error', async (t) => {
  const set: unknown[] = []
  const reply = {
    request: {},
    raw: { req: {} },
    code: (status: number) => set.push(status),
    headers: (headers: object) => set.push(headers)
  } as unknown as FastifyReply
  let handed: Error | undefined
  const error = tooBusy()
  refuse(reply, error, (given) => {
    handed = given
  })
  t.equal(handed, error)
  t.strictSame(set, [429, error.headers])
})

t.test('an error without headers or further members is a problem of its status', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  const GoneError = defineError('TEST_ERR_GONE', 'Gone for good', 410)
  app.addHook('onRequest', (_, reply, done) => refuse(reply, new GoneError(), done))
  t.strictSame((await app.inject('/')).json(), {
    type: 'about:blank',
    title: 'Gone',
    status: 410,
    detail: 'Gone for good',
    statusCode: 410,
    code: 'TEST_ERR_GONE',
    error: 'Gone',
    message: 'Gone for good'
  })
  t.equal(new GoneError().stack, '')
})

t.test(
  'a refusal made beforehand is answered like an error, which nobody makes in vain',
  async (t) => {
    let made = 0
    const error = tooBusy()
    const refusal = {
      statusCode: 429,
      headers: { 'retry-after': '7', 'x-policy': '"default"' },
      body: problemOf(error),
      error: () => {
        made++
        return error
      }
    }
    const build = () => {
      const app = Fastify()
      t.teardown(() => app.close())
      app.addHook('onRequest', (_, reply, done) => refuseWith(reply, refusal, done))
      return app
    }
    const answer = await build().inject('/')
    t.equal(answer.statusCode, 429)
    t.strictSame(answer.json(), PROBLEM)
    t.match(answer.headers, {
      'content-type': 'application/problem+json',
      'retry-after': '7',
      'x-policy': '"default"'
    })
    t.equal(made, 0)

    const handled = build()
    handled.setErrorHandler((given, _, reply) => reply.send({ same: given === error }))
    const own = await handled.inject('/')
    t.strictSame(
      [own.statusCode, own.json(), own.headers['retry-after'], made],
      [429, { same: true }, '7', 1]
    )

    const set: unknown[] = []
    const unknown = {
      request: {},
      raw: { req: {} },
      code: (status: number) => set.push(status),
      headers: (headers: object) => set.push(headers)
    } as unknown as FastifyReply
    refuseWith(unknown, refusal, (given) => set.push(given))
    t.strictSame(set, [429, refusal.headers, error], 'a Fastify whose inside is unknown')
  }
)
