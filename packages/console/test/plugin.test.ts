/**
 * The page as it is reached: on a listener of its own, on the app, and on another app. Covers `plugin.ts`,
 * `view.ts`, `options.ts`, `errors.ts`, `foreign-names.ts`, and of the edges `assets.ts`, `event-stream.ts`,
 * `page-server.ts`, `routes.ts`, `watched-app.ts`, `life-changes.ts`, `process-reader.ts`.
 */
import diagnosticsChannel from 'node:diagnostics_channel'
import { get, type IncomingMessage, request as nodeRequest } from 'node:http'
import { connect } from 'node:http2'
import { circuitBreaker } from '@holdfast/circuit-breaker'
import { type ConsoleOptions, holdfastConsole } from '@holdfast/console'
import { lifecycle } from '@holdfast/lifecycle'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { eventually, listen, rawConnection } from '../../../test/support/http.ts'
import { readAssets } from '../dist/edges/assets.js'
import { resolveOptions } from '../dist/options.js'

/** A page that watches, without a browser. */
interface Watching {
  readonly response: IncomingMessage
  readonly frames: Record<string, Record<string, unknown>>[]
  text(): string
  readonly ended: Promise<void>
  leave(): void
}

function watch(url: string, headers: Record<string, string> = {}): Promise<Watching> {
  return new Promise((resolve, reject) => {
    const request = get(url, { headers, agent: false }, (response) => {
      let text = ''
      const frames: Record<string, Record<string, unknown>>[] = []
      const ended = new Promise<void>((done) => response.on('close', done))
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk
        frames.splice(0, frames.length)
        for (const [, data = ''] of text.matchAll(/^data: (\{.*\})\n\n/gm)) {
          frames.push(JSON.parse(data))
        }
      })
      response.on('error', () => {})
      resolve({ response, frames, text: () => text, ended, leave: () => request.destroy() })
    })
    request.on('error', reject)
  })
}

interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly text: string
}

function ask(url: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = nodeRequest(url, { headers, method, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text })
      })
    })
    request.on('error', reject)
    request.end()
  })
}

const LIFE = { signals: false as const, exit: false, drainDelay: 0 }
const LIFE_CHANNEL = 'holdfast:lifecycle:state'

/** An app that listens, with the console on a listener of its own. */
async function listening(
  t: Test,
  options: ConsoleOptions = { listen: { port: 0 } },
  life: object = LIFE
): Promise<{ app: FastifyInstance; url: string; port: number }> {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(lifecycle, life)
  await app.register(circuitBreaker)
  await app.register(holdfastConsole, options)
  app.get('/', async () => 'ok')
  app.get('/slow', () => new Promise((resolve) => setTimeout(resolve, 600, 'at last')))
  const port = await listen(app)
  return { app, url: String(app.holdfastConsole.url), port }
}

t.test('on a listener of its own the page is whole, strict, and read-only', async (t) => {
  const { app, url } = await listening(t)
  t.match(url, /^http:\/\/127\.0\.0\.1:\d+\/$/)
  const page = await ask(url)
  t.equal(page.status, 200)
  t.equal(page.headers['content-type'], 'text/html; charset=utf-8')
  t.notMatch(page.text, /<script(?![^>]* src=)|<style| style=| on\w+=/, 'nothing inline')
  t.match(page.headers, {
    'content-security-policy':
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' http://127.0.0.1:* http://localhost:*; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin'
  })
  t.notOk('access-control-allow-origin' in page.headers)

  const files = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file = '']) => file)
  const queue = [...new Set(files)]
  const types = new Map<string, string | undefined>()
  for (const file of queue) {
    const { status, headers, text } = await ask(new URL(file, url).href)
    t.equal(status, 200, file)
    types.set(file, headers['content-type'])
    t.match(headers['x-content-type-options'], 'nosniff')
    for (const [, other = ''] of text.matchAll(/from '\.\/([\w-]+\.js)'/g)) {
      if (!queue.includes(other)) queue.push(other)
    }
    const again = await ask(new URL(file, url).href, { 'if-none-match': String(headers['etag']) })
    t.equal(again.status, 304, `${file} is not sent twice`)
    t.equal(again.text, '')
  }
  t.equal(types.get('main.js'), 'text/javascript; charset=utf-8')
  t.equal(types.get('console.css'), 'text/css; charset=utf-8')
  t.equal(types.get('icon.svg'), 'image/svg+xml')
  t.ok(types.has('uPlot.iife.min.js') && types.has('fleet.js'))

  const head = await ask(url, {}, 'HEAD')
  t.same([head.status, head.text], [200, ''])
  t.equal(
    (await ask(`${url}events`, {}, 'HEAD')).headers['content-type'],
    'text/event-stream; charset=utf-8'
  )
  t.equal(app.holdfastConsole.viewers, 0, 'a HEAD does not watch')
  for (const method of ['POST', 'PUT', 'DELETE']) {
    t.equal((await ask(url, {}, method)).status, 405, method)
  }
  t.equal((await ask(`${url}../package.json`)).status, 404)
  t.equal((await ask(`${url}src/index.ts`)).status, 404)
})

t.test('a viewer is told at once and each second, and leaves no timer behind', async (t) => {
  const { app, url } = await listening(t)
  const idle = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  t.notOk(diagnosticsChannel.hasSubscribers(LIFE_CHANNEL), 'nobody looks: no subscription')
  app.circuitBreaker('payments')
  const one = await watch(`${url}events`)
  const two = await watch(`${url}events`)
  t.match(one.response.headers, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store, no-transform',
    'x-accel-buffering': 'no',
    vary: 'origin'
  })
  await eventually(() => one.frames.length >= 3 && two.frames.length >= 2)
  t.match(one.text(), /^retry: 1000\n\n/)
  t.match(one.frames[0], {
    process: { pid: process.pid, node: process.version },
    life: { phase: 'ready' },
    breakers: [{ name: 'payments', state: 'closed' }]
  })
  t.equal(app.holdfastConsole.viewers, 2)
  t.ok(diagnosticsChannel.hasSubscribers(LIFE_CHANNEL))
  one.leave()
  two.leave()
  await eventually(() => app.holdfastConsole.viewers === 0)
  t.notOk(diagnosticsChannel.hasSubscribers(LIFE_CHANNEL))
  const left = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  t.ok(left <= idle, `${left} timers of ${idle}`)
})

t.test('the seventeenth viewer is refused with a sentence, until one leaves', async (t) => {
  const { app, url } = await listening(t)
  const viewers = await Promise.all(Array.from({ length: 16 }, () => watch(`${url}events`)))
  const refused = await ask(`${url}events`)
  t.equal(refused.status, 503)
  t.equal(refused.headers['retry-after'], '5')
  t.match(refused.text, /^16 pages watch this process already/)
  viewers.pop()?.leave()
  await eventually(() => app.holdfastConsole.viewers === 15)
  const late = await watch(`${url}events`)
  t.equal(late.response.statusCode, 200)
})

t.test(
  'a viewer that reads nothing costs no memory, and holds up neither others nor the close',
  async (t) => {
    const { app, url } = await listening(t)
    for (let index = 0; index < 100; index++) app.circuitBreaker(`${index}`.padStart(120, '-'))
    const { port } = new URL(url)
    const deaf = await rawConnection(Number(port))
    deaf.socket.pause()
    deaf.write('GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n')
    const other = await watch(`${url}events`)
    await eventually(() => other.frames.length >= 3)
    deaf.destroy()
    await app.close()
    await other.ended
  }
)

t.test('names that others could own, and pages of others, are refused', async (t) => {
  const { url } = await listening(t, {
    listen: { port: 0 },
    hosts: ['ops.example'],
    origins: ['https://wall.example']
  })
  t.equal((await ask(url, { host: 'evil.example' })).status, 421)
  t.equal((await ask(url, { host: 'ops.example' })).status, 200)
  t.match(
    (await ask(url)).headers['content-security-policy'],
    /localhost:\* https:\/\/wall\.example;/
  )
  const foreign = [
    { origin: 'http://evil.example' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' }
  ]
  for (const headers of foreign) {
    const { status, headers: answered, text } = await ask(`${url}events`, headers)
    t.equal(status, 403, JSON.stringify(headers))
    t.notOk('access-control-allow-origin' in answered)
    t.match(text, 'origins')
  }
  for (const origin of ['https://wall.example', 'http://127.0.0.1:9999', new URL(url).origin]) {
    const page = await watch(`${url}events`, { origin, 'sec-fetch-site': 'cross-site' })
    t.equal(page.response.statusCode, 200)
    t.equal(page.response.headers['access-control-allow-origin'], origin)
    page.leave()
  }
})

t.test('a drain is told to its last frame, and a viewer does not hold it up', async (t) => {
  const { app, url, port } = await listening(t, undefined, { ...LIFE, drainDelay: 300 })
  const viewer = await watch(`${url}events`)
  await eventually(() => viewer.frames.length > 0)
  const slow = ask(`http://127.0.0.1:${port}/slow`)
  await eventually(() => app.lifecycle.inFlight === 1)
  const report = await app.lifecycle.shutdown('test')
  t.equal((await slow).text, 'at last')
  await viewer.ended
  t.match(report, { clean: true, finished: 1, cut: 0 })
  const phases = viewer.frames.map((frame) => frame['life']?.['phase'])
  t.ok(phases.includes('draining'), String(phases))
  t.ok(phases.includes('stopping'), String(phases))
  const drained = viewer.frames.find((frame) => frame['life']?.['phase'] === 'draining')
  t.match(drained, { life: { inFlight: 1, routes: [{ route: 'GET /slow', count: 1 }] } })
  t.match(viewer.text(), /event: end\ndata: \n\n$/)
})

t.test('the page of a service without lifecycle ends with it', async (t) => {
  const app = Fastify()
  await app.register(holdfastConsole, { listen: { port: 0, host: '0.0.0.0' } })
  await app.ready()
  t.match(app.holdfastConsole.url, /^http:\/\/localhost:\d+\/$/)
  const viewer = await watch(`${app.holdfastConsole.url}events`)
  await eventually(() => viewer.frames.length > 0)
  t.notOk('life' in viewer.frames[0]!)
  await app.close()
  await viewer.ended
  t.equal(app.holdfastConsole.url, undefined)
})

t.test('an IPv6 address is a name of the page, too', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(holdfastConsole, { listen: { port: 0, host: '::1' } })
  await app.ready()
  t.match(app.holdfastConsole.url, /^http:\/\/\[::1\]:\d+\/$/)
  t.equal((await ask(String(app.holdfastConsole.url))).status, 200)
})

t.test('on the app the page is behind its hook, and its viewers leave when it stops', async (t) => {
  const app = Fastify({ forceCloseConnections: false })
  t.teardown(() => app.close())
  await app.register(lifecycle, { ...LIFE, drainDelay: 300 })
  await app.register(holdfastConsole, {
    prefix: '/internal/ops',
    onRequest: async (request, reply) => {
      if (request.headers.authorization !== 'Bearer me') return reply.code(401).send('who are you')
      return undefined
    }
  })
  const base = `http://127.0.0.1:${await listen(app)}/internal/ops`
  const me = { authorization: 'Bearer me' }
  for (const path of ['', '/', '/main.js', '/events']) {
    t.equal((await ask(base + path)).status, 401, path)
  }
  const moved = await ask(base, me)
  t.same([moved.status, moved.headers['location']], [308, 'ops/'])
  t.match((await ask(`${base}/`, me)).text, 'Holdfast console')
  t.equal((await ask(`${base}/main.js`, { ...me, host: 'evil.example' })).status, 421)
  t.equal((await ask(`${base}/nothing.js`, me)).status, 404)
  t.equal((await ask(`${base}/`, me, 'POST')).status, 404)
  t.equal(app.holdfastConsole.url, undefined)

  const viewer = await watch(`${base}/events`, me)
  await eventually(() => viewer.frames.length > 0)
  t.equal(app.holdfastConsole.viewers, 1)
  const report = await app.lifecycle.shutdown('test')
  await viewer.ended
  t.match(report, { clean: true, cut: 0, problems: [] })
  t.match(viewer.text(), /"phase":"draining"/)
  t.match(viewer.text(), /event: end\ndata: \n\n$/)
})

t.test('who comes while the app of the page is stopping is refused', async (t) => {
  const app = Fastify()
  const admin = Fastify()
  t.teardown(() => Promise.all([app.close(), admin.close()]))
  await admin.register(holdfastConsole, { of: app })
  let late: Answer | undefined
  let url = ''
  admin.addHook('preClose', async () => {
    late = await ask(`${url}/events`)
  })
  url = `http://127.0.0.1:${await listen(admin)}`
  await admin.close()
  t.match(late, { status: 503 })
})

t.test('on another app, over HTTP/2, the page shows the app that it is of', async (t) => {
  const app = Fastify()
  const admin = Fastify({ http2: true })
  t.teardown(() => Promise.all([app.close(), admin.close()]))
  await app.register(lifecycle, LIFE)
  await app.register(circuitBreaker)
  app.circuitBreaker('stock')
  await admin.register(holdfastConsole, { of: app as FastifyInstance, prefix: '/console' })
  await app.ready()
  await admin.listen({ host: '127.0.0.1', port: 0 })
  const session = connect(admin.listeningOrigin)
  t.teardown(() => session.destroy())
  const stream = session.request({ ':path': '/console/events' })
  let text = ''
  stream.setEncoding('utf8').on('data', (chunk) => {
    text += chunk
  })
  await eventually(() => text.includes('"name":"stock"'))
  t.match(text, '"phase":"starting"')
  await app.close()
  await eventually(() => text.includes('event: end'))
  t.equal(admin.holdfastConsole.viewers, 0)
})

t.test('what cannot work stops the boot, with the remedy', async (t) => {
  const other = Fastify()
  const wrong: [options: object | ((app: FastifyInstance) => object), complaint: RegExp][] = [
    [{ prefix: '/ops' }, /holdfastConsole\.onRequest.*lets in who may look.*missing/],
    [{ onRequest: () => {} }, /holdfastConsole\.prefix.*missing/],
    [{ prefix: '/ops', onRequest: [] }, /holdfastConsole\.onRequest/],
    [{ prefix: 'ops', onRequest: () => {} }, /holdfastConsole\.prefix.*"\/ops"/],
    [{ prefix: '/ops', onRequest: () => {}, listen: {} }, /holdfastConsole\.listen.*one place/],
    [{ of: other, listen: {} }, /holdfastConsole\.listen/],
    [{ of: 7 }, /holdfastConsole\.of.*app of Fastify.*7/],
    [{ of: null }, /holdfastConsole\.of/],
    [(app) => ({ of: app }), /holdfastConsole\.of.*another app/],
    [{ listen: { port: 70_000 } }, /holdfastConsole\.listen\.port.*70000/],
    [{ listen: { hots: 'x' } }, /Did you mean "host"/],
    [{ hosts: ['http://ops.example'] }, /holdfastConsole\.hosts\[0\].*without a scheme/],
    [{ origins: ['https://ops.example/'] }, /holdfastConsole\.origins\[0\].*an origin/],
    [{ port: 9464 }, /Write listen: \{ port \}/]
  ]
  for (const [given, complaint] of wrong) {
    const app = Fastify()
    const options = typeof given === 'function' ? given(app) : given
    await t.rejects(
      async () => app.register(holdfastConsole, options as ConsoleOptions),
      { code: /^HOLDFAST_ERR_OPTION_/, message: complaint },
      complaint.source
    )
    await app.close()
  }
})

t.test(
  'without options it is on a listener of its own, and with a missing file nowhere',
  async (t) => {
    t.match(resolveOptions(Fastify(), {}), { listen: {}, prefix: '', onRequest: [], of: undefined })
    await t.rejects(readAssets([['', '@holdfast/console', 'page/none.html']]), {
      code: 'HOLDFAST_ERR_CONSOLE_PAGE_MISSING',
      message: /@holdfast\/console\/page\/none\.html.*leave @holdfast\/console out of the bundle/
    })
  }
)
