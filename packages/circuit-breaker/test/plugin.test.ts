/**
 * The plugin in an app. Covers `plugin.ts`, `options.ts` and `breaker-options.ts`.
 */
import diagnosticsChannel from 'node:diagnostics_channel'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import plugin, { type Call, CircuitBreaker, circuitBreaker } from '@holdfast/circuit-breaker'
import { factsOf, statesOf } from '@holdfast/core'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import t from 'tap'
import { eventually, listen } from '../../../test/support/http.ts'

t.test('is the named and the default export', async (t) => {
  t.equal(plugin, circuitBreaker)
})

t.test('a wrong option stops the boot and is named', async (t) => {
  const wrong: [Record<string, unknown>, RegExp][] = [
    [
      { threshold: 0 },
      /"circuitBreaker.threshold" must be a whole number of at least 1, but it is 0/
    ],
    [{ threshold: '5' }, /threshold.*the text "5"/],
    [{ resetTimeout: 'soon' }, /"circuitBreaker.resetTimeout" must be a duration/],
    [{ resetTimeout: 0 }, /at least 1 and at most/],
    [{ maxBreakers: 0 }, /maxBreakers/],
    [{ clock: 1 }, /clock/],
    [{ random: 1 }, /random/],
    [{ minimumCalls: 0 }, /"circuitBreaker.minimumCalls" must be a whole number of at least 1/],
    [{ failureRate: 50 }, /failureRate" must be a finite number of at least 0.01 and at most 1/],
    [{ window: { calls: 10 }, minimumCalls: 11 }, /minimumCalls" must be at most the 10 calls/],
    [{ window: {} }, /"circuitBreaker.window" must be either { duration } or { calls }/],
    [{ window: { calls: 5, duration: 10 } }, /"circuitBreaker.window" must be either/],
    [{ window: { duration: '1ms' } }, /window.duration" must be a duration of at least 10/],
    [{ slowCall: true }, /slowCall/],
    [{ slowCall: {} }, /"circuitBreaker.slowCall.duration" must be given/],
    [{ slowCall: { duration: '1s', rate: 2 } }, /slowCall.rate/],
    [{ halfOpen: { permits: 0 } }, /halfOpen.permits/],
    [{ halfOpen: { succesRate: 1 } }, /"succesRate" does not exist/],
    [{ resetTimeout: '2 days' }, /resetTimeout" must be a duration of .* at most 86400000 ms/],
    [{ maxResetTimeout: '1s' }, /maxResetTimeout" must be at least the resetTimeout of 10000 ms/],
    [{ classify: 'failure' }, /classify/],
    [{ mode: 'shadows' }, /"circuitBreaker.mode" must be one of "enforce", "shadow"/],
    [{ timeout: 1 }, /"timeout" does not exist\. That is an option of opossum\./],
    [{ tresholds: 1 }, /Did you mean "threshold"\? If not, use .*failureRate, .*, maxBreakers/],
    [{ threshold: 5, failureRate: 0.5 }, /"circuitBreaker.threshold" must be left out/]
  ]
  for (const [options, message] of wrong) {
    const app = Fastify()
    app.register(circuitBreaker, options)
    await t.rejects(Promise.resolve(app.ready()), { message, code: /^HOLDFAST_ERR_OPTION/ })
    await app.close()
  }
})

t.test('registered twice on one instance is an error with the remedy', async (t) => {
  const app = Fastify()
  app.register(circuitBreaker)
  app.register(circuitBreaker)
  await t.rejects(Promise.resolve(app.ready()), { code: 'HOLDFAST_ERR_REGISTERED_TWICE' })
  await app.close()
})

t.test('each registration gives the state of its breakers until the app closes', async (t) => {
  const app = Fastify()
  app.register(circuitBreaker, { threshold: 1, clock: () => 0 })
  app.register(
    async (scope) => {
      await scope.register(circuitBreaker, { threshold: 2, maxBreakers: 7 })
      scope.get('/', { config: { circuitBreaker: 'shop' } }, async () => {
        throw new Error('down')
      })
    },
    { prefix: '/shop' }
  )
  app.get('/', { config: { circuitBreaker: 'home' } }, async () => 'home')
  const urls = ['/', '/shop', '/shop', '/shop', '/shop']
  for (const url of urls) await app.inject(url)
  const states = statesOf(app, '@holdfast/circuit-breaker')
  t.match(states, [
    {
      prefix: '',
      state: {
        maxBreakers: 1000,
        dropped: 0,
        breakers: [{ name: 'home', totals: { success: 1 } }]
      }
    },
    {
      prefix: '/shop',
      state: {
        maxBreakers: 7,
        breakers: [
          { name: 'shop', state: 'open', totals: { failure: 2, refusedByState: 2, opened: 1 } }
        ]
      }
    }
  ])
  t.strictSame(states[0]?.state.breakers, app.circuitBreakers.snapshots())
  await app.close()
  t.strictSame(statesOf(app, '@holdfast/circuit-breaker'), [])
})

t.test('its hook is there by name, and nothing of it is left after close', async (t) => {
  const channel = diagnosticsChannel.channel('holdfast:circuit-breaker:state')
  // Immediates come and go with Fastify's own work.
  const resources = (): string[] =>
    process
      .getActiveResourcesInfo()
      .filter((name) => name !== 'Immediate')
      .sort()
  const before = resources()
  const app = Fastify()
  await app.register(circuitBreaker, { prefix: '/ignored' })
  app.get('/', { config: { circuitBreaker: true } }, () => 'ok')
  await app.ready()
  t.match(app.printRoutes({ includeHooks: true }), /onRequest.*holdfastCircuitBreaker\(\)/)
  t.ok(channel.hasSubscribers)
  app.circuitBreaker('payments').tryAcquire()?.failure()
  await app.close()
  t.notOk(channel.hasSubscribers)
  t.strictSame(resources(), before)
})

t.test('decorates with breakers by name, with the options of the plugin', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(circuitBreaker, { threshold: 1 })
  const payments = app.circuitBreaker('payments')
  t.ok(payments instanceof CircuitBreaker)
  t.equal(app.circuitBreaker('payments'), payments)
  t.equal(
    app.getDecorator<FastifyInstance['circuitBreaker']>('circuitBreaker')('payments'),
    payments
  )
  t.throws(() => app.circuitBreaker('payments', { threshold: 2 }), {
    code: 'HOLDFAST_ERR_CIRCUIT_BREAKER_CONFLICT'
  })
  payments.tryAcquire()?.failure()
  t.match(app.circuitBreakers.snapshots(), [{ name: 'payments', state: 'open' }])
  t.equal(app.circuitBreakers.get('payments'), payments)
})

t.test('options of a name are laid over those of the plugin', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(circuitBreaker, {
    failureRate: 0.5,
    slowCall: { duration: '2s' },
    halfOpen: { permits: 3 },
    maxResetTimeout: '30s'
  })
  t.match(app.circuitBreaker('as the plugin').rules, {
    failureRate: 0.5,
    slowCall: { duration: 2000, rate: 0.5 },
    halfOpen: { permits: 3, successRate: 1, ramp: 1000 },
    window: { duration: 10_000 },
    maxResetTimeout: 30_000
  })
  t.match(app.circuitBreaker('in a row', { threshold: 3, slowCall: false }).rules, {
    threshold: 3,
    failureRate: undefined,
    slowCall: undefined
  })
  t.match(app.circuitBreaker('patient', { resetTimeout: '1 hour', window: { calls: 7 } }).rules, {
    maxResetTimeout: 3_600_000,
    window: { calls: 7 },
    minimumCalls: 7,
    slowCall: { duration: 2000 }
  })
})

t.test('what a breaker in shadow would do is logged as that', async (t) => {
  const lines: { level: number; msg: string; shadow?: boolean }[] = []
  const stream = { write: (line: string) => void lines.push(JSON.parse(line)) }
  const app = Fastify({ logger: { stream } })
  t.teardown(() => app.close())
  await app.register(circuitBreaker, { threshold: 1, mode: 'shadow' })
  app.get('/', { config: { circuitBreaker: true } }, (_request, reply) => reply.code(500).send())
  await app.inject('/')
  t.equal((await app.inject('/')).statusCode, 500, 'not 503')
  const line = lines.find(({ msg }) => msg.startsWith('circuit breaker'))
  t.match(line, { level: 40, shadow: true, msg: /opened \(in shadow: it refuses nothing\)/ })
})

t.test('each change of its own breakers is logged once, and the lack of room once', async (t) => {
  const lines: { level: number; msg: string }[] = []
  const stream = { write: (line: string) => void lines.push(JSON.parse(line)) }
  const app = Fastify({ logger: { stream } })
  t.teardown(() => app.close())
  let now = 0
  await app.register(circuitBreaker, {
    threshold: 2,
    maxBreakers: 1,
    resetTimeout: '1s',
    clock: () => now
  })
  new CircuitBreaker({ threshold: 1, name: 'foreign' }).tryAcquire()?.failure()
  const payments = app.circuitBreaker('payments')
  payments.tryAcquire()?.failure('status 503')
  payments.tryAcquire()?.failure(new Error('boom'))
  now += 1000
  payments.tryAcquire()?.success()
  payments.tryAcquire()?.failure()
  payments.tryAcquire()?.failure()
  app.circuitBreaker('stock')
  app.circuitBreaker('stock')

  const circuit = { circuitBreaker: 'payments' }
  t.match(lines, [
    {
      ...circuit,
      level: 40,
      from: 'closed',
      to: 'open',
      causes: { 'status 503': 1, Error: 1 },
      msg: 'circuit breaker "payments" opened'
    },
    { ...circuit, level: 30, from: 'open', msg: 'circuit breaker "payments" is half-open' },
    { ...circuit, level: 30, to: 'closed', msg: 'circuit breaker "payments" is closed' },
    { ...circuit, level: 40, to: 'open' },
    { level: 40, msg: /All 1 circuit breakers are in use.*Raise maxBreakers/ }
  ])
  t.equal(lines.length, 5)
})

t.test('a call to an upstream that fails, hangs and heals', async (t) => {
  let upstreamIs: 'well' | 'broken' | 'hanging' = 'well'
  let asked = 0
  let abandoned = 0
  const upstream: Server = createServer((request, response) => {
    asked++
    request.socket.once('close', () => {
      if (!response.writableEnded) abandoned++
    })
    if (upstreamIs === 'hanging') return
    response.statusCode = upstreamIs === 'well' ? 200 : 500
    response.end(upstreamIs)
  })
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    upstream.closeAllConnections()
    upstream.close()
  })
  const { port: upstreamPort } = upstream.address() as AddressInfo

  const app = Fastify({ forceCloseConnections: true })
  t.teardown(() => app.close())
  let now = 0
  await app.register(circuitBreaker, { threshold: 3, clock: () => now, random: () => 1 })
  const charge = async (call: Call): Promise<string> => {
    const response = await fetch(`http://127.0.0.1:${upstreamPort}/`, { signal: call.signal })
    if (response.status >= 500) throw new Error(`payments answered ${response.status}`)
    return response.text()
  }
  app.get('/orders', { config: { circuitBreaker: true } }, () =>
    app.circuitBreaker('payments').execute(charge, { timeout: 200, fallback: () => 'degraded' })
  )
  app.get('/strict', () => app.circuitBreaker('payments').execute(charge))
  const port = await listen(app)
  const ask = async (path = '/orders'): Promise<string> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`)
    return `${response.status} ${await response.text()}`
  }
  const payments = app.circuitBreaker('payments')

  t.equal(await ask(), '200 well')
  upstreamIs = 'broken'
  for (let times = 0; times < 3; times++) t.equal(await ask(), '200 degraded')
  t.equal(payments.state, 'open')
  t.equal(asked, 4)
  for (let times = 0; times < 5; times++) t.equal(await ask(), '200 degraded')
  t.match(await ask('/strict'), /^503 .*The circuit breaker \\"payments\\" is open/)
  t.equal(asked, 4, 'nobody asks while it is open')

  upstreamIs = 'hanging'
  now += 10_000
  t.equal(await ask(), '200 degraded')
  t.equal(payments.state, 'open', 'the probe ran into its timeout')
  t.equal(asked, 5)
  await eventually(() => abandoned === 1)

  upstreamIs = 'well'
  now += 20_000
  t.equal(await ask(), '200 well')
  t.equal(payments.state, 'closed')
  t.match(app.circuitBreakers.get('GET /orders')?.snapshot(), { state: 'closed', failures: 0 })
  await eventually(() => app.circuitBreakers.snapshots().every(({ inFlight }) => inFlight === 0))
})

t.test('a request tells whose fallback answered for it, and a snapshot how often', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  const seen: (string | undefined)[] = []
  app.addHook('onResponse', async (request) => {
    seen.push(factsOf(request).breakerFallback)
  })
  await app.register(circuitBreaker, { threshold: 2 })
  const broken = (): Promise<never> => Promise.reject(new Error('down'))
  app.get('/fastify', (request) =>
    app.circuitBreaker('payments').execute(broken, { request, fallback: () => 'a guess' })
  )
  app.get('/node', ({ raw }) =>
    app.circuitBreaker('stock').execute(broken, { request: raw, fallback: async () => 'a guess' })
  )
  app.get('/fine', (request) =>
    app.circuitBreaker('prices').execute(() => 'fine', { request, fallback: () => 'a guess' })
  )
  app.get('/none', () => app.circuitBreaker('stock').execute(broken, { fallback: () => 'a guess' }))
  app.get('/failing', (request) =>
    app.circuitBreaker('prices').execute(broken, { request, fallback: broken })
  )
  for (const url of ['/fastify', '/fastify', '/fastify', '/node', '/fine', '/none']) {
    t.equal((await app.inject(url)).statusCode, 200)
  }
  t.equal((await app.inject('/failing')).statusCode, 500)
  const names = ['payments', 'payments', 'payments', 'stock', undefined, undefined, undefined]
  t.strictSame(seen, names)
  t.match(app.circuitBreakers.snapshots(), [
    { name: 'payments', state: 'open', fallbacks: 3 },
    { name: 'stock', fallbacks: 2 },
    { name: 'prices', fallbacks: 0 }
  ])
  for (const request of [1, null, {}, { raw: 1 }] as unknown as FastifyRequest[]) {
    await t.rejects(
      app.circuitBreaker('prices').execute(() => 1, { request }),
      { code: 'HOLDFAST_ERR_OPTION_INVALID', message: /execute\.request.*a request of Fastify/ }
    )
  }
})
