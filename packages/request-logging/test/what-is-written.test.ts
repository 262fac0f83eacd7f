/**
 * Which requests have a line, and at which level: sampling, slowness, silence, levels, by the settings
 * of each route (`edges/route-settings.ts`).
 */
import { type RequestLoggingRouteOptions, requestLogging } from '@holdfast/request-logging'
import { logController } from '@holdfast/request-logging/log-controller'
import Fastify from 'fastify'
import t from 'tap'
import { fetch } from 'undici'
import { eventually, head, listen, rawConnection } from '../../../test/support/http.ts'
import { Log, loggedApp } from './support/log.ts'

const quick = (requestLogging: RequestLoggingRouteOptions) => ({ config: { requestLogging } })

t.test('what went well is written at the rate, what did not always', async (t) => {
  const { app, log } = loggedApp({ sample: 0, slow: '1 minute' })
  t.teardown(() => app.close())
  app.get('/ok', async () => 'ok')
  app.get('/throws', async () => {
    throw new Error('no')
  })
  app.get('/missing', async (_request, reply) => reply.code(404).send('no'))
  app.get('/slow', quick({ slow: '20ms' }), () => {
    return new Promise((resolve) => setTimeout(resolve, 40, 'late'))
  })
  app.get('/always', quick({ sample: 1 }), async () => 'ok')
  app.get('/waits', () => new Promise(() => {}))
  const port = await listen(app)
  for (const path of ['ok', 'throws', 'missing', 'slow', 'always', 'nowhere']) {
    await fetch(`http://127.0.0.1:${port}/${path}`).then((answer) => answer.text())
  }
  const client = await rawConnection(port)
  client.write(head('GET /waits'))
  await fetch(`http://127.0.0.1:${port}/ok`).then((answer) => answer.text())
  client.destroy()
  await log.lines(6)
  await app.close()
  t.same(
    log.requests().map(({ path, outcome, slow }) => [path, outcome, slow]),
    [
      ['/throws', 'server-error', undefined],
      ['/missing', 'client-error', undefined],
      ['/slow', 'ok', true],
      ['/always', 'ok', undefined],
      ['/nowhere', 'client-error', undefined],
      ['/waits', 'aborted', undefined]
    ]
  )
  t.match(
    log.requests().find(({ path }) => path === '/slow'),
    { level: 40, msg: 'GET /slow 200' }
  )
})

t.test('a route that is never slow is sampled however long it takes', async (t) => {
  const { app, log } = loggedApp({ sample: 0, slow: 0 })
  t.teardown(() => app.close())
  app.get('/never-slow', quick({ slow: false }), async () => 'ok')
  app.get('/slow', async () => 'ok')
  for (const path of ['/never-slow', '/slow']) await app.inject(path)
  t.match(log.requests(), [{ path: '/slow', slow: true }])
  t.equal(log.requests().length, 1)
})

t.test('a line states its rate, by which counts can be restored', async (t) => {
  const { app, log } = loggedApp({ sample: 0.25 })
  t.teardown(() => app.close())
  app.get('/', async () => 'ok')
  app.get('/throws', async () => {
    throw new Error('no')
  })
  for (let n = 0; n < 2000; n++) await app.inject('/')
  await app.inject('/throws')
  const lines = log.requests()
  const stated = lines.filter(({ sampleRate }) => sampleRate === 0.25)
  t.ok(Math.abs(stated.length * 4 - 2000) < 400, `${stated.length} of 2000`)
  t.equal(lines.length, stated.length + 1)
  t.match(lines.at(-1), { path: '/throws', sampleRate: undefined })
})

t.test('the same trace is kept by every service with the same rate', async (t) => {
  const kept: unknown[][] = []
  for (let service = 0; service < 2; service++) {
    const { app, log } = loggedApp({ sample: 0.5 })
    app.get('/', async () => 'ok')
    for (let n = 0; n < 64; n++) {
      const trace = `${'1'.repeat(18)}${(n * 4).toString(16).padStart(2, '0')}${'0'.repeat(12)}`
      await app.inject({ url: '/', headers: { traceparent: `00-${trace}-${'2'.repeat(16)}-00` } })
    }
    kept.push(log.requests().map(({ traceId }) => traceId))
    await app.close()
  }
  t.equal(kept[0]?.length, 32)
  t.same(kept[0], kept[1])
})

t.test(
  'paths and functions silence, unless an error was thrown, or the route speaks',
  async (t) => {
    const { app, log } = loggedApp({
      silent: [
        '/metrics',
        '/assets/*',
        ({ request, reply }) => request?.url === '/quiet' && reply?.statusCode === 200
      ]
    })
    t.teardown(() => app.close())
    app.get('/metrics', async () => 'ok')
    app.get('/assets/*', async (request) => {
      if (request.url.endsWith('broken')) throw new Error('no disk')
      return 'ok'
    })
    app.get('/assets/spoken', quick({}), async () => 'ok')
    app.get('/quiet', async () => 'ok')
    app.get('/livez', { config: { holdfast: { probe: true } } }, async () => 'ok')
    for (const path of [
      '/metrics',
      '/metrics?a=b',
      '/assets/a',
      '/assets/broken',
      '/assets/spoken',
      '/quiet',
      '/livez'
    ]) {
      await app.inject(path)
    }
    t.same(
      log.requests().map(({ path }) => path),
      ['/assets/broken', '/assets/spoken', '/livez']
    )
  }
)

t.test('a tunnel is silenced by its path, and sampled', async (t) => {
  for (const options of [{ silent: '/socket' }, { sample: 0 }] as const) {
    const { app, log } = loggedApp(options)
    app.server.on('upgrade', (request, socket) => {
      if (request.url === '/end') socket.destroy()
      else socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n')
    })
    const port = await listen(app)
    for (const path of ['/socket', '/end']) {
      const client = await rawConnection(port)
      client.write(head(`GET ${path}`, { Connection: 'Upgrade', Upgrade: 'echo' }))
      await client.ended()
    }
    await log.line()
    await app.close()
    t.same(
      log.requests().map(({ path, sampleRate }) => [path, sampleRate]),
      [['/end', undefined]]
    )
  }
  const { app, log } = loggedApp({ sample: 0.999 })
  app.server.on('upgrade', (_request, socket) => {
    socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n')
  })
  const client = await rawConnection(await listen(app))
  client.write(head('GET /socket', { Connection: 'Upgrade', Upgrade: 'echo' }))
  await client.ended()
  t.match(await log.line(), { outcome: 'hijacked', sampleRate: 0.999 })
  await app.close()
})

t.test('a function chooses the level by request, reply and error', async (t) => {
  const { app, log } = loggedApp({
    level: ({ outcome, slow, request, reply, error, duration, status }) => {
      if (error instanceof RangeError) return 'fatal'
      if (request?.routeOptions.url === '/loud' && reply?.statusCode === 201) return 'warn'
      if (outcome === 'ok' && !slow && status === 200 && Number(duration) >= 0) return 'debug'
      throw new Error('no idea')
    }
  })
  t.teardown(() => app.close())
  app.get('/loud', async (_request, reply) => reply.code(201).send('ok'))
  app.get('/ok', async () => 'ok')
  app.get('/throws', async () => {
    throw new RangeError('no')
  })
  app.get('/own', quick({ level: { ok: 'trace' } }), async () => 'ok')
  for (const path of ['/loud', '/ok', '/throws', '/own', '/nowhere']) {
    t.ok((await app.inject(path)).statusCode)
  }
  t.same(
    log.requests().map(({ path, level }) => [path, level]),
    [
      ['/loud', 40],
      ['/ok', 20],
      ['/throws', 60],
      ['/own', 10],
      ['/nowhere', 30]
    ]
  )
})

t.test("a route's logLevel counts, higher or lower than the logger's", async (t) => {
  const written = new Log()
  const server = Fastify({
    logger: { level: 'info', stream: written },
    logController: logController()
  })
  t.teardown(() => server.close())
  server.register(requestLogging, { level: { ok: 'debug' } })
  server.get('/usual', async () => 'ok')
  server.get('/talkative', { logLevel: 'debug' }, async () => 'ok')
  server.get('/errors', { logLevel: 'error' }, async (_request, reply) =>
    reply.code(404).send('no')
  )
  server.register(
    async (scope) => {
      scope.get('/ok', async () => 'ok')
    },
    { prefix: '/scope', logLevel: 'trace' }
  )
  for (const path of ['/usual', '/talkative', '/talkative', '/errors', '/scope/ok']) {
    await server.inject(path)
  }
  t.same(
    written.all().map(({ path, level }) => [path, level]),
    [
      ['/talkative', 20],
      ['/talkative', 20],
      ['/scope/ok', 20]
    ]
  )
})

t.test(
  'an injected request shows the path it was sent to, not what it was rewritten to',
  async (t) => {
    const { app, log } = loggedApp({}, { rewriteUrl: () => '/inside' })
    t.teardown(() => app.close())
    app.get('/inside', async () => 'ok')
    await app.inject('/outside?token=secret')
    t.match(await log.line(), { route: '/inside', path: '/outside', query: 'token=REDACTED' })
  }
)

t.test('the first byte, and the bytes of what broke off', async (t) => {
  const { app, log } = loggedApp()
  t.teardown(() => app.close())
  app.get('/late', (_request, reply) => {
    reply.hijack()
    setTimeout(() => {
      reply.raw.write('first')
      setTimeout(() => reply.raw.end('last'), 50)
    }, 50)
  })
  app.get('/leaves', (_request, reply) => {
    reply.raw.writeHead(200, { 'Content-Length': 1000 }).write('12345')
    reply.hijack()
  })
  app.get('/large', async (_request, reply) => {
    reply.header('content-length', 1000).raw.flushHeaders()
    return new Promise(() => {})
  })
  const port = await listen(app)
  await fetch(`http://127.0.0.1:${port}/late`).then((answer) => answer.text())
  const { ttfb, duration } = (await log.line()) as { ttfb: number; duration: number }
  t.ok(ttfb >= 40 && duration - ttfb >= 40, `${ttfb} of ${duration}`)
  for (const [path, pattern] of [
    ['/leaves', /12345/],
    ['/large', /\r\n\r\n/]
  ] as const) {
    const client = await rawConnection(port)
    client.write(head(`GET ${path}`))
    await client.until(pattern)
    client.destroy()
  }
  const [, leaves, large] = await log.lines(3)
  t.match(leaves, { path: '/leaves', outcome: 'hijacked', bytesOut: 5 })
  t.match(large, { outcome: 'aborted', status: 499, sentStatus: 200, bytesOut: 0 })
  await eventually(() => log.requests().length === 3)
})
