/**
 * One line for each request of an app: `plugin.ts` with `edges/log-record.ts`, `edges/settled-request.ts`,
 * `edges/line-builder.ts`, `edges/request-log.ts` and `line.ts`.
 */
import { createServer } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { circuitBreaker } from '@holdfast/circuit-breaker'
import { factsOf, isHijacked, logControllerOf } from '@holdfast/core'
import { lifecycle } from '@holdfast/lifecycle'
import requestLogging, { type RequestLogger } from '@holdfast/request-logging'
import { logController } from '@holdfast/request-logging/log-controller'
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { eventually, head, listen, rawConnection } from '../../../test/support/http.ts'
import { Log, loggedApp, type WrittenLine } from './support/log.ts'

/** The process warnings that come while a test runs. */
function warnings(test: Test): Error[] {
  const seen: Error[] = []
  const keep = (warning: Error): void => {
    seen.push(warning)
  }
  process.on('warning', keep)
  test.teardown(() => process.off('warning', keep))
  return seen
}

t.test('without options the lines go to the log of the app', async (t) => {
  const { app, log } = loggedApp()
  app.get('/orders/:id', async () => 'ok')
  t.equal(requestLogging, (await import('@holdfast/request-logging')).requestLogging)
  await app.ready()
  t.match(app.printRoutes({ includeHooks: true }), /onRequest.*holdfastRequestLogging/)
  await app.inject('/orders/7?x=1')
  t.match(await log.line(), {
    level: 30,
    reqId: /^[\da-f]{8}-[\da-f]{4}-7/,
    method: 'GET',
    route: '/orders/:id',
    path: '/orders/7',
    status: 200,
    outcome: 'ok',
    bytesOut: 2,
    client: '127.0.0.1',
    msg: 'GET /orders/:id 200'
  })
  t.equal(log.all().length, 1, 'and nothing else is written')
  await app.close()
})

t.test('a request that an app hands on to another one has one line, by the other', async (t) => {
  const inner = loggedApp()
  inner.app.get('/orders/:id', async () => 'ok')
  await inner.app.ready()
  const outer = loggedApp()
  outer.app.get('/*', (request, reply) => {
    reply.hijack()
    inner.app.routing(request.raw, reply.raw)
  })
  const port = await listen(outer.app)
  const answer = await fetch(`http://127.0.0.1:${port}/orders/7`)
  t.equal(await answer.text(), 'ok')
  t.match(await inner.log.line(), { route: '/orders/:id', status: 200, outcome: 'ok' })
  await outer.app.close()
  await inner.app.close()
  t.equal(inner.log.all().length, 1)
  t.notOk(outer.log.all().some(({ outcome }) => outcome !== undefined))
})

t.test('a request that is refused while the app closes has a line', async (t) => {
  const { app, log } = loggedApp()
  const pending: ((body: string) => void)[] = []
  app.get('/slow', () => new Promise((resolve) => pending.push(resolve)))
  let refused = (): void => {}
  const closing = new Promise<void>((resolve) => {
    app.addHook('preClose', () => {
      resolve()
      // Connections without a whole request are ended after this.
      return new Promise<void>((resolve) => {
        refused = resolve
      })
    })
  })
  const port = await listen(app)
  const slow = await rawConnection(port)
  slow.write(head('GET /slow'))
  const late = await rawConnection(port)
  late.write('GET /late HTTP/1.1\r\n')
  await eventually(() => pending.length === 1)
  const closed = app.close()
  await closing
  late.write('Host: localhost\r\n\r\n')
  await late.until(/503/)
  pending[0]?.('done')
  await slow.until(/done/)
  refused()
  slow.destroy()
  late.destroy()
  await closed
  const lines = log.requests()
  t.equal(lines.length, 2)
  t.match(
    lines.find((line) => line['path'] === '/late'),
    { status: 503, outcome: 'refused', level: 40, msg: 'GET /late 503 refused' }
  )
  t.match(
    lines.find((line) => line['path'] === '/slow'),
    { status: 200, outcome: 'ok' }
  )
})

t.test('a request past the limit of its connection is refused', async (t) => {
  const { app, log } = loggedApp({}, { maxRequestsPerSocket: 1 })
  t.teardown(() => app.close())
  app.get('/', async () => 'ok')
  const client = await rawConnection(await listen(app))
  client.write(head('GET /') + head('GET /over'))
  await client.until(/503/)
  client.destroy()
  const lines = await log.lines(2)
  t.match(lines[1], { path: '/over', status: 503, outcome: 'refused', reqId: undefined })
})

t.test('what is open when its connection is cut at the end has a line', async (t) => {
  const { app, log } = loggedApp({}, { forceCloseConnections: true })
  app.get('/waits', () => new Promise(() => {}))
  const port = await listen(app)
  const client = await rawConnection(port)
  client.write(head('GET /waits'))
  await fetch(`http://127.0.0.1:${port}/`)
  await app.close()
  await client.ended()
  const line = (await log.lines(2)).find(({ path }) => path === '/waits')
  t.match(line, { outcome: 'cut', level: 50, msg: 'GET /waits cut', status: undefined })
})

t.test('a hijacked reply stays hijacked when its client leaves', async (t) => {
  const { app, log } = loggedApp()
  t.teardown(() => app.close())
  app.get('/events', (_request, reply) => {
    reply.hijack()
    reply.raw.writeHead(200).write('first')
  })
  const client = await rawConnection(await listen(app))
  client.write(head('GET /events'))
  await client.until(/first/)
  client.destroy()
  t.match(await log.line(), { outcome: 'hijacked', status: 200, level: 30 })
})

t.test('what a version of Fastify keeps elsewhere is unknown, and done without', async (t) => {
  t.equal(isHijacked({} as FastifyReply), undefined)
  t.equal(logControllerOf({} as FastifyInstance), undefined)
})

t.test('HTTP/2: answered, and reset by its client', async (t) => {
  const log = new Log()
  const app = Fastify({
    http2: true,
    logger: { stream: log },
    logController: logController()
  })
  t.teardown(() => app.close())
  app.register(requestLogging)
  app.get('/ok', async () => 'ok')
  app.get('/waits', () => new Promise(() => {}))
  await app.listen({ host: '127.0.0.1', port: 0 })
  const session = connectHttp2(app.listeningOrigin)
  t.teardown(() => session.close())
  session.request({ ':path': '/ok?token=secret' }).resume().end()
  t.match(await log.line(), { path: '/ok', status: 200, outcome: 'ok', client: '127.0.0.1' })
  const waiting = session.request({ ':path': '/waits' })
  waiting.on('error', () => {})
  session.request({ ':path': '/ok' }).resume().end()
  await log.lines(2)
  waiting.close(8)
  t.match((await log.lines(3))[2], { path: '/waits', status: 499, outcome: 'aborted' })
})

t.test('HTTP/2: a CONNECT has its authority for a path', async (t) => {
  const log = new Log()
  const app = Fastify({ http2: true, logger: { stream: log }, logController: logController() })
  t.teardown(() => app.close())
  app.register(requestLogging)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const session = connectHttp2(app.listeningOrigin)
  t.teardown(() => session.close())
  session
    .request({ ':method': 'CONNECT', ':authority': 'host:443' })
    .on('error', () => {})
    .resume()
    .end()
  t.match(await log.line(), { method: 'CONNECT', path: 'host:443', status: 405 })
})

t.test('probes are silent unless an error was thrown', async (t) => {
  for (const silent of ['probes', false] as const) {
    const { app, log } = loggedApp({ silent })
    const config = { holdfast: { probe: true } }
    app.get('/livez', { config }, async () => 'ok')
    app.get('/readyz', { config }, async (_request, reply) => reply.code(503).send('no'))
    app.get('/marked', async (request) => {
      factsOf(request).probe = true
      return 'ok'
    })
    app.get('/broken', { config }, async () => {
      throw new Error('no database')
    })
    app.get('/ordinary', { config: { holdfast: {} } }, async () => 'ok')
    for (const path of ['/livez', '/readyz', '/marked', '/broken', '/ordinary']) {
      await app.inject(path)
    }
    const paths = log.requests().map(({ path }) => path)
    t.same(
      paths,
      silent === false
        ? ['/livez', '/readyz', '/marked', '/broken', '/ordinary']
        : ['/broken', '/ordinary']
    )
    await app.close()
  }
})

t.test('the level of a probe does not silence it where `silent` is false', async (t) => {
  const { app, log } = loggedApp({ silent: false })
  t.teardown(() => app.close())
  app.register(lifecycle, { signals: false, exit: false, drainDelay: 0 })
  const config = { holdfast: { probe: true } }
  app.get('/own', { config, logLevel: 'error' }, async () => 'ok')
  for (const path of ['/livez', '/readyz', '/startupz', '/own']) await app.inject(path)
  t.match(log.requests(), [
    { path: '/livez', route: '/livez', status: 200, outcome: 'ok', level: 30, reqId: String },
    { path: '/readyz', outcome: String },
    { path: '/startupz', outcome: String },
    { path: '/own', status: 200 }
  ])
})

t.test('a route is silenced or levelled by its config', async (t) => {
  const { app, log } = loggedApp({ level: { 'client-error': 'warn' } })
  t.teardown(() => app.close())
  app.register(async (scope) => {
    scope.get('/silent', { config: { requestLogging: false } }, async () => 'ok')
    scope.get(
      '/debug',
      { config: { requestLogging: { level: { ok: 'debug' } } } },
      async () => 'ok'
    )
    scope.get('/plain', { config: { requestLogging: {} } }, async (_request, reply) =>
      reply.code(404).send('no')
    )
    const level = ({ status = 0 }): 'silent' | 'fatal' => (status === 200 ? 'silent' : 'fatal')
    scope.get(
      '/chosen/:status',
      { config: { requestLogging: { level } } },
      async (request, reply) =>
        reply.code(Number((request.params as { status: string }).status)).send('so')
    )
  })
  for (const path of ['/silent', '/debug', '/debug', '/plain', '/chosen/200', '/chosen/201']) {
    await app.inject(path)
  }
  t.same(
    log.requests().map(({ path, level }) => [path, level]),
    [
      ['/debug', 20],
      ['/debug', 20],
      ['/plain', 40],
      ['/chosen/201', 60]
    ]
  )
})

t.test('a bad option on a route declared before the plugin is told once', async (t) => {
  const log = new Log()
  const app = Fastify({ logger: { stream: log }, logController: logController() })
  t.teardown(() => app.close())
  app.get('/early', { config: { requestLogging: { levle: 1 } } }, async () => 'ok')
  app.get('/quiet', { config: { requestLogging: false } }, async () => 'ok')
  await app.register(requestLogging)
  await app.inject('/early')
  await app.inject('/early')
  await app.inject('/quiet')
  const lines = log.all()
  t.equal(lines.length, 3)
  t.match(lines[0], {
    level: 50,
    msg: /of GET \/early: the option "levle".*plugin's options apply/
  })
  t.match(lines[1], { path: '/early', outcome: 'ok' })
  t.match(lines[2], { path: '/early', outcome: 'ok' })
})

t.test('the application adds its fields, and the line keeps its own', async (t) => {
  const { app, log } = loggedApp()
  t.teardown(() => app.close())
  app.addHook('onRequest', async (request) => {
    request.addLogFields({ user: 'ada', status: 1, outcome: 'splendid', level: 'fatal' })
  })
  app.get('/', async (request) => {
    request.addLogFields(JSON.parse('{"__proto__":{"admin":true},"constructor":1,"items":[1,2]}'))
    request.addLogFields({ user: 'grace', headers: {}, socket: {}, setHeader: () => {}, big: 1n })
    return 'ok'
  })
  await app.inject('/')
  const line = await log.line()
  t.match(line, {
    user: 'grace',
    status: 200,
    outcome: 'ok',
    level: 30,
    items: [1, 2],
    big: '1'
  })
  t.equal(line['constructor'], 1)
  t.notOk('admin' in line)
  t.equal(log.text.match(/"status":/g)?.length, 1)
})

t.test('a field under a name of the line is reported once, not dropped in silence', async (t) => {
  const { app, log } = loggedApp()
  t.teardown(() => app.close())
  app.get('/', async (request) => {
    request.addLogFields({ shed: true, user: 'ada' })
    return 'ok'
  })
  await app.inject('/')
  await app.inject('/')
  const [line] = await log.lines(2)
  t.equal(line?.['user'], 'ada')
  t.notOk(line && 'shed' in line)
  const told = log.all().filter(({ msg }) => String(msg).includes('"shed"'))
  t.match(told, [{ level: 40, msg: /addLogFields\(\): the field "shed" was left out/ }])
  t.equal(told.length, 1)
})

t.test('a call that a fallback answered is on the line', async (t) => {
  const { app, log } = loggedApp()
  t.teardown(() => app.close())
  app.register(circuitBreaker)
  app.get('/:stock', (request) =>
    app.circuitBreaker('stock').execute(
      async () => {
        if (request.url === '/none') throw new Error('no database')
        return 'live'
      },
      { request, fallback: () => 'cached' }
    )
  )
  t.equal((await app.inject('/none')).body, 'cached')
  t.equal((await app.inject('/some')).body, 'live')
  const [none, some = {}] = log.requests()
  t.match(none, { path: '/none', status: 200, outcome: 'ok', breakerFallback: 'stock' })
  t.notOk('breakerFallback' in some)
})

t.test('nothing a client sends breaks a line or reaches a terminal', async (t) => {
  const { app, log } = loggedApp({}, { trustProxy: true, requestIdHeader: 'x-id' })
  t.teardown(() => app.close())
  app.get('/*', async (request) => {
    request.addLogFields({ agent: request.headers['user-agent'] })
    return 'ok'
  })
  const port = await listen(app)
  const hostile = '\u009b31m"\\\u00c3(\u00a0\u00ff'
  const connection = await rawConnection(port)
  connection.socket.write(
    Buffer.from(
      head('GET /"\\<b>?token=secret', {
        'X-Id': hostile,
        'User-Agent': hostile,
        'X-Forwarded-For': hostile,
        Connection: 'close'
      }),
      'latin1'
    )
  )
  await connection.ended()
  connection.destroy()
  const line = await log.line()
  t.match(line, {
    path: '/"\\<b>',
    reqId: '\ufffd31m"\\\u00c3(\u00a0\u00ff',
    agent: '\ufffd31m"\\\u00c3(\u00a0\u00ff',
    outcome: 'ok'
  })
  // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be there
  t.notMatch(log.text, /[\x00-\x09\x0b-\x1f\x7f-\x9f]|secret/)
  const ansi = await rawConnection(port)
  ansi.write('GET /\u001b[31m HTTP/1.1\r\nHost: a\r\n\r\n')
  await ansi.ended()
  t.match((await log.lines(2))[1], { outcome: 'malformed', status: 400 })
})

t.test('a query that begins with a semicolon is no path', async (t) => {
  // Fastify's types leave it out of routerOptions.
  const routerOptions: object = { useSemicolonDelimiter: true }
  for (const server of [{ routerOptions }, { useSemicolonDelimiter: true }]) {
    const { app, log } = loggedApp({}, server)
    app.get('/a', async () => 'ok')
    await app.inject('/a;token=secret')
    t.match(await log.line(), { path: '/a' })
    t.notMatch(log.text, 'secret')
    await app.close()
  }
})

t.test('the client is whom the app trusts, and a trust that throws harms nothing', async (t) => {
  const trusting = loggedApp({}, { trustProxy: true })
  await trusting.app.inject({ url: '/', headers: { 'x-forwarded-for': '192.0.2.1' } })
  t.match(await trusting.log.line(), { client: '192.0.2.1' })
  const throwing = loggedApp(
    {},
    {
      trustProxy: () => {
        throw new Error('cannot tell')
      }
    }
  )
  const answer = await throwing.app.inject({
    url: '/',
    headers: { 'x-forwarded-for': '192.0.2.1' }
  })
  t.equal(answer.statusCode, 404)
  t.match(await throwing.log.line(), { client: '127.0.0.1' })
  await trusting.app.close()
  await throwing.app.close()
})

t.test('a hook before the plugin may answer, and the line still knows the route', async (t) => {
  const log = new Log()
  const app = Fastify({ logger: { stream: log }, logController: logController() })
  t.teardown(() => app.close())
  app.addHook('onRequest', async (request, reply) => {
    if (request.url === '/orders/1') return reply.code(401).send('who?')
    if (request.url === '/orders/2') throw new Error('no session store')
  })
  app.register(requestLogging)
  app.get('/orders/:id', async () => 'ok')
  for (const id of [1, 2, 3]) await app.inject(`/orders/${id}`)
  const lines = await log.lines(3)
  t.match(lines, [
    { route: '/orders/:id', status: 401, outcome: 'client-error', reqId: String },
    { route: '/orders/:id', status: 500, outcome: 'server-error', error: { type: 'Error' } },
    { route: '/orders/:id', status: 200, outcome: 'ok' }
  ])
})

t.test('a hook of a scope adds fields before any hook of its plugin', async (t) => {
  const log = new Log()
  const app = Fastify({ logger: { stream: log }, logController: logController() })
  t.teardown(() => app.close())
  app.register(async (scope) => {
    scope.addHook('onRequest', async (request) => {
      request.addLogFields({ from: 'before' })
    })
    await scope.register(requestLogging)
    scope.get('/', async () => 'ok')
  })
  await app.inject('/')
  t.match(await log.line(), { route: '/', from: 'before' })
})

t.test('a scope has a log of its own; the root keeps the rest', async (t) => {
  const own = new Log()
  const { app, log } = loggedApp()
  t.teardown(() => app.close())
  const logger = Fastify({ logger: { stream: own } }).log as RequestLogger
  app.register(
    async (scope) => {
      scope.register(requestLogging, { logger, level: { ok: 'warn' } })
      scope.get('/orders', async (request) => {
        request.addLogFields({ from: 'scope' })
        return 'ok'
      })
    },
    { prefix: '/scope' }
  )
  app.get('/orders', async () => 'ok')
  for (const path of ['/scope/orders', '/orders', '/scope/none']) await app.inject(path)
  t.match(own.requests(), [{ route: '/scope/orders', level: 40, from: 'scope' }])
  t.match(
    log.requests().map(({ path }) => path),
    ['/orders', '/scope/none']
  )
})

t.test('a hook that runs before the log of a scope adds to its line', async (t) => {
  const log = new Log()
  const app = Fastify({ logger: { stream: log }, logController: logController() })
  t.teardown(() => app.close())
  app.register(async (scope) => {
    scope.addHook('onRequest', async (request) => request.addLogFields({ tenant: 'acme' }))
    scope.register(requestLogging)
    scope.get('/orders', async () => 'ok')
  })
  await app.inject('/orders')
  t.match(await log.lines(1), [{ route: '/orders', tenant: 'acme' }])
})

t.test('a scope alone logs its own requests', async (t) => {
  const log = new Log()
  const app = Fastify({ logger: { stream: log }, logController: logController() })
  t.teardown(() => app.close())
  app.register(async (scope) => {
    scope.register(requestLogging)
    scope.get('/inside', async () => 'ok')
  })
  app.get('/outside', async () => 'ok')
  const port = await listen(app)
  for (const path of ['/inside', '/outside']) {
    await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } })
  }
  await app.close()
  t.match(
    log.requests().map(({ path }) => path),
    ['/inside']
  )
})

t.test('a field that the logger cannot serialize does not cost the line', async (t) => {
  const seen = warnings(t)
  const { app, log } = loggedApp()
  t.teardown(() => app.close())
  app.get('/', async (request) => {
    // Fastify's serializers read `req` and `res`.
    request.addLogFields({ req: null, user: 'ada' })
    return 'ok'
  })
  await app.inject('/')
  const line = await log.line()
  t.match(line, { path: '/', outcome: 'ok', user: undefined })
  await new Promise(setImmediate)
  t.equal(seen.length, 1)
})

t.test('a logger that throws fails no request and is told once', async (t) => {
  const seen = warnings(t)
  const logger = Object.fromEntries(
    ['trace', 'debug', 'info', 'warn', 'error', 'fatal'].map((level) => [
      level,
      () => {
        throw new Error('disk full')
      }
    ])
  )
  const isLevelEnabled = (): boolean => {
    throw new Error('no levels')
  }
  const writes = logger as unknown as RequestLogger
  for (const broken of [writes, { ...writes, isLevelEnabled }]) {
    const { app } = loggedApp({ logger: broken })
    app.get('/', async () => 'ok')
    t.equal((await app.inject('/')).body, 'ok')
    t.equal((await app.inject('/')).body, 'ok')
    const client = await rawConnection(await listen(app))
    client.write(head('CONNECT a:443'))
    await client.ended()
    await app.close()
  }
  await new Promise(setImmediate)
  t.equal(seen.length, 2)
  t.match(seen[0]?.message, /the logger of requestLogging.*disk full/)
  t.match(seen[1]?.message, /the logger of requestLogging.*no levels/)
})

t.test('a logger that rejects ends neither a request nor the process', async (t) => {
  const seen = warnings(t)
  const reject = async (): Promise<never> => {
    throw new Error('disk full')
  }
  const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal']
  const logger = Object.fromEntries(levels.map((level) => [level, reject]))
  const writes = { ...logger, flush: reject } as unknown as RequestLogger
  const app = Fastify()
  app.register(requestLogging, { logger: writes })
  app.get('/', async () => 'ok')
  t.equal((await app.inject('/')).body, 'ok')
  t.equal((await app.inject('/')).body, 'ok')
  await app.close()
  await new Promise(setImmediate)
  t.match(seen, [{ message: /the logger of requestLogging.*disk full/ }])
})

t.test('a logger that cannot have a child writes at its own level', async (t) => {
  const seen = warnings(t)
  const written = new Log()
  const logger = Object.assign(Object.create(pino({}, written)) as RequestLogger, {
    child: () => {
      throw new Error('no children')
    }
  })
  const app = Fastify()
  t.teardown(() => app.close())
  app.register(requestLogging, { logger })
  app.get('/', { logLevel: 'error' }, async () => 'ok')
  await app.inject('/')
  t.match(written.requests(), [{ path: '/', level: 30 }])
  await new Promise(setImmediate)
  t.match(seen, [{ message: /the logger of requestLogging.*no children/ }])
})

t.test('a logger of any make is called once for a request', async (t) => {
  const calls: [string, WrittenLine, string][] = []
  const at =
    (level: string) =>
    (fields: object, message: string): void => {
      calls.push([level, fields as WrittenLine, message])
    }
  const logger: RequestLogger = {
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal')
  }
  const app = Fastify()
  app.register(requestLogging, { logger })
  app.get('/', async () => 'ok')
  await app.inject('/')
  await app.close()
  t.equal(calls.length, 1)
  t.match(calls[0], ['info', { path: '/', status: 200 }, 'GET / 200'])
})

t.test('lines of what has no route are left out by their level too', async (t) => {
  const { app, log } = loggedApp({ level: ({ outcome }) => (outcome === 'ok' ? 'info' : 'silent') })
  t.teardown(() => app.close())
  const port = await listen(app)
  for (const text of [head('CONNECT a:443'), 'garbage\r\n\r\n', 'GET / HTTP/1.1\r\n\r\n']) {
    const client = await rawConnection(port)
    client.write(text)
    if (text.startsWith('GET')) await client.until(/400/)
    else await client.ended()
    client.destroy()
  }
  await app.close()
  t.same(log.requests(), [])
})

t.test('without a logger, or below its level, nothing is written', async (t) => {
  const silent = Fastify({ logger: false })
  silent.register(requestLogging)
  silent.get('/', async () => 'ok')
  t.equal((await silent.inject('/')).body, 'ok')
  await silent.close()

  const log = new Log()
  const app = Fastify({ logger: { level: 'error', stream: log }, logController: logController() })
  app.register(requestLogging)
  app.get('/', async () => 'ok')
  app.get('/throws', async () => {
    throw new Error('yes')
  })
  await app.inject('/')
  await app.inject('/throws')
  await app.close()
  t.same(
    log.all().map(({ path }) => path),
    ['/throws']
  )
})

t.test('bodies without a length, and answers without a body', async (t) => {
  const { app, log } = loggedApp()
  t.teardown(() => app.close())
  app.get('/stream', (_request, reply) => {
    reply.send(new Response('streamed').body)
  })
  app.get('/nothing', async (_request, reply) => reply.code(204).send())
  app.get('/unchanged', async (_request, reply) => reply.code(304).send())
  const port = await listen(app)
  for (const path of ['/stream', '/nothing', '/unchanged']) {
    await fetch(`http://127.0.0.1:${port}${path}`).then((answer) => answer.text())
  }
  t.same(
    (await log.lines(3)).map(({ bytesOut }) => bytesOut),
    // Without a length beforehand the chunk's own lines and the last chunk count too.
    ['8\r\nstreamed\r\n0\r\n\r\n'.length, 0, 0]
  )
})

t.test('the target is logged as it came, not as it was rewritten', async (t) => {
  const { app, log } = loggedApp({}, { rewriteUrl: () => '/inside' })
  t.teardown(() => app.close())
  app.get('/inside', async () => 'ok')
  const port = await listen(app)
  await fetch(`http://127.0.0.1:${port}/outside?token=secret`).then((answer) => answer.text())
  t.match(await log.line(), { route: '/inside', path: '/outside' })
})

t.test('another server in the process is none of ours', async (t) => {
  const { app, log } = loggedApp()
  t.teardown(() => app.close())
  await listen(app)
  const other = createServer((_request, response) => {
    response.end('other')
  }).listen(0, '127.0.0.1')
  t.teardown(() => other.close())
  await new Promise((resolve) => other.once('listening', resolve))
  const address = other.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  await fetch(`http://127.0.0.1:${address.port}/`).then((answer) => answer.text())
  t.equal(log.text.includes('outcome'), false)
})
