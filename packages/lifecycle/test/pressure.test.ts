/**
 * The pressure sensor: `edges/pressure.ts`, `pressure.ts` and `pressure-options.ts`.
 */
import { createHook } from 'node:async_hooks'
import { fileURLToPath } from 'node:url'
import underPressure from '@fastify/under-pressure'
import { factsOf } from '@holdfast/core'
import { type LifecycleOptions, lifecycle, UnderPressureError } from '@holdfast/lifecycle'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { eventually, head, listen, rawConnection } from '../../../test/support/http.ts'
import { startNode } from '../../../test/support/process.ts'
import { retryAfter } from '../dist/pressure.js'

const busy = fileURLToPath(new URL('fixtures/busy.js', import.meta.url))

async function startBusy(t: Test, options: LifecycleOptions) {
  const running = startNode([busy], { env: { OPTIONS: JSON.stringify(options) } })
  t.teardown(running.stop)
  const [, port = ''] = await running.printed(/on (\d+)/)
  return { port: Number(port), url: `http://127.0.0.1:${port}`, output: running.output }
}

function build(t: Test, pressure: LifecycleOptions['pressure']): FastifyInstance {
  const app = Fastify()
  app.register(lifecycle, { signals: false, drainDelay: 0, timeouts: false, pressure })
  app.get('/', async () => 'hello')
  t.teardown(() => app.close())
  return app
}

t.test('a loop 95 % busy: probes are 200, and slower than no request', async (t) => {
  const service = await startBusy(t, {})
  const paths = ['/', '/livez', '/readyz', '/startupz']
  const connections = await Promise.all(
    paths.map(async (path) => ({ path, raw: await rawConnection(service.port) }))
  )
  const answered = (): string[] =>
    [...service.output().matchAll(/^answered (\S+) with 200$/gm)].map(([, path = '']) => path)
  let last = 0
  for (let round = 1; round <= 20; round++) {
    for (const { path, raw } of connections) raw.write(head(`GET ${path}`))
    await eventually(() => answered().length === round * paths.length)
    if (answered().at(-1) === '/') last++
  }
  // The request is sent first and answered last, unless the loop's pause falls between the two. By
  // chance it would be last in 5.
  t.ok(last > 5, `${last} of 20`)
  for (const { raw } of connections) raw.destroy()
})

t.test('beyond a threshold requests are refused, probes are not', async (t) => {
  const { url } = await startBusy(t, {
    pressure: { maxEventLoopUtilization: 0.3, retryAfter: '5s' }
  })
  const times = new Set<string>()
  for (let round = 0; round < 15; round++) {
    const refused = await fetch(url)
    t.equal(refused.status, 503)
    t.match(await refused.json(), { code: 'HOLDFAST_ERR_LIFECYCLE_UNDER_PRESSURE', status: 503 })
    times.add(String(refused.headers.get('retry-after')))
    for (const path of ['/livez', '/readyz', '/startupz']) {
      const probe = await fetch(url + path)
      await probe.text()
      t.equal(probe.status, 200)
    }
  }
  t.ok(times.size > 1, 'not all are told to come back at once')
  for (const time of times) t.ok(Number(time) >= 5 && Number(time) <= 10)
})

t.test('by option pressure turns readiness, and refuses nobody', async (t) => {
  const app = build(t, { maxHeapUsedBytes: 1, refuse: false, readiness: true })
  await listen(app)
  t.equal((await app.inject('/readyz')).statusCode, 200, 'nothing is known yet')
  await eventually(() => app.lifecycle.pressure.heapUsed > 0)
  t.match(await app.inject('/readyz'), { statusCode: 503, body: 'under pressure' })
  t.equal((await app.inject('/livez')).statusCode, 200)
  t.equal((await app.inject('/')).statusCode, 200)
})

t.test("a refusal is a fact, goes to the app's error handler, and spares its probes", async (t) => {
  const app = build(t, { maxRssBytes: 1, retryAfter: 0 })
  const facts: unknown[] = []
  app.setErrorHandler((error, request, reply) => {
    facts.push(error, factsOf(request).refusedBy)
    reply.send('later')
  })
  app.get('/ping', { config: { holdfast: { probe: true } } }, async () => 'pong')
  await app.ready()
  await eventually(() => app.lifecycle.pressure.rssBytes > 0)
  const refused = await app.inject('/')
  t.match(refused, { statusCode: 503, body: 'later' })
  t.match(refused.headers['retry-after'], /^[12]$/)
  t.type(facts[0], UnderPressureError)
  t.equal(facts[1], 'lifecycle')
  t.equal((await app.inject('/ping')).body, 'pong')
  t.equal((await app.inject('/missing')).statusCode, 503)
})

t.test("thresholds have a sensor of their own beside the app's", async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(underPressure, { sampleInterval: 10 })
  await app.register(lifecycle, {
    signals: false,
    timeouts: false,
    pressure: { sampleInterval: 100, maxEventLoopDelay: '10s', maxEventLoopUtilization: 1 }
  })
  app.get('/', async () => 'hello')
  await app.ready()
  await eventually(() => app.lifecycle.pressure.rssBytes > 0)
  t.equal((await app.inject('/')).statusCode, 200)
  t.equal(app.isUnderPressure(), false)
})

t.test('the event loop is measured once for all apps of a process', async (t) => {
  const timers: { readonly _repeat?: number | null }[] = []
  const collect = (resource: object): void => {
    timers.push(resource)
  }
  const hook = createHook({
    init: (_id, type, _trigger, resource) => type === 'Timeout' && collect(resource)
  }).enable()
  t.teardown(() => hook.disable())
  const apps = [build(t, {}), build(t, { sampleInterval: '1s' })]
  await Promise.all(apps.map((app) => app.ready()))
  t.equal(timers.filter(({ _repeat }) => _repeat === 125).length, 1)
})

t.test('when to come back is drawn from the time given to twice as long', (t) => {
  t.same(
    [0, 0.5, 0.999].map((chance) => retryAfter(10_000, chance)),
    [10, 15, 20]
  )
  t.same(
    [0, 0.999].map((chance) => retryAfter(0, chance)),
    [1, 2]
  )
  t.equal(retryAfter(1500, 0), 2)
  t.end()
})
