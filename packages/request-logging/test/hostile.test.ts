/**
 * What nobody should send, and what nobody should write: the line stays one line, bounded, and fit
 * for a terminal.
 */
import { connect as connectHttp2 } from 'node:http2'
import { factsOf } from '@holdfast/core'
import { requestLogging } from '@holdfast/request-logging'
import { logController } from '@holdfast/request-logging/log-controller'
import Fastify from 'fastify'
import t from 'tap'
import { head, listen, rawConnection } from '../../../test/support/http.ts'
import { Log, loggedApp } from './support/log.ts'

// biome-ignore lint/suspicious/noControlCharactersInRegex: none may be there
const CONTROL = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/
const HOSTILE = '\u061c\u001b[31m\u2028'
const HARMLESS = '\ufffd\ufffd[31m\ufffd'

t.test('a user agent of a megabyte, invalid UTF-8 and escapes', async (t) => {
  const { app, log } = loggedApp(
    { headers: ['x-note'], query: { show: ['q'] } },
    { http: { maxHeaderSize: 4 * 2 ** 20 } }
  )
  t.teardown(() => app.close())
  app.get('/*', async () => 'ok')
  const port = await listen(app)
  const client = await rawConnection(port)
  const long = `\u009b31m${'A'.repeat(2 ** 20)}`
  const note = '\u00c3(\u00a0\u0080\u00ff'
  const text = head(`GET /${'p'.repeat(5000)}?q=${'v'.repeat(5000)}&<n>=1`, {
    'User-Agent': long,
    'X-Note': note,
    Connection: 'close'
  })
  client.socket.write(Buffer.from(text, 'latin1'))
  await client.until(/200 OK/)
  await client.ended()
  const line = await log.line()
  t.match(line, {
    status: 200,
    userAgent: /^\ufffd31mA{507}…$/,
    path: /^\/p{1022}…$/,
    headers: { 'x-note': '\u00c3(\u00a0\ufffd\u00ff' },
    query: /^q=v{255}…&REDACTED$/
  })
  t.notMatch(log.text, CONTROL)
  t.ok(log.text.length < 5000)
})

t.test('an escape in the head of a request is malformed', async (t) => {
  const { app, log } = loggedApp()
  t.teardown(() => app.close())
  const client = await rawConnection(await listen(app))
  client.write('GET /\u001b[31m HTTP/1.1\r\nHost: a\r\n\r\n')
  await client.ended()
  t.match(await log.line(), { outcome: 'malformed', status: 400 })
  t.notMatch(log.text, CONTROL)
})

t.test('whatever HTTP/2 lets a client call a method is cut and cleaned', async (t) => {
  const written = new Log()
  const app = Fastify({
    http2: true,
    logger: { stream: written },
    logController: logController(),
    trustProxy: true
  })
  t.teardown(() => app.close())
  app.register(requestLogging)
  app.get('/waits', () => new Promise(() => {}))
  await app.listen({ host: '127.0.0.1', port: 0 })
  const session = connectHttp2(app.listeningOrigin)
  t.teardown(() => session.close())
  session
    .request({ ':method': 'X'.repeat(5000), ':path': '/a' })
    .on('error', () => {})
    .resume()
    .end()
  t.match(await written.line(), { method: /^X{31}…$/, path: '/a' })
  const waiting = session.request({ ':path': '/waits', 'x-forwarded-for': '192.0.2.1' })
  waiting.on('error', () => {})
  await new Promise((resolve) => setTimeout(resolve, 50))
  waiting.close(8)
  t.match((await written.lines(2))[1], { outcome: 'aborted', client: '192.0.2.1' })
})

t.test('hostile names and values of fields', async (t) => {
  const { app, log } = loggedApp()
  t.teardown(() => app.close())
  app.post('/', async (request) => {
    request.addLogFields(request.body as Record<string, unknown>)
    // @ts-expect-error no fields
    request.addLogFields('text')
    request.addLogFields({ call: () => 1, when: new Date(0), toString: 'mine' })
    return 'ok'
  })
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    done(null, JSON.parse(String(body)))
  })
  const payload = JSON.stringify({
    text: '"}\n{"level":60,"msg":"forged"}\u001b[2J\u202e',
    'na\u001bme': 1,
    level: 60,
    status: 200,
    msg: 'forged',
    nested: { password: 'hunter2', deep: [[[[[[[['deep']]]]]]]] },
    many: Array.from({ length: 1000 }, () => 'x'.repeat(100))
  }).replace('"level"', '"__proto__":{"admin":true},"level"')
  const answer = await app.inject({
    method: 'POST',
    url: '/',
    headers: { 'content-type': 'application/json' },
    payload
  })
  t.equal(answer.statusCode, 200)
  t.equal(log.requests().length, 1)
  const line = await log.line()
  t.match(line, {
    level: 30,
    status: 200,
    msg: 'POST / 200',
    text: '"}\ufffd{"level":60,"msg":"forged"}\ufffd[2J\ufffd',
    nested: { password: 'REDACTED' },
    droppedFields: Number
  })
  t.equal(line['na\ufffdme'], 1)
  t.notOk('admin' in line)
  t.notMatch(log.text, CONTROL)
  t.notMatch(log.text, 'hunter2')
  t.ok(log.text.length < 30_000)
})

t.test('an error that repeats the URL, and one of a million characters', async (t) => {
  const { app, log } = loggedApp()
  t.teardown(() => app.close())
  app.get('/throws', async (request) => {
    throw new Error(`cannot ${request.url} \u001b[31m${'e'.repeat(2 ** 20)}`)
  })
  const port = await listen(app)
  await fetch(`http://127.0.0.1:${port}/throws?token=hunter2`)
  const line = await log.line()
  t.match(line, { error: { type: 'Error', message: /^cannot \/throws \ufffd\[31me+…$/ } })
  t.notMatch(log.text, /hunter2/)
  t.ok(log.text.length < 12_000)
})

t.test('names that the application chooses are as harmless as those of clients', async (t) => {
  const { app, log } = loggedApp({}, { genReqId: () => `id${HOSTILE}`, requestIdHeader: false })
  t.teardown(() => app.close())
  app.get(`/${HOSTILE}`, async (request) => {
    Object.assign(factsOf(request), {
      rateLimit: { policy: HOSTILE, remaining: 1 },
      circuitBreaker: { name: HOSTILE, state: 'closed' }
    })
    request.addLogFields({ [HOSTILE]: { deep: [HOSTILE, new Map(), { toJSON: () => HOSTILE }] } })
    throw Object.assign(new Error(HOSTILE, { cause: HOSTILE }), { name: HOSTILE, code: HOSTILE })
  })
  await app.inject(`/${encodeURIComponent(HOSTILE)}`)
  const line = await log.line()
  t.match(line, {
    reqId: `id${HARMLESS}`,
    route: `/${HARMLESS}`,
    rateLimit: HARMLESS,
    breaker: HARMLESS,
    [HARMLESS]: { deep: [HARMLESS, {}, HARMLESS] },
    error: { type: HARMLESS, message: HARMLESS, code: HARMLESS },
    msg: `GET /${HARMLESS} 500`
  })
  t.notMatch(JSON.stringify(line).replaceAll('\\n', ''), /\\u00|[\u061c\u2028]/)
})

t.test('an error repeats neither credentials nor what follows a semicolon', async (t) => {
  const { app, log } = loggedApp({}, { routerOptions: { useSemicolonDelimiter: true } as object })
  t.teardown(() => app.close())
  app.get('/a', async (request) => {
    const url = decodeURIComponent(String(request.raw.url))
    const error = new Error(`cannot GET ${url}, no postgres://ada:hunter2@db/orders`)
    request.addLogFields({ warning: error })
    throw error
  })
  const port = await listen(app)
  for (const [target, written] of [
    ['/a;token=hunter2', '/a'],
    ['/a#hunter2', '/a'],
    ['/a?%74oken=hunter2', '/a'],
    ['http://ada:hunter2@localhost/a?token=hunter2', 'http://localhost/a']
  ] as const) {
    const client = await rawConnection(port)
    client.write(head(`GET ${target}`, { Connection: 'close' }))
    await client.ended()
    const message = `cannot GET ${written}, no postgres://db/orders`
    t.match((await log.lines(1)).at(-1), { path: '/a', error: { message }, warning: { message } })
  }
  t.equal(log.requests().length, 4)
  t.notMatch(log.text, /hunter2/)
})

t.test('an error of a rewritten request repeats neither query', async (t) => {
  const { app, log } = loggedApp({}, { rewriteUrl: () => '/inside?key=hunter2' })
  t.teardown(() => app.close())
  app.get('/inside', async (request) => {
    throw new Error(`${request.originalUrl} is ${request.url}`)
  })
  await app.inject('/outside?token=hunter2')
  t.match(await log.line(), { error: { message: '/outside is /inside' } })
  t.notMatch(log.text, /hunter2/)
})

t.test('whatever is thrown is on the line, also nothing', async (t) => {
  const { app, log } = loggedApp()
  t.teardown(() => app.close())
  const thrown: Record<string, unknown> = { null: null, undefined, text: 'no', number: 0 }
  app.get('/:what', async (request) => {
    throw thrown[(request.params as { what: string }).what]
  })
  for (const what of Object.keys(thrown)) await app.inject(`/${what}`)
  t.match(
    (await log.lines(4)).map(({ status, error }) => ({ status, error })),
    [
      { status: 500, error: { type: 'null', message: 'null' } },
      { status: 500, error: { type: 'null', message: 'null' } },
      { status: 500, error: { type: 'string', message: 'no' } },
      { status: 500, error: { type: 'number', message: '0' } }
    ]
  )
})
