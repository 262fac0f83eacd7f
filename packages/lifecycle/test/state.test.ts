/**
 * What a service knows of itself, and the report of its shutdown. Covers `state.ts`, `edges/state.ts` and
 * the channel of `edges/shutdown.ts`.
 */
import { statesOf, subscribe } from '@holdfast/core'
import { type LifecycleShutdown, lifecycle } from '@holdfast/lifecycle'
import Fastify from 'fastify'
import t from 'tap'
import { fetch } from 'undici'
import { eventually, head, listen, rawConnection } from '../../../test/support/http.ts'

t.test('its state is what it knows at this moment, and asks no check', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  let asked = 0
  await app.register(lifecycle, { health: { checks: { disk: () => void asked++ } } })
  app.lifecycle.addCheck('bank', () => false, { critical: false })
  const ended: (() => void)[] = []
  const wait = (): Promise<void> => new Promise((resolve) => ended.push(resolve))
  app.get('/orders/:id', wait)
  app.post('/orders', wait)
  app.setNotFoundHandler(wait)
  t.match(app.lifecycle.snapshot(), {
    phase: 'starting',
    health: 'ok',
    inFlight: 0,
    routes: [],
    tasks: 0,
    checks: [
      { name: 'disk', state: 'unknown', critical: true, age: undefined, took: undefined },
      { name: 'bank', state: 'unknown', critical: false }
    ]
  })
  t.equal(asked, 0)

  const port = await listen(app)
  const requests = ['GET /orders/1', 'POST /orders', 'GET /orders/2', 'GET /unknown']
  for (const [index, request] of requests.entries()) {
    const connection = await rawConnection(port)
    connection.write(head(request, request.startsWith('POST') ? { 'Content-Length': '0' } : {}))
    await eventually(() => ended.length === index + 1)
  }
  app.lifecycle.waitUntil('mail', wait())
  await app.lifecycle.health()
  const state = app.lifecycle.snapshot()
  t.match(state, {
    phase: 'ready',
    lasted: Number,
    health: 'degraded',
    inFlight: 4,
    routes: [
      { route: 'GET /orders/:id', count: 2, oldest: Number },
      { route: 'POST /orders', count: 1 },
      { route: undefined, count: 1 }
    ],
    tasks: 1,
    checks: [
      { name: 'disk', state: 'ok' },
      { name: 'bank', state: 'failed', age: Number, took: Number }
    ],
    pressure: { heapUsed: Number }
  })
  for (const time of [state.lasted, state.routes[0]?.oldest]) t.ok(Number.isInteger(time))
  t.equal(asked, 1)
  const [provided, ...others] = statesOf(app, '@holdfast/lifecycle')
  t.strictSame(others, [])
  t.equal(provided?.prefix, '')
  t.strictSame(Object.keys(provided?.state ?? {}), Object.keys(state))
  t.match(provided?.state, { phase: 'ready', inFlight: 4, checks: [{ state: 'ok' }, {}] })

  for (const end of ended) end()
  await eventually(() => app.lifecycle.snapshot().inFlight === 0)
  t.match(app.lifecycle.snapshot(), { routes: [], tasks: 0 })
})

t.test('the report of a shutdown is published at its end', async (t) => {
  const app = Fastify()
  const reports: Omit<LifecycleShutdown, 'app'>[] = []
  const unsubscribe = subscribe('holdfast:lifecycle:shutdown', ({ app: service, ...report }) => {
    if (service === app) reports.push(report)
  })
  t.teardown(unsubscribe)
  await app.register(lifecycle, { drainDelay: 0, signals: false, exit: false })
  app.get('/', async () => 'ok')
  const port = await listen(app)
  await (await fetch(`http://127.0.0.1:${port}/`)).text()
  t.strictSame(reports, [])
  const report = await app.lifecycle.shutdown('a release')
  t.strictSame(reports, [report])
  t.match(report, { reason: 'a release', cut: 0, clean: true })
  t.equal(app.lifecycle.snapshot().phase, 'closed')
  t.strictSame(statesOf(app, '@holdfast/lifecycle'), [], 'nothing is kept after close')
})
