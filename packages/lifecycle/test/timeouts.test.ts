import dns from 'node:dns'
import { readFileSync } from 'node:fs'
import { Writable } from 'node:stream'
import { connect } from 'node:tls'
import { furtherServers } from '@holdfast/core'
import { type LifecycleOptions, lifecycle, serverTimeouts } from '@holdfast/lifecycle'
import Fastify, { type FastifyServerOptions } from 'fastify'
import t, { type Test } from 'tap'
import { eventually, head, listen, rawConnection } from '../../../test/support/http.ts'
import { complete, type ServerTimes } from '../dist/timeouts.js'

// Most of it is waiting.
t.jobs = 4

t.test('the defaults are 5 s for a request, 10 s for a handler, 2 minutes idle', async (t) => {
  t.same(serverTimeouts(), {
    requestTimeout: 5000,
    handlerTimeout: 10_000,
    keepAliveTimeout: 120_000,
    http2SessionTimeout: 120_000,
    http: { requestTimeout: 5000, headersTimeout: 5000, connectionsCheckingInterval: 500 }
  })
  const app = Fastify(serverTimeouts())
  t.teardown(() => app.close())
  t.match(app.server, { requestTimeout: 5000, headersTimeout: 5000, keepAliveTimeout: 120_000 })
})

t.test('they mix with other options and need no cast', async (t) => {
  const app = Fastify({ ...serverTimeouts({ request: 1234.5 }), logger: { level: 'silent' } })
  t.teardown(() => app.close())
  app.register(lifecycle, { signals: false })
  await app.ready()
  t.equal(app.server.requestTimeout, 1235)
})

t.test('how often Node looks follows from the time, within bounds', (t) => {
  const intervalFor = (request: number): number =>
    serverTimeouts({ request }).http.connectionsCheckingInterval
  t.same([intervalFor(10), intervalFor(2000), intervalFor(60_000)], [100, 200, 500])
  t.equal(intervalFor(0), 30_000, 'off: as Node does')
  t.equal(serverTimeouts({ request: 0.3 }).requestTimeout, 1, 'not off')
  t.throws(() => serverTimeouts({ handler: '30 days' }), { message: /"serverTimeouts.handler"/ })
  t.throws(() => serverTimeouts(JSON.parse('{"prefix":""}')), { message: /"prefix" does not/ })
  t.throws(() => serverTimeouts({ idle: 'never' }), { message: /"serverTimeouts.idle"/ })
  t.throws(() => serverTimeouts(JSON.parse('{"body":1}')), { message: /"body" does not exist/ })
  t.end()
})

t.test('what is half sent is answered 408 and closed, within a second of the 5 s', async (t) => {
  const app = Fastify(serverTimeouts())
  t.teardown(() => app.close())
  app.post('/', async () => 'read')
  const port = await listen(app)
  const start = performance.now()
  const [halfHead, halfBody] = await Promise.all([rawConnection(port), rawConnection(port)])
  halfHead.write('GET / HTTP/1.1\r\nHo')
  halfBody.write(`${head('POST /', { 'content-type': 'text/plain', 'content-length': '9' })}half`)
  for (const received of await Promise.all([halfHead.ended(), halfBody.ended()])) {
    t.match(received, /^HTTP\/1.1 408 /)
  }
  const seconds = (performance.now() - start) / 1000
  t.ok(seconds >= 5 && seconds < 6, `${seconds} s`)
})

t.test('a handler of more than 10 s is answered 503 and its signal aborted', async (t) => {
  const app = Fastify(serverTimeouts())
  t.teardown(() => app.close())
  let aborted = false
  app.get('/', async (request) => {
    await new Promise((resolve) => request.signal.addEventListener('abort', resolve))
    aborted = true
    return 'late'
  })
  const port = await listen(app)
  const start = performance.now()
  const response = await fetch(`http://127.0.0.1:${port}/`)
  t.equal(response.status, 503)
  t.match(await response.json(), { code: 'FST_ERR_HANDLER_TIMEOUT' })
  t.equal(aborted, true)
  t.equal(Math.floor((performance.now() - start) / 1000), 10)
})

const certificate = {
  key: readFileSync(new URL('fixtures/localhost-key.pem', import.meta.url)),
  cert: readFileSync(new URL('fixtures/localhost-cert.pem', import.meta.url))
}

t.test('with HTTPS the plugin sets what Node does not see, and it fires', async (t) => {
  const app = Fastify({ ...serverTimeouts({ request: '1s' }), https: certificate })
  t.teardown(() => app.close())
  await app.register(lifecycle, { signals: false, drainDelay: 0 })
  t.match(app.server, { requestTimeout: 1000, headersTimeout: 60_000 })
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.match(app.server, {
    requestTimeout: 1000,
    headersTimeout: 1000,
    keepAliveTimeout: 120_000,
    connectionsCheckingInterval: 100
  })
  const socket = connect({
    port: Number(new URL(app.listeningOrigin).port),
    rejectUnauthorized: false
  })
  socket.write('GET / HTTP/1.1\r\nHo')
  let received = ''
  for await (const chunk of socket.setEncoding('latin1')) received += chunk
  t.match(received, /^HTTP\/1.1 408 /)
})

t.test('with HTTP/2 beside HTTP/1 the plugin sets what Fastify does not hand on', async (t) => {
  const app = Fastify({
    ...serverTimeouts({ request: '2s', idle: '30s' }),
    http2: true,
    https: { ...certificate, allowHTTP1: true }
  })
  t.teardown(() => app.close())
  await app.register(lifecycle, { signals: false, drainDelay: 0 })
  await app.ready()
  t.match(app.server, {
    requestTimeout: 2000,
    headersTimeout: 2000,
    keepAliveTimeout: 30_000,
    connectionsCheckingInterval: 200
  })
  t.equal(app.initialConfig.http2SessionTimeout, 30_000)
})

/** Boots an app with the plugin, and returns it with what was logged. */
async function boot(t: Test, options: LifecycleOptions, server: FastifyServerOptions = {}) {
  const lines: Record<string, unknown>[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)))
      done()
    }
  })
  const app = Fastify({ ...server, logger: { stream } })
  t.teardown(() => app.close())
  app.register(lifecycle, { signals: false, drainDelay: 0, ...options })
  await app.ready()
  return { app, lines, warnings: lines.filter(({ level }) => level === 40).map(({ msg }) => msg) }
}

t.test('told nothing, the plugin sets what it can and says what it could not', async (t) => {
  const { app, lines, warnings } = await boot(t, {})
  t.match(app.server, {
    requestTimeout: 5000,
    headersTimeout: 5000,
    keepAliveTimeout: 120_000,
    connectionsCheckingInterval: 500
  })
  t.match(
    lines.filter(({ level }) => level === 30),
    [{ requestTimeout: 5000, keepAliveTimeout: 120_000, msg: /has set timeouts/ }]
  )
  t.match(warnings, [
    /cannot set any more: a timeout for handlers\. Give Fastify\(\.\.\.\) the options of serverTimeouts\(\)/
  ])
})

t.test('what the user set is kept, and nothing is said of it', async (t) => {
  const all = await boot(t, {}, serverTimeouts({ request: '7s', idle: '90s' }))
  t.match(all.app.server, { requestTimeout: 7000, keepAliveTimeout: 90_000 })
  t.same(all.lines, [])
  const off = await boot(t, { timeouts: { handler: 0 } }, serverTimeouts({ request: 0, idle: 0 }))
  const week = 604_800_000
  t.match(off.app.server, { requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: week })
  t.same(off.lines, [])
  const none = await boot(t, { timeouts: false })
  t.match(none.app.server, { requestTimeout: 0, headersTimeout: 60_000, keepAliveTimeout: 72_000 })
  t.same(none.lines, [])
  const long = await boot(t, { timeouts: { handler: 0 } }, { requestTimeout: 90_000 })
  t.match(long.app.server, {
    requestTimeout: 90_000,
    headersTimeout: 60_000,
    connectionsCheckingInterval: 500
  })
  const given = await boot(t, { timeouts: { request: 0, handler: 0, idle: 0 } })
  t.match(given.app.server, { requestTimeout: 0, headersTimeout: 60_000, keepAliveTimeout: 72_000 })
  t.same(given.lines, [])
})

t.test('what belongs together is completed together', (t) => {
  const wanted = { request: 5000, handler: 0, idle: 120_000 }
  const untouched = {
    requestTimeout: 0,
    headersTimeout: 60_000,
    keepAliveTimeout: 72_000,
    connectionsCheckingInterval: 30_000
  }
  t.same(complete(untouched, {}, wanted), {
    set: {
      requestTimeout: 5000,
      headersTimeout: 5000,
      keepAliveTimeout: 120_000,
      connectionsCheckingInterval: 500
    },
    missing: []
  })
  t.same(
    complete({ ...untouched, headersTimeout: 9000, keepAliveTimeout: 5 }, {}, wanted).set,
    {},
    'who set the one has thought of the other'
  )
  t.same(complete({ ...untouched, requestTimeout: 20_000 }, {}, wanted).set, {
    headersTimeout: 20_000,
    keepAliveTimeout: 120_000,
    connectionsCheckingInterval: 500
  })
  const http2 = { ...untouched, requestTimeout: 300_000 }
  for (const keepAliveTimeout of [undefined, 5000]) {
    const server: ServerTimes = { ...http2 }
    delete server.keepAliveTimeout
    if (keepAliveTimeout !== undefined) server.keepAliveTimeout = keepAliveTimeout
    t.match(complete(server, { requestTimeout: 2000, keepAliveTimeout: 9000 }, wanted).set, {
      requestTimeout: 2000,
      headersTimeout: 2000,
      keepAliveTimeout: 9000
    })
  }
  t.same(complete({}, {}, { ...wanted, request: 0 }), { set: {}, missing: [] })
  t.end()
})

t.test('HTTP/2 alone has no read timeout, and that is said', async (t) => {
  const lines: { msg: string }[] = []
  const log = (msg: string): void => {
    lines.push({ msg })
  }
  const app = Fastify({ ...serverTimeouts(), http2: true })
  t.teardown(() => app.close())
  app.log.warn = log as typeof app.log.warn
  app.register(lifecycle, { signals: false, drainDelay: 0, proxyIdleTimeout: '3 minutes' })
  await app.ready()
  t.match(lines, [
    { msg: /for reading requests, which HTTP\/2 does not have/ },
    { msg: /idle connections after 120000 ms, the proxy after 180000 ms/ }
  ])
})

t.test('the further addresses of localhost get the same times, or it is said', async (t) => {
  const addresses = [
    { address: '127.0.0.1', family: 4 },
    { address: '127.0.0.2', family: 4 }
  ]
  const lookup = dns.lookup
  // Not every machine has two addresses for localhost.
  t.teardown(() => Object.assign(dns, { lookup }))
  Object.assign(dns, {
    lookup: (host: string, options: dns.LookupAllOptions, callback: () => void) => {
      const found = (_: null, all: typeof addresses): void =>
        Reflect.apply(callback, null, [_, all])
      if (host === 'localhost' && options.all === true) found(null, addresses)
      else Reflect.apply(lookup, dns, [host, options, callback])
    }
  })
  const { app, lines } = await boot(t, {})
  await app.listen({ port: 0 })
  await eventually(() => app.lifecycle.state === 'ready')
  const servers = furtherServers(app)
  t.equal(servers.length, 1)
  t.match(servers, [{ requestTimeout: 5000, headersTimeout: 5000, keepAliveTimeout: 120_000 }])
  t.match(lines.at(-1), { level: 40, msg: /on the further addresses: every 30 s/ })

  const whole = await boot(t, {}, serverTimeouts())
  await whole.app.listen({ port: 0 })
  await eventually(() => whole.app.lifecycle.state === 'ready')
  t.match(furtherServers(whole.app), [{ connectionsCheckingInterval: 500 }])
  t.same(whole.warnings, [])
})

t.test("an idle time that is not longer than the proxy's is called out with both", async (t) => {
  const pair = async (idle: string, proxyIdleTimeout: string): Promise<unknown[]> =>
    (await boot(t, { proxyIdleTimeout }, serverTimeouts({ idle }))).warnings
  t.match(await pair('60s', '60s'), [
    /closes idle connections after 60000 ms, the proxy after 60000 ms \(proxyIdleTimeout\)/
  ])
  t.match(await pair('50s', '60s'), [/after 50000 ms/])
  t.same(await pair('61s', '60s'), [])
  t.same(await pair('0', '60s'), [], 'it never closes them')
  const byDefault = await boot(t, { proxyIdleTimeout: '3 minutes', timeouts: { handler: 0 } })
  t.match(byDefault.warnings, [/after 120000 ms, the proxy after 180000 ms/])
})
