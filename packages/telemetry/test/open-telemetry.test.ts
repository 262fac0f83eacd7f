/**
 * Metrics in a real OpenTelemetry SDK: `edges/open-telemetry.ts`, `edges/open-telemetry-api.ts`,
 * `edges/bridge.ts`, `meter.ts` and the metrics of every plugin.
 */
import { once } from 'node:events'
import { connect } from 'node:http2'
import { circuitBreaker } from '@holdfast/circuit-breaker'
import { statesOf } from '@holdfast/core'
import { lifecycle } from '@holdfast/lifecycle'
import { loadShedding } from '@holdfast/load-shedding'
import { outgoing } from '@holdfast/outgoing'
import { rateLimit } from '@holdfast/rate-limit'
import { requestLogging } from '@holdfast/request-logging'
import {
  METRICS,
  type MeterLike,
  type ObservationCallback,
  type TelemetryOptions,
  telemetry
} from '@holdfast/telemetry'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { fetch } from 'undici'
import { eventually, listen, rawConnection } from '../../../test/support/http.ts'
import { instrumentHttp, metricsSdk, type Points, registerMetrics, total } from './support/sdk.ts'

const DURATION = 'http.server.request.duration'

/** The callbacks that observe several instruments; private to the SDK. */
function observersOf(provider: object): { readonly size: number } {
  const shared = Reflect.get(provider, '_sharedState').meterSharedStates.values().next().value
  return { size: shared.observableRegistry._batchCallbacks.length }
}

/** The sizes of a histogram by its `error.type`; empty for none. */
function byErrorType(points: Points): Record<string, number> {
  const sizes: Record<string, number> = {}
  for (const { attributes, value } of points.get(DURATION) ?? []) {
    const type = String(attributes['error.type'] ?? '')
    sizes[type] = (sizes[type] ?? 0) + (typeof value === 'number' ? value : value.count)
  }
  return sizes
}

async function everyPlugin(app: FastifyInstance): Promise<void> {
  await app.register(lifecycle, { signals: false, drainDelay: 0 })
  await app.register(outgoing)
  // A busy machine must change no count.
  await app.register(loadShedding, { mode: 'shadow' })
  await app.register(rateLimit, { max: 100_000 })
  await app.register(circuitBreaker)
  await app.register(requestLogging)
}

t.test('every metric is an instrument with its kind, its unit and its description', async (t) => {
  const sdk = metricsSdk(t)
  registerMetrics(t, sdk)
  const app = Fastify()
  t.teardown(() => app.close())
  await everyPlugin(app)
  await app.register(telemetry)
  app.upstream('orders', { origin: 'http://127.0.0.1:9' })
  app.lifecycle.addCheck('database', async () => {})
  app.get('/', { config: { circuitBreaker: 'orders' } }, async () => 'ok')
  await app.inject('/')
  const points = await sdk.collect()
  const silent = METRICS.filter(({ name }) => !points.has(name)).map(({ name }) => name)
  t.same(silent, [
    // There is no store, no limit of requests in flight, and nothing was refused.
    'holdfast.refusals',
    'holdfast.malformed_requests',
    'holdfast.rate_limit.store.status',
    'holdfast.rate_limit.store.outages',
    'holdfast.load_shedding.limit'
  ])
  for (const { name, attributes } of METRICS) {
    for (const point of points.get(name) ?? []) {
      t.same(Object.keys(point.attributes).toSorted(), [...attributes].toSorted(), name)
    }
  }
  const status = points.get('holdfast.circuit_breaker.status') ?? []
  t.same(
    status.map(({ attributes, value }) => [attributes['holdfast.circuit_breaker.state'], value]),
    [
      ['closed', 1],
      ['open', 0],
      ['half_open', 0],
      ['isolated', 0]
    ]
  )
  t.equal(total(points, 'holdfast.rate_limit.requests'), 1)
  t.equal(total(points, DURATION), 1)
})

t.test('a thousand mixed requests are a thousand in the text and in the reader', async (t) => {
  const sdk = metricsSdk(t)
  registerMetrics(t, sdk)
  const app = Fastify({ forceCloseConnections: true, return503OnClosing: true })
  t.teardown(() => app.close())
  await everyPlugin(app)
  await app.register(telemetry)
  let arrived = 0
  app.get('/orders/:id', async () => 'ok')
  app.get('/limited', { config: { rateLimit: { max: 1 } } }, async () => 'ok')
  app.get('/broken', async () => {
    throw new Error('no')
  })
  app.get('/cut', (_request, reply) => {
    reply.raw.write('half')
    reply.raw.destroy()
  })
  app.get('/slow', () => {
    arrived++
    return new Promise(() => {})
  })
  app.get('/taken', (_request, reply) => {
    reply.hijack()
    reply.raw.end('mine')
  })
  const port = await listen(app)
  const ask = async (path: string, method = 'GET'): Promise<void> => {
    try {
      await (await fetch(`http://127.0.0.1:${port}${path}`, { method })).text()
    } catch {
      // Cut.
    }
  }
  const expected = { ok: 0, 'client-error': 0, 'server-error': 0, refused: 0 }
  for (let index = 0; index < 120; index++) {
    await Promise.all([
      ask(`/orders/${index}`),
      ask(`/orders/${index}`, 'HEAD'),
      ask(`/nowhere/${index}`),
      ask('/%ff'),
      ask('/broken'),
      ask('/limited')
    ])
    expected.ok += 2
    expected['client-error'] += 2
    expected['server-error']++
    expected.refused++
  }
  // One of them was within the limit.
  expected.ok++
  expected.refused--
  for (let index = 0; index < 70; index++) {
    const malformed = await rawConnection(port)
    malformed.write('NOT HTTP\r\n\r\n')
    await malformed.ended()
    const leaving = await rawConnection(port)
    leaving.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n')
    await eventually(() => arrived > index)
    leaving.destroy()
    await Promise.all([ask('/cut'), ask('/taken')])
  }
  const outcomes = (): Record<string, number> => ({
    ...statesOf(app, '@holdfast/telemetry')[0]?.state.requests
  })
  const sum = (): number => Object.values(outcomes()).reduce((all, count) => all + count, 0)
  await eventually(() => sum() === 1000)
  t.same(outcomes(), { ...expected, aborted: 70, cut: 70, hijacked: 70, malformed: 70 })

  const measured = 1000 - 70 - 70
  const points = await sdk.collect()
  t.equal(total(points, DURATION), measured)
  t.equal(total(points, 'holdfast.malformed_requests'), 70)
  t.equal(total(points, 'holdfast.refusals'), expected.refused)
  t.equal(total(points, 'http.server.active_requests'), 0)
  t.same(byErrorType(points), { '': 600, '500': 120, aborted: 70, cut: 70 })

  const text = app.telemetry.text()
  const inText = [...text.matchAll(/^http_server_request_duration_seconds_count\{.*\} (\d+)$/gm)]
  t.equal(
    inText.reduce((all, [, count]) => all + Number(count), 0),
    measured
  )
  t.equal(app.telemetry.text(), text, 'within a second the same text')
})

t.test(
  'an SDK that is registered after the plugin, but before the app is ready, gets them',
  async (t) => {
    const sdk = metricsSdk(t)
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(telemetry)
    registerMetrics(t, sdk)
    await app.ready()
    await app.inject('/')
    t.equal(total(await sdk.collect(), DURATION), 1)
  }
)

t.test(
  'two apps of a process are added up, and what has closed is no longer observed',
  async (t) => {
    const sdk = metricsSdk(t)
    registerMetrics(t, sdk)
    const apps = [Fastify(), Fastify()]
    t.teardown(() => Promise.all(apps.map((app) => app.close())))
    for (const app of apps) {
      await app.register(telemetry)
      await app.register(rateLimit)
      app.get('/', async () => 'ok')
      await app.inject('/')
    }
    const requests = async (): Promise<number> =>
      total(await sdk.collect(), 'holdfast.rate_limit.requests')
    t.equal(await requests(), 2)
    await apps[0]?.close()
    const { size } = observersOf(sdk.provider)
    t.equal(size, 1, 'one observer for both')
    await apps[1]?.inject('/')
    t.equal(total(await sdk.collect(), DURATION), 3, 'what was recorded stays')
    await apps[1]?.close()
    t.equal(observersOf(sdk.provider).size, 0)
  }
)

t.test('a meter that is passed is used, whatever is registered', async (t) => {
  const [passed, registered] = [metricsSdk(t), metricsSdk(t)]
  registerMetrics(t, registered)
  const app = Fastify()
  t.teardown(() => app.close())
  const meter = passed.provider.getMeter('mine')
  await app.register(telemetry, { openTelemetry: { meter } })
  await app.inject('/')
  t.equal(total(await passed.collect(), DURATION), 1)
  t.equal((await registered.collect()).size, 0)
})

t.test('with openTelemetry false, and without an SDK, nothing is made', async (t) => {
  const sdk = metricsSdk(t)
  const ask = async (options: TelemetryOptions): Promise<number> => {
    const app = Fastify()
    await app.register(telemetry, options)
    await app.inject('/')
    await app.close()
    return (await sdk.collect()).size
  }
  t.equal(await ask({}), 0)
  registerMetrics(t, sdk)
  t.equal(await ask({ openTelemetry: false, spanAttributes: false }), 0)
  t.equal(await ask({ openTelemetry: false }), 0)
})

t.test('durations are left to instrumentation-http where it measures the server', async (t) => {
  const sdk = metricsSdk(t)
  registerMetrics(t, sdk)
  const instrumentation = instrumentHttp(t)
  instrumentation.setMeterProvider(sdk.provider)
  const own = metricsSdk(t)
  const ask = async (duration?: boolean): Promise<number> => {
    const app = Fastify()
    const meter = own.provider.getMeter('ours')
    await app.register(telemetry, { openTelemetry: { meter, duration } })
    app.get('/', async () => 'ok')
    const before = total(await own.collect(), DURATION)
    await (await fetch(`http://127.0.0.1:${await listen(app)}/`)).text()
    await app.close()
    return total(await own.collect(), DURATION) - before
  }
  t.equal(await ask(), 0)
  t.equal(await ask(true), 1)
  t.equal(total(await sdk.collect(), DURATION), 2, 'it has measured both')
  instrumentation.disable()
  t.equal(await ask(), 1)
  t.equal(await ask(false), 0)
})

t.test('what is no meter stops the boot', async (t) => {
  for (const openTelemetry of [{ meter: {} }, { meter: 'mine' }, { duration: 'yes' }, true]) {
    const app = Fastify()
    await t.rejects(
      Promise.resolve(app.register(telemetry, { openTelemetry } as never)),
      { message: /telemetry\.openTelemetry/ },
      JSON.stringify(openTelemetry)
    )
  }
})

t.test('HTTP/2 is measured with its version, and by nobody else', async (t) => {
  const sdk = metricsSdk(t)
  registerMetrics(t, sdk)
  const app = Fastify({ http2: true })
  t.teardown(() => app.close())
  app.register(telemetry as never)
  app.get('/', async () => 'ok')
  const port = await listen(app as never)
  const client = connect(`http://127.0.0.1:${port}`)
  t.teardown(() => client.close())
  const stream = client.request({ ':path': '/' })
  stream.resume()
  await once(stream, 'close')
  client.close()
  await eventually(() => statesOf(app, '@holdfast/telemetry')[0]?.state.requests.ok === 1)
  t.equal(total(await sdk.collect(), DURATION), 1)
  const [point] = (await sdk.collect()).get(DURATION) ?? []
  t.match(point?.attributes, { 'network.protocol.version': '2', 'http.route': '/' })
})

t.test('a copy of the API that is newer than the registered one is warned of', async (t) => {
  const key = Symbol.for('opentelemetry.js.api.1')
  const boot = async (registered: object | undefined): Promise<string[]> => {
    const lines: { msg: string }[] = []
    const stream = { write: (line: string) => void lines.push(JSON.parse(line)) }
    const app = Fastify({ logger: { level: 'warn', stream } })
    Reflect.set(globalThis, key, registered)
    await app.register(telemetry)
    await app.inject('/')
    await app.close()
    Reflect.deleteProperty(globalThis, key)
    return lines.map(({ msg }) => msg)
  }
  t.teardown(() => Reflect.deleteProperty(globalThis, key))
  t.same(await boot(undefined), [])
  t.same(await boot({ version: '1.0.0' }), [], 'nothing is registered but a context')
  for (const what of [{ metrics: {} }, { trace: {} }]) {
    const warnings = await boot({ version: '1.0.0', ...what })
    t.equal(warnings.length, 1)
    t.match(warnings[0], /registered through version 1\.0\.0 .*npm ls @opentelemetry\/api/)
  }
})

t.test('an SDK that throws ends neither a request nor the boot', async (t) => {
  const warnings: Error[] = []
  const note = (warning: Error): void => void warnings.push(warning)
  process.on('warning', note)
  t.teardown(() => process.off('warning', note))
  let observe: ObservationCallback | undefined
  const broken = (): never => {
    throw new Error('broken SDK')
  }
  const meter: MeterLike = {
    createObservableCounter: () => ({}),
    createObservableUpDownCounter: () => ({}),
    createObservableGauge: () => ({}),
    createHistogram: () => ({ record: broken }),
    addBatchObservableCallback: (callback) => {
      observe = callback
    },
    removeBatchObservableCallback: () => {}
  }
  const app = Fastify()
  await app.register(telemetry, { openTelemetry: { meter } })
  t.equal((await app.inject('/')).statusCode, 404)
  observe?.({ observe: broken })
  await app.close()
  await eventually(() => warnings.length === 2)
})
