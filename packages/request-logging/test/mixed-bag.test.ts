/**
 * Requests of every kind at once, over real sockets: each has exactly one line, and the right one.
 */
import { Readable } from 'node:stream'
import type { BreakerFact } from '@holdfast/circuit-breaker'
import { defineError, factsOf, refuse } from '@holdfast/core'
import type { RateLimitFact } from '@holdfast/rate-limit'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { fetch } from 'undici'
import { head, listen, rawConnection } from '../../../test/support/http.ts'
import { loggedApp, type WrittenLine } from './support/log.ts'

const SECRET = 'hunter2'
const TOTAL = 1000
const ROUNDS = 36

const LimitedError = defineError('TEST_LIMITED', 'Too many', 429)
const OpenError = defineError('TEST_OPEN', 'Open', 503)

const rateLimit: RateLimitFact = {
  allowed: false,
  policy: 'default',
  limit: 1,
  remaining: 0,
  retryAfter: 1000,
  reason: 'exceeded'
}
const circuitBreaker: BreakerFact = { name: 'payments', state: 'open' }

function routes(app: FastifyInstance): void {
  app.get('/ok/:n', async (request) => {
    request.addLogFields({ password: SECRET, user: { name: 'ada', accessToken: SECRET } })
    return { fine: true }
  })
  app.post('/ok/:n', async (request) => request.body)
  app.get('/throws/:n', async () => {
    throw new RangeError('out of stock')
  })
  app.get('/throws-400/:n', async () => {
    throw Object.assign(new Error('bad order'), { statusCode: 400 })
  })
  app.get('/limited/:n', {
    onRequest: (request, reply, done) => {
      Object.assign(factsOf(request), { refusedBy: 'rate-limit', rateLimit })
      refuse(reply, new LimitedError(), done)
    },
    handler: async () => 'never'
  })
  app.get('/open/:n', {
    onRequest: (request, reply, done) => {
      Object.assign(factsOf(request), { refusedBy: 'circuit-breaker', circuitBreaker })
      refuse(reply, new OpenError(), done)
    },
    handler: async () => 'never'
  })
  app.get('/hijacked/:n', (_request, reply) => {
    reply.hijack()
    reply.raw.writeHead(202).end('mine')
  })
  app.get('/dies/:n', (_request, reply) => {
    const chunks = async function* (): AsyncGenerator<string> {
      yield 'first'
      await new Promise((resolve) => setTimeout(resolve, 20))
      throw new Error('the disk is gone')
    }
    reply.send(Readable.from(chunks()))
  })
  app.get('/destroyed/:n', (_request, reply) => {
    reply.raw.destroy()
  })
  app.get('/waits/:n', () => new Promise(() => {}))
  app.get('/streams/:n', (_request, reply) => {
    const source = new Readable({ read() {} })
    source.push('first')
    reply.send(source)
  })
  app.post('/body/:n', async (request) => request.body)
}

/** What a line must say, in one text: method, route, path, status, outcome. */
function summary({ method, route, path, status, outcome }: WrittenLine): string {
  return [method, route, path, status, outcome].map((part) => part ?? '-').join(' ')
}

type Kind = (port: number, n: number, app: FastifyInstance) => Promise<string[]>

const query = `?token=${SECRET}&${SECRET}`
const secrets = {
  Authorization: `Bearer ${SECRET}`,
  Cookie: `session=${SECRET}`,
  'X-Api-Key': SECRET
}

/** A request by fetch, to its end. */
function ordinary(method: string, path: string, expected: string, body?: string): Kind {
  return async (port, n) => {
    const init = { method, headers: secrets, ...(body !== undefined && { body }) }
    const answer = await fetch(`http://127.0.0.1:${port}${path}${n}${query}`, init)
    await answer.text().catch(() => {})
    return [expected.replaceAll('#', String(n))]
  }
}

/** Raw text on a connection of its own, until the server ends it. */
function raw(text: (n: number) => string, expected: string): Kind {
  return async (port, n) => {
    const connection = await rawConnection(port)
    connection.write(text(n))
    await connection.ended()
    return [expected.replaceAll('#', String(n))]
  }
}

const close = { Connection: 'close', ...secrets }

const kinds: Record<string, Kind> = {
  get: ordinary('GET', '/ok/', 'GET /ok/:n /ok/# 200 ok'),
  head: ordinary('HEAD', '/ok/', 'HEAD /ok/:n /ok/# 200 ok'),
  post: ordinary('POST', '/ok/', 'POST /ok/:n /ok/# 200 ok', `a body, ${SECRET}`),
  'not found': ordinary('GET', '/nowhere/', 'GET - /nowhere/# 404 client-error'),
  throws: ordinary('GET', '/throws/', 'GET /throws/:n /throws/# 500 server-error'),
  'throws 400': ordinary(
    'GET',
    '/throws-400/',
    'GET /throws-400/:n /throws-400/# 400 client-error'
  ),
  limited: ordinary('GET', '/limited/', 'GET /limited/:n /limited/# 429 refused'),
  open: ordinary('GET', '/open/', 'GET /open/:n /open/# 503 refused'),
  hijacked: ordinary('GET', '/hijacked/', 'GET /hijacked/:n /hijacked/# 202 hijacked'),
  'stream that dies': ordinary('GET', '/dies/', 'GET /dies/:n /dies/# 200 cut'),
  'bad URL': raw((n) => head(`GET /%zz/${n}${query}`, close), 'GET - /%zz/# 400 client-error'),
  'over-long parameter': raw(
    (n) => head(`GET /ok/${'x'.repeat(200)}${n}${query}`, close),
    `GET - /ok/${'x'.repeat(200)}# 414 client-error`
  ),
  'no Host': raw(
    (n) => `GET /ok/${n}${query} HTTP/1.1\r\nConnection: close\r\n\r\n`,
    'GET - /ok/# 400 client-error'
  ),
  'unknown Expect': raw(
    (n) => head(`GET /ok/${n}${query}`, { ...close, Expect: 'miracles' }),
    'GET - /ok/# 417 client-error'
  ),
  garbage: raw(() => `\u0016\u0003\u001b[31m${SECRET}\r\n\r\n`, '- - - 400 malformed'),
  'over-long head': raw(
    () => head(`GET /ok/1${query}`, { 'X-Long': 'x'.repeat(20_000) }),
    '- - - 431 malformed'
  ),
  'broken chunk': raw(
    (n) => `${head(`POST /body/${n}${query}`, { 'Transfer-Encoding': 'chunked' })}zz\r\n`,
    'POST /body/:n /body/# 400 malformed'
  ),
  destroyed: raw(
    (n) => head(`GET /destroyed/${n}${query}`),
    'GET /destroyed/:n /destroyed/# - cut'
  ),
  'CONNECT that nobody takes': raw(
    (n) => head(`CONNECT host-${n}:443`),
    'CONNECT - host-#:443 - refused'
  ),
  upgrade: raw(
    (n) => head(`GET /socket/${n}${query}`, { Connection: 'Upgrade', Upgrade: 'echo' }),
    'GET - /socket/# - hijacked'
  ),
  'client that leaves before the answer': async (port, n) => {
    const connection = await rawConnection(port)
    connection.write(head(`GET /waits/${n}${query}`))
    // Answered only after the other was read.
    await fetch(`http://127.0.0.1:${port}/ok/${n}`).then((answer) => answer.text())
    connection.destroy()
    return [`GET /waits/:n /waits/${n} 499 aborted`, `GET /ok/:n /ok/${n} 200 ok`]
  },
  'client that leaves midway': async (port, n) => {
    const connection = await rawConnection(port)
    connection.write(head(`GET /streams/${n}${query}`))
    await connection.until(/first/)
    connection.destroy()
    return [`GET /streams/:n /streams/${n} 499 aborted`]
  },
  'client that pipelines three and leaves': async (port, n) => {
    const connection = await rawConnection(port)
    connection.write(
      head(`GET /streams/${n}`) + head(`GET /waits/${n}${query}`) + head(`GET /ok/${n}${query}`)
    )
    await connection.until(/first/)
    connection.destroy()
    return [
      `GET /streams/:n /streams/${n} 499 aborted`,
      `GET /waits/:n /waits/${n} 499 aborted`,
      `GET /ok/:n /ok/${n} 499 aborted`
    ]
  },
  injected: async (_port, n, app) => {
    await app.inject(`/ok/${n}${query}`)
    return [`GET /ok/:n /ok/${n} 200 ok`]
  }
}

/** A head that never comes to its end. */
async function tooSlow(port: number): Promise<string[]> {
  const connection = await rawConnection(port)
  connection.write('GET /ok/1 HTTP/1.1\r\n')
  await connection.ended()
  return ['- - - 408 malformed']
}

/** Closes the app while two requests are open and the head of a third is on its way. */
async function shutDown(port: number, app: FastifyInstance): Promise<string[]> {
  const [late, waits, streams] = await Promise.all([
    rawConnection(port),
    rawConnection(port),
    rawConnection(port)
  ])
  late.write('GET /late HTTP/1.1\r\n')
  waits.write(head('GET /waits/1'))
  streams.write(head('GET /streams/1'))
  await streams.until(/first/)
  const closed = app.close()
  // Fastify refuses from here on; connections are ended after the preClose hook.
  late.write('Host: localhost\r\n\r\n')
  await late.until(/503/)
  await closed
  return [
    'GET - /late 503 refused',
    'GET /waits/:n /waits/1 - cut',
    'GET /streams/:n /streams/1 200 cut'
  ]
}

t.test('every request has exactly one line, and the right one', async (t) => {
  const { app, log } = loggedApp(
    { slow: false },
    {
      forceCloseConnections: true,
      http: { headersTimeout: 3000, connectionsCheckingInterval: 200 }
    }
  )
  t.teardown(() => app.close())
  routes(app)
  app.server.on('upgrade', (_request, socket) => {
    socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
  })
  app.addHook('preClose', () => new Promise((resolve) => setTimeout(resolve, 200)))
  const port = await listen(app)

  const sent: Promise<string[]>[] = [tooSlow(port)]
  for (let n = 0; n < ROUNDS; n++) {
    for (const kind of Object.values(kinds)) sent.push(kind(port, n, app))
  }
  const expected = (await Promise.all(sent)).flat()
  const kind = kinds['get'] as Kind
  for (let n = ROUNDS; expected.length < TOTAL - 3; n++) {
    expected.push(...(await kind(port, n, app)))
  }
  expected.push(...(await shutDown(port, app)))
  const lines = log.requests()
  t.equal(lines.length, TOTAL)
  t.same(lines.map(summary).sort(), expected.sort())
  t.notMatch(log.text, SECRET)

  for (const line of lines) {
    t.match(line, { level: Number, time: Number, msg: String, client: '127.0.0.1' })
    if (line['method'] === undefined) continue
    const duration = line['duration'] as number
    t.ok(duration >= 0 && duration < 60_000 && duration === Number(duration.toFixed(3)))
  }
  const first = (part: string): WrittenLine =>
    lines.find((line) => summary(line).includes(part)) as WrittenLine
  t.match(first('GET /ok/:n'), { level: 30, reqId: /-7/, bytesOut: 13, msg: 'GET /ok/:n 200' })
  t.match(first('HEAD /ok/:n'), { bytesOut: 0 })
  t.match(first('/nowhere/3'), { msg: 'GET /nowhere/3 404', level: 30 })
  t.match(first('429 refused'), {
    level: 40,
    refusedBy: 'rate-limit',
    rateLimit: 'default',
    rateLimitRemaining: 0,
    msg: 'GET /limited/:n 429 refused'
  })
  t.match(first('503 refused'), {
    refusedBy: 'circuit-breaker',
    breaker: 'payments',
    breakerState: 'open'
  })
  t.match(first('500 server-error'), {
    level: 50,
    error: { type: 'RangeError', message: 'out of stock', stack: /^RangeError: out of stock\n/ }
  })
  const bad = first('/throws-400/:n')
  t.match(bad, { level: 30, error: { type: 'Error', message: 'bad order' } })
  t.notOk(Object.hasOwn(bad['error'] as object, 'stack'))
  t.match(first('/dies/:n'), { level: 50, msg: 'GET /dies/:n 200 cut' })
  t.match(first('/destroyed/:n'), { msg: 'GET /destroyed/:n cut' })
  t.match(first('- - - 400'), { level: 40, error: { type: /^HPE_/ }, msg: '400 malformed' })
  t.match(first('POST /body/:n'), { error: { type: 'HPE_INVALID_CHUNK_SIZE' } })
})
