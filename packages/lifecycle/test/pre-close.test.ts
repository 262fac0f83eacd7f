/**
 * The `preClose` hooks of an app, which end its streams: while requests finish, not after them.
 */
import websocket from '@fastify/websocket'
import { lifecycle } from '@holdfast/lifecycle'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { WebSocket } from 'undici'
import { eventually, head, listen, rawConnection } from '../../../test/support/http.ts'

const OPTIONS = { drainDelay: 0, signals: false, timeouts: false } as const

function build(
  t: Test,
  fastify: object = {},
  options: object = {}
): { app: FastifyInstance; seen: string[] } {
  const app = Fastify(fastify)
  const seen: string[] = []
  app.register(lifecycle, { ...OPTIONS, ...options })
  app.after(() => app.lifecycle.onShutdown('step', () => void seen.push('step')))
  app.addHook('onClose', async () => void seen.push('closed'))
  t.teardown(() => app.close())
  return { app, seen }
}

/** Server-sent events as Fastify's documentation ends them. */
function streamEvents(app: FastifyInstance, seen: string[]): void {
  const streams = new Set<{ end(text: string): void }>()
  app.get('/events', (_request, reply) => {
    reply.hijack()
    reply.raw.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: one\n\n')
    streams.add(reply.raw)
  })
  app.addHook('preClose', async () => {
    seen.push('streams end')
    for (const stream of streams) stream.end('event: bye\n\n')
  })
}

for (const way of ['shutdown', 'close'] as const) {
  t.test(`streams that a preClose hook ends hold up no ${way}`, async (t) => {
    const { app, seen } = build(t)
    streamEvents(app, seen)
    const connection = await rawConnection(await listen(app))
    connection.write(head('GET /events'))
    await connection.until(/data: one/)
    const start = performance.now()
    if (way === 'close') await app.close()
    else
      t.match(await app.lifecycle.shutdown('test', { exit: false }), { clean: true, finished: 1 })
    t.ok(performance.now() - start < 5000)
    t.match(await connection.ended(), /event: bye/)
    t.same(seen, ['streams end', 'step', 'closed'], 'each once')
  })
}

t.test(
  'WebSocket clients are told 1001 before a preClose hook closes them otherwise',
  async (t) => {
    const { app } = build(t)
    app.register(websocket, {
      preClose(done) {
        for (const client of this.websocketServer.clients) client.close(4000)
        this.websocketServer.close(done)
      }
    })
    app.register(async (scope) => {
      scope.get('/ws', { websocket: true }, () => {})
    })
    app.get('/slow', () => new Promise((resolve) => setTimeout(resolve, 500, 'done')))
    const port = await listen(app)
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`)
    await new Promise((resolve) => socket.addEventListener('open', resolve))
    const connection = await rawConnection(port)
    connection.write(head('GET /slow'))
    await eventually(() => app.lifecycle.inFlight === 1)
    const closed = new Promise<number>((resolve) => {
      socket.addEventListener('close', ({ code }) => resolve(code))
    })
    const report = app.lifecycle.shutdown('test', { exit: false })
    t.equal(await closed, 1001)
    t.equal(app.lifecycle.inFlight, 1, 'while a request is still in flight')
    t.match(await report, { clean: true, finished: 1 })
  }
)

t.test('a hook that fails or outlasts pluginTimeout is named, and the rest goes on', async (t) => {
  const { app, seen } = build(t, { pluginTimeout: 200 })
  app.register(async (scope) => {
    scope.addHook('preClose', async function hangs() {
      await new Promise(() => {})
    })
    scope.addHook('preClose', async function fails() {
      throw new Error('no use')
    })
  })
  await listen(app)
  const report = await app.lifecycle.shutdown('test', { exit: false })
  t.match(report, {
    clean: false,
    problems: [
      /^the preClose hook hangs was not done within \d+ ms$/,
      'the preClose hook fails failed: no use'
    ]
  })
  t.same(seen, ['step', 'closed'])
})

t.test('without a pluginTimeout a hook that hangs has the time of the requests', async (t) => {
  const { app, seen } = build(t, { pluginTimeout: 0 }, { finishTimeout: 200, closeTimeout: 2000 })
  app.addHook('preClose', async function hangs() {
    await new Promise(() => {})
  })
  await listen(app)
  t.match(await app.lifecycle.shutdown('test', { exit: false }), {
    cut: 0,
    problems: [/^the preClose hook hangs was not done within \d+ ms$/]
  })
  t.same(seen, ['step', 'closed'])
})

t.test('the hooks of an app that was never ready run once, as Fastify runs them', async (t) => {
  const { app, seen } = build(t)
  app.addHook('preClose', async () => void seen.push('hook'))
  await app.after()
  await app.close()
  t.same(seen, ['hook', 'step', 'closed'])
})
