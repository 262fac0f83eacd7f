/**
 * A breaker around a route. Covers `edges/route.ts` and `fact.ts`.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { Readable } from 'node:stream'
import { type CircuitBreakerOptions, circuitBreaker } from '@holdfast/circuit-breaker'
import { factsOf, type RequestFacts } from '@holdfast/core'
import Fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyServerOptions
} from 'fastify'
import t, { type Test } from 'tap'
import { eventually, head, listen, rawConnection } from '../../../../test/support/http.ts'

declare module '@holdfast/core' {
  interface Refusers {
    'load-shedding': true
  }
}

const RESET = 10_000

/** A service whose breakers open at the first failure, on a clock that stands until it is moved. */
class Service {
  readonly app: FastifyInstance
  readonly seen: RequestFacts[] = []
  now = 0
  port = 0

  constructor(t: Test, server: FastifyServerOptions = {}) {
    this.app = Fastify({ forceCloseConnections: true, ...server })
    this.app.addHook('onRequest', async (request) => {
      this.seen.push(factsOf(request))
    })
    t.teardown(() => this.app.close())
  }

  async register(options: CircuitBreakerOptions = {}): Promise<this> {
    await this.app.register(circuitBreaker, {
      threshold: 1,
      resetTimeout: RESET,
      clock: () => this.now,
      random: () => 1,
      ...options
    })
    return this
  }

  async start(): Promise<void> {
    this.port = await listen(this.app)
  }

  /** Asks, and returns the status of the answer, 0 for none, and what was received. */
  async ask(path: string, line = `GET ${path}`): Promise<{ status: number; text: string }> {
    const connection = await rawConnection(this.port)
    connection.write(head(line, { Connection: 'close' }))
    const text = await connection.ended()
    return { status: Number(/^HTTP\/1.1 (\d+)/.exec(text)?.[1] ?? 0), text }
  }

  /** Asks, and leaves as soon as `when` is heard, or when the handler runs. */
  async askAndLeave(path: string, handling: Promise<void>, when?: RegExp): Promise<void> {
    const connection = await rawConnection(this.port)
    connection.write(head(`GET ${path}`))
    await handling
    if (when !== undefined) await connection.until(when)
    connection.destroy()
  }

  /** What the breaker made of the latest request. */
  get outcome(): string | undefined {
    return this.seen.at(-1)?.circuitBreaker?.outcome
  }

  snapshot(name: string): { state: string; inFlight: number } | undefined {
    return this.app.circuitBreakers.get(name)?.snapshot()
  }
}

/** A handler of which a test knows when it runs. */
function signal(): { promise: Promise<void>; resolve(): void } {
  let resolve = (): void => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

t.test('every end of a request is judged once, and gives its permit back', async (t) => {
  const service = await new Service(t).register()
  const { app } = service
  const running = { answers: signal(), hangs: signal(), events: signal() }
  const answered = signal()
  const config = { circuitBreaker: true }

  app.get('/ok', { config }, () => 'ok')
  app.get('/missing', { config }, (_request, reply) => reply.code(404).send())
  app.get('/throws', { config }, () => {
    throw new Error('broken')
  })
  app.get('/503', { config }, (_request, reply) => reply.code(503).send())
  app.get('/501', { config }, (_request, reply) => reply.code(501).send())
  app.get('/505', { config }, (_request, reply) => reply.code(505).send())
  app.get('/slow', { config, handlerTimeout: 10 }, () => new Promise(() => {}))
  app.get('/hijacked-and-answered', { config }, (_request, reply) => {
    reply.hijack()
    reply.raw.end('mine')
  })
  app.get('/hijacked-and-failed', { config }, (_request, reply) => {
    reply.hijack()
    reply.raw.writeHead(502).end()
  })
  app.get('/hijacked-and-destroyed', { config }, (_request, reply) => {
    reply.hijack()
    reply.raw.destroy()
  })
  app.get('/hijacked-socket', { config }, (request, reply) => {
    reply.hijack()
    request.raw.socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n')
  })
  app.get('/upgraded', { config }, (request, reply) => {
    reply.hijack()
    reply.raw.writeHead(101, { Upgrade: 'echo', Connection: 'Upgrade' }).end()
    request.raw.socket.end()
  })
  app.get('/cut', { config }, (_request, reply) => {
    const body = new Readable({ read() {} })
    body.push('half of ')
    setImmediate(() => body.destroy(new Error('upstream gone')))
    return reply.send(body)
  })
  app.get('/leaves-and-answers', { config }, async (request) => {
    running.answers.resolve()
    await new Promise((resolve) => request.raw.socket.once('close', resolve))
    setImmediate(answered.resolve)
    return 'too late'
  })
  app.get('/leaves-and-hangs', { config }, () => {
    running.hangs.resolve()
    return new Promise(() => {})
  })
  app.get('/events', { config }, (_request, reply) => {
    const body = new Readable({ read() {} })
    body.push('data: 1\n\n')
    running.events.resolve()
    return reply.type('text/event-stream').send(body)
  })
  app.get('/refused-inside', { config }, (request, reply) => {
    factsOf(request).refusedBy = 'load-shedding'
    return reply.code(503).send()
  })
  app.get('/cut-by-shutdown', { config }, (request, reply) => {
    factsOf(request).lifecycle = { phase: 'closing' }
    return reply.code(503).send()
  })
  await service.start()

  const asks: [string, number, string][] = [
    ['/ok', 200, 'success'],
    ['/missing', 404, 'success'],
    ['/throws', 500, 'failure'],
    ['/503', 503, 'failure'],
    ['/501', 501, 'excluded'],
    ['/505', 505, 'excluded'],
    ['/slow', 503, 'failure'],
    ['/hijacked-and-answered', 200, 'success'],
    ['/hijacked-and-failed', 502, 'failure'],
    ['/hijacked-and-destroyed', 0, 'excluded'],
    ['/hijacked-socket', 101, 'excluded'],
    ['/upgraded', 101, 'excluded'],
    ['/cut', 200, 'failure'],
    ['/refused-inside', 503, 'excluded'],
    ['/cut-by-shutdown', 503, 'excluded']
  ]
  const judged = async (path: string, outcome: string): Promise<void> => {
    await eventually(() => service.outcome !== undefined)
    t.equal(service.outcome, outcome, path)
    t.match(service.snapshot(`GET ${path}`), {
      state: outcome === 'failure' ? 'open' : 'closed',
      inFlight: 0
    })
  }
  for (const [path, status, outcome] of asks) {
    t.equal((await service.ask(path)).status, status, path)
    await judged(path, outcome)
  }

  await service.askAndLeave('/leaves-and-answers', running.answers.promise)
  await judged('/leaves-and-answers', 'excluded')
  await answered.promise
  await service.askAndLeave('/leaves-and-hangs', running.hangs.promise)
  await judged('/leaves-and-hangs', 'excluded')
  await service.askAndLeave('/events', running.events.promise, /data: 1/)
  await judged('/events', 'excluded')

  const injected = await app.inject('/ok')
  t.equal(injected.statusCode, 200)
  await judged('/ok', 'success')
})

t.test('a pipelined request whose client left is given back', async (t) => {
  const service = await new Service(t).register()
  const running = signal()
  service.app.get('/hangs', { config: { circuitBreaker: true } }, () => {
    running.resolve()
    return new Promise(() => {})
  })
  await service.start()
  const connection = await rawConnection(service.port)
  connection.write(head('GET /hangs').repeat(3))
  await running.promise
  await eventually(() => service.snapshot('GET /hangs')?.inFlight === 3)
  connection.destroy()
  await eventually(() => service.snapshot('GET /hangs')?.inFlight === 0)
  t.strictSame(
    service.seen.map((facts) => facts.circuitBreaker?.outcome),
    ['excluded', 'excluded', 'excluded']
  )
})

t.test(
  'refuses in onRequest with problem+json, says when to come back, logs no error',
  async (t) => {
    const logged: string[] = []
    const stream = { write: (line: string) => void logged.push(line) }
    const service = await new Service(t, { logger: { level: 'error', stream } }).register()
    let bodies = 0
    service.app.addContentTypeParser('text/plain', (_request, _payload, done) => {
      bodies++
      done(null)
    })
    service.app.post('/orders', { config: { circuitBreaker: true } }, (_request, reply) =>
      reply.code(500).send()
    )
    await service.start()
    await service.ask('/orders', 'POST /orders')
    await eventually(() => service.snapshot('POST /orders')?.state === 'open')
    service.now += 3500

    const response = await fetch(`http://127.0.0.1:${service.port}/orders`, {
      method: 'POST',
      body: 'text'
    })
    t.equal(response.status, 503)
    t.equal(response.headers.get('retry-after'), '7')
    t.equal(response.headers.get('cache-control'), 'no-store')
    t.match(response.headers.get('content-type'), /^application\/problem\+json/)
    t.match(await response.json(), {
      type: 'about:blank',
      title: 'Service Unavailable',
      status: 503,
      detail: 'The circuit breaker "POST /orders" is open. Try again in 7 s.',
      code: 'HOLDFAST_ERR_CIRCUIT_BREAKER_OPEN'
    })
    t.equal(bodies, 0)
    t.strictSame(logged, [])
    t.match(service.seen.at(-1), {
      refusedBy: 'circuit-breaker',
      circuitBreaker: { name: 'POST /orders', state: 'open', outcome: undefined }
    })

    service.now = RESET - 1
    t.match((await service.ask('/orders', 'POST /orders')).text, /retry-after: 1\r\n/)
  }
)

t.test(
  'refusals reach the error handler of an app and of a route, status and headers set',
  async (t) => {
    const service = new Service(t)
    const handle = (
      error: Error & { code?: string },
      _request: unknown,
      reply: { send(x: unknown): void }
    ): void => reply.send({ handled: error.code })
    service.app.setErrorHandler(handle)
    await service.register()
    const handler = (): never => {
      throw new Error('broken')
    }
    service.app.get('/app', { config: { circuitBreaker: true } }, handler)
    service.app.get(
      '/route',
      {
        config: { circuitBreaker: true },
        errorHandler: (error, _request, reply) => reply.send({ routeHandled: error.code })
      },
      handler
    )
    await service.start()
    for (const [path, member] of [
      ['/app', 'handled'],
      ['/route', 'routeHandled']
    ]) {
      service.app.circuitBreakers.get(`GET ${path}`)?.tryAcquire()?.failure()
      const response = await fetch(`http://127.0.0.1:${service.port}${path}`)
      t.equal(response.status, 503)
      t.equal(response.headers.get('retry-after'), '10')
      t.strictSame(await response.json(), { [`${member}`]: 'HOLDFAST_ERR_CIRCUIT_BREAKER_OPEN' })
    }
  }
)

t.test('an inner breaker that is open answers 503 and does not count for the route', async (t) => {
  const service = new Service(t)
  const mapped = new Set(['/mapped', '/rethrown'])
  service.app.setErrorHandler((error, request, reply) => {
    if (!mapped.has(request.url)) throw error
    return reply.code(500).send('mapped')
  })
  await service.register()
  const call = (): Promise<string> =>
    service.app.circuitBreaker('payments').execute(() => {
      throw new Error('payments broke')
    })
  for (const path of ['/plain', ...mapped]) {
    service.app.get(path, { config: { circuitBreaker: true } }, call)
  }
  service.app.circuitBreaker('payments').tryAcquire()?.failure()
  await service.start()

  const response = await fetch(`http://127.0.0.1:${service.port}/plain`)
  t.equal(response.status, 503)
  t.equal(response.headers.get('retry-after'), '10')
  t.equal(response.headers.get('cache-control'), 'no-store')
  t.match(await response.json(), { code: 'HOLDFAST_ERR_CIRCUIT_BREAKER_OPEN', statusCode: 503 })
  t.equal(service.outcome, 'excluded')
  for (const path of mapped) {
    t.equal((await service.ask(path)).status, 500)
    t.equal(service.outcome, 'excluded')
  }
  for (const path of ['/plain', ...mapped]) {
    t.match(service.snapshot(`GET ${path}`), { state: 'closed', inFlight: 0, failures: 0 })
  }
})

t.test(
  'an error that is not about a breaker, or comes before the handler, changes nothing',
  async (t) => {
    const service = await new Service(t).register()
    const preHandler = async (): Promise<never> => {
      throw Object.assign(new Error('who are you'), { statusCode: 401 })
    }
    service.app.get('/private', { config: { circuitBreaker: true }, preHandler }, () => 'secret')
    service.app.get('/invalid', {
      config: { circuitBreaker: true },
      schema: { querystring: { type: 'object', required: ['id'] } },
      handler: () => 'valid'
    })
    await service.start()
    service.app.circuitBreakers.get('GET /private')?.tryAcquire()?.failure()
    service.now += RESET
    for (let times = 0; times < 3; times++) {
      t.equal((await service.ask('/private')).status, 401)
      t.equal(service.outcome, undefined)
    }
    t.match(service.snapshot('GET /private'), { state: 'half-open', inFlight: 0 })
    t.equal((await service.ask('/invalid')).status, 400)
    t.equal(service.seen.at(-1)?.circuitBreaker, undefined)
  }
)

t.test(
  'one probe at a time reaches the handler, also when many pass onRequest before it',
  async (t) => {
    const service = await new Service(t).register()
    let handled = 0
    const waiting: (() => void)[] = []
    const probing = signal()
    service.app.addHook('preValidation', async (request) => {
      if (request.url === '/slow-hooks') await new Promise<void>((resolve) => waiting.push(resolve))
    })
    service.app.get('/slow-hooks', { config: { circuitBreaker: true } }, async () => {
      handled++
      await probing.promise
      return 'well'
    })
    await service.start()
    service.app.circuitBreakers.get('GET /slow-hooks')?.tryAcquire()?.failure()
    service.now += RESET
    const answers = Array.from({ length: 20 }, () => service.ask('/slow-hooks'))
    await eventually(() => waiting.length === 20)
    for (const resolve of waiting) resolve()
    await eventually(() => service.seen.filter((facts) => facts.refusedBy).length === 19)
    t.equal((await service.ask('/slow-hooks')).status, 503, 'and now in onRequest')
    probing.resolve()
    const statuses = (await Promise.all(answers)).map(({ status }) => status)
    t.equal(statuses.filter((status) => status === 200).length, 1)
    t.equal(statuses.filter((status) => status === 503).length, 19)
    t.equal(handled, 1)
    await eventually(() => service.snapshot('GET /slow-hooks')?.state === 'closed')
  }
)

t.test('a probe that is lost in any way does not keep the route closed off', async (t) => {
  const service = await new Service(t).register({ maxResetTimeout: RESET })
  let kind = 'well'
  service.app.get('/probe', { config: { circuitBreaker: true } }, (request, reply) => {
    if (kind === 'well') return reply.send('well')
    if (kind === 'throws') throw new Error('still broken')
    if (kind === 'excluded') return reply.code(501).send()
    if (kind === 'hijacked') {
      reply.hijack()
      request.raw.socket.end()
      return
    }
    // Hangs; the client leaves, or not.
    return new Promise(() => {})
  })
  await service.start()
  const breaker = service.app.circuitBreaker('GET /probe')
  const connections: { destroy(): void }[] = []
  t.teardown(() => {
    for (const connection of connections) connection.destroy()
  })
  for (kind of ['throws', 'excluded', 'hijacked', 'left', 'hangs']) {
    const thisKind = kind
    breaker.tryAcquire()?.failure()
    t.equal(breaker.state, 'open', thisKind)
    service.now += RESET
    const connection = await rawConnection(service.port)
    connections.push(connection)
    connection.write(head('GET /probe', { Connection: 'close' }))
    if (kind === 'left' || kind === 'hangs') {
      await eventually(() => breaker.snapshot().inFlight === 1)
      if (kind === 'left') connection.destroy()
    } else {
      await connection.ended()
    }
    if (kind !== 'hangs') await eventually(() => breaker.snapshot().inFlight === 0)
    service.now += 3 * RESET
    kind = 'well'
    t.equal((await service.ask('/probe')).status, 200, thisKind)
    await eventually(() => breaker.state === 'closed')
  }
})

t.test(
  'GET and HEAD share a breaker; names, options and several methods are respected',
  async (t) => {
    const service = await new Service(t).register()
    const { app } = service
    const broken = (): never => {
      throw new Error('broken')
    }
    app.get('/orders/:id', { config: { circuitBreaker: true } }, broken)
    app.get('/a', { config: { circuitBreaker: 'shared' } }, broken)
    app.get('/b', { config: { circuitBreaker: { name: 'shared' } } }, () => 'b')
    app.get('/patient', { config: { circuitBreaker: { threshold: 2 } } }, broken)
    app.get('/off', { config: { circuitBreaker: false } }, broken)
    app.get('/none', broken)
    app.route({
      method: ['GET', 'POST'],
      url: '/both',
      config: { circuitBreaker: true },
      handler: () => 'both'
    })
    app.route({
      method: ['PUT', 'POST'],
      url: '/write',
      config: { circuitBreaker: true },
      preHandler: [(_request, _reply, done) => done(), (_request, _reply, done) => done()],
      handler: () => 'written'
    })
    await app.register(
      async (scope) => {
        scope.get('/', { config: { circuitBreaker: true } }, broken)
      },
      { prefix: '/scope' }
    )
    await service.start()

    t.strictSame(
      app.circuitBreakers.snapshots().map(({ name }) => name),
      ['GET /orders/:id', 'shared', 'GET /patient', 'GET /both', 'PUT /write', 'GET /scope']
    )
    t.equal((await service.ask('/orders/1', 'HEAD /orders/1')).status, 500)
    t.equal((await service.ask('/orders/2')).status, 503)
    t.equal((await service.ask('/a')).status, 500)
    t.equal((await service.ask('/b')).status, 503)
    t.equal((await service.ask('/patient')).status, 500)
    t.equal((await service.ask('/patient')).status, 500)
    t.equal((await service.ask('/patient')).status, 503)
    for (const path of ['/off', '/off', '/none', '/none']) {
      t.equal((await service.ask(path)).status, 500)
      t.equal(service.seen.at(-1)?.circuitBreaker, undefined)
    }
    t.equal((await service.ask('/write', 'PUT /write')).status, 200)
    t.equal(service.outcome, 'success')
    t.equal((await service.ask('/scope/', 'HEAD /scope/')).status, 500)
    t.equal((await service.ask('/scope')).status, 503)
    t.equal((await service.ask('/scope/')).status, 503)
    t.equal((await service.ask('/nowhere')).status, 404)
  }
)

t.test('routes declared before the plugin are guarded the same way', async (t) => {
  const logged: { level: number; msg: string; err?: { message: string } }[] = []
  const stream = { write: (line: string) => void logged.push(JSON.parse(line)) }
  const service = new Service(t, { logger: { level: 'warn', stream } })
  const { app } = service
  const broken = (): never => {
    throw Object.assign(new Error('broken'), { statusCode: 502 })
  }
  const unauthorized = { status: true }
  const preHandler = async (): Promise<void> => {
    if (unauthorized.status) throw Object.assign(new Error('who are you'), { statusCode: 401 })
  }
  app.get('/early/:id', { config: { circuitBreaker: true } }, broken)
  app.get('/private', { config: { circuitBreaker: true }, preHandler }, () => 'secret')
  app.register(async (scope) => {
    scope.get('/early-scope', { config: { circuitBreaker: { name: 'scoped' } } }, broken)
  })
  app.register(
    async (scope) => {
      scope.get('/', { config: { circuitBreaker: true } }, broken)
    },
    { prefix: '/prefixed' }
  )
  app.get('/wrong', { config: { circuitBreaker: { threshold: 0 } } }, broken)
  await app.register(async () => {})
  await service.register()
  app.get('/unbothered', () => 'ok')
  await service.start()

  t.equal((await service.ask('/early/1', 'HEAD /early/1')).status, 502)
  t.equal(service.outcome, 'failure')
  t.equal((await service.ask('/early/2')).status, 503)
  t.equal((await service.ask('/early-scope')).status, 502)
  t.equal((await service.ask('/early-scope')).status, 503)
  t.equal(service.snapshot('scoped')?.state, 'open')
  t.equal((await service.ask('/prefixed/', 'HEAD /prefixed/')).status, 502)
  t.equal((await service.ask('/prefixed')).status, 503)

  await service.ask('/private')
  app.circuitBreakers.get('GET /private')?.tryAcquire()?.failure()
  service.now += RESET
  t.equal((await service.ask('/private')).status, 401)
  t.equal(service.snapshot('GET /private')?.state, 'half-open', 'it never reached the handler')
  unauthorized.status = false
  t.equal((await service.ask('/private')).status, 200)
  await eventually(() => service.snapshot('GET /private')?.state === 'closed')

  const complaints = (): unknown[] =>
    logged.filter(({ msg }) => msg.startsWith("The plugin's options"))
  t.equal((await service.ask('/wrong')).status, 502)
  t.equal((await service.ask('/wrong')).status, 503)
  t.match(complaints(), [
    {
      level: 50,
      msg: /apply to GET \/wrong/,
      err: { message: /"config.circuitBreaker of GET \/wrong.threshold" must be a whole number/ }
    }
  ])
  t.equal(complaints().length, 1)
})

t.test('a handler for 404s has one breaker, whatever URLs are asked for', async (t) => {
  const service = await new Service(t).register()
  const options = { config: { circuitBreaker: true }, preHandler: [] }
  service.app.setNotFoundHandler(options, (_request, reply) => reply.code(502).send())
  await service.start()
  t.equal((await service.ask('/one')).status, 502)
  t.equal((await service.ask('/other')).status, 503)
  t.match(service.app.circuitBreakers.snapshots(), [{ name: 'not found', state: 'open' }])
})

t.test('a wrong option of a route stops the boot', async (t) => {
  const service = await new Service(t).register()
  const wrong: [unknown, RegExp][] = [
    [{ threshold: 0 }, /"config.circuitBreaker of GET \/wrong.threshold" must be a whole number/],
    [{ treshold: 1 }, /treshold.*threshold, failureRate, .*, name/],
    ['', /config.circuitBreaker of GET \/wrong" must be text/],
    [5, /must be true, a name, an object or false, but it is 5/],
    [null, /must be true, a name, an object or false/],
    [[], /must be true, a name, an object or false/],
    [{ name: 'taken', threshold: 7 }, /"taken" exists with other options/]
  ]
  service.app.circuitBreaker('taken')
  for (const [option, message] of wrong) {
    t.throws(
      () => service.app.get('/wrong', { config: { circuitBreaker: option as boolean } }, () => ''),
      { message }
    )
  }
})

t.test(
  'a scope with a registration of its own guards its routes itself, early ones too',
  async (t) => {
    const service = new Service(t)
    const { app } = service
    const config = { circuitBreaker: 'same name' }
    const broken = (): never => {
      throw new Error('broken')
    }
    let scope: FastifyInstance | undefined
    app.register(async (instance) => {
      scope = instance
      instance.get('/early-inside', { config }, broken)
      await instance.register(circuitBreaker, {
        threshold: 2,
        clock: () => service.now,
        random: () => 1
      })
      instance.get('/inside', { config }, broken)
    })
    await service.register()
    app.get('/outside', { config }, broken)
    await service.start()

    t.equal((await service.ask('/inside')).status, 500)
    t.equal((await service.ask('/early-inside')).status, 500)
    t.equal((await service.ask('/inside')).status, 503)
    t.equal((await service.ask('/early-inside')).status, 503)
    t.equal(service.snapshot('same name')?.state, 'closed')
    t.equal(scope?.circuitBreakers.get('same name')?.state, 'open')
    t.equal((await service.ask('/outside')).status, 500)
    t.equal((await service.ask('/outside')).status, 503)
  }
)

t.test('a long answer does not keep the breaker of a healthy route open', async (t) => {
  const service = await new Service(t).register()
  const bodies: Readable[] = []
  let healthy = false
  service.app.get('/stream', { config: { circuitBreaker: true } }, async () => {
    if (!healthy) throw new Error('down')
    const body = new Readable({ read() {} })
    body.push('begun ')
    bodies.push(body)
    return body
  })
  await service.start()
  const breaker = service.app.circuitBreaker('GET /stream')
  t.equal((await service.ask('/stream')).status, 500)
  t.equal(breaker.state, 'open')

  healthy = true
  service.now += RESET
  const probe = await rawConnection(service.port)
  probe.write(head('GET /stream'))
  await probe.until(/begun/)
  t.equal(breaker.state, 'half-open')
  service.now += RESET
  t.equal(breaker.state, 'closed', 'its head said that the route is well')
  bodies[0]?.push(null)
  await probe.until(/0\r\n\r\n/)
  probe.destroy()
  t.equal(breaker.state, 'closed')
  t.equal(breaker.snapshot().inFlight, 0)
})

t.test('a route that hangs opens its breaker, though its clients leave first', async (t) => {
  const service = await new Service(t).register({
    slowCall: { duration: '1s' },
    minimumCalls: 3
  })
  let hanging = 0
  service.app.get('/hangs', { config: { circuitBreaker: true } }, () => {
    hanging++
    return new Promise(() => {})
  })
  await service.start()
  const breaker = service.app.circuitBreaker('GET /hangs')
  for (let client = 1; client <= 3; client++) {
    const connection = await rawConnection(service.port)
    connection.write(head('GET /hangs'))
    await eventually(() => hanging === client)
    service.now += 1000
    t.equal(breaker.state, client === 3 ? 'open' : 'closed')
    connection.destroy()
    await eventually(() => breaker.snapshot().inFlight === 0)
  }
  t.equal((await service.ask('/hangs')).status, 503)
})

t.test('slow is how long an answer takes to begin', async (t) => {
  const early = new Service(t)
  const bodies: Readable[] = []
  const slowly = signal()
  const config = { circuitBreaker: { slowCall: { duration: '1s', rate: 1 }, minimumCalls: 1 } }
  const stream = (_request: unknown, reply: FastifyReply): unknown => {
    const body = new Readable({ read() {} })
    body.push('begun ')
    bodies.push(body)
    return reply.send(body)
  }
  const slow = async (): Promise<string> => {
    await slowly.promise
    return 'at last'
  }
  early.app.get('/early-stream', { config }, stream)
  early.app.get('/early-slow', { config }, slow)
  const service = await early.register()
  const { app } = service
  app.get('/stream', { config }, stream)
  app.get('/slow', { config, onSend: async () => {} }, slow)
  app.get('/hijacked-stream', { config }, (_request, reply) => {
    reply.hijack()
    reply.raw.writeHead(200)
    reply.raw.write('begun ')
    bodies.push(new Readable({ read() {} }).on('data', () => reply.raw.end()))
  })
  app.get('/upgraded', { config }, (request, reply) => {
    reply.hijack()
    request.raw.socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\nbegun ')
  })
  await service.start()

  for (const path of ['/early-stream', '/stream', '/hijacked-stream', '/upgraded']) {
    const connection = await rawConnection(service.port)
    connection.write(head(`GET ${path}`, { Connection: 'Upgrade', Upgrade: 'echo' }))
    await connection.until(/begun/)
    service.now += 60_000
    t.match(app.circuitBreaker(`GET ${path}`).snapshot(), { state: 'closed', overdue: 0 }, path)
    for (const body of bodies.splice(0)) body.push('.')
    connection.destroy()
    await eventually(() => service.snapshot(`GET ${path}`)?.inFlight === 0)
    t.equal(service.snapshot(`GET ${path}`)?.state, 'closed', path)
  }

  const answers = ['/early-slow', '/slow'].map((path) => service.ask(path))
  await eventually(() =>
    ['GET /early-slow', 'GET /slow'].every((name) => service.snapshot(name)?.inFlight === 1)
  )
  service.now += 1000
  slowly.resolve()
  for (const { status } of await Promise.all(answers)) t.equal(status, 200)
  for (const path of ['/early-slow', '/slow']) {
    t.equal(service.snapshot(`GET ${path}`)?.state, 'open', path)
    t.equal((await service.ask(path)).status, 503)
  }
})

t.test('a Retry-After that the handler passes on lengthens the open period', async (t) => {
  const service = await new Service(t).register()
  const config = { circuitBreaker: true }
  service.app.get('/busy', { config }, (_request, reply) =>
    reply.code(503).header('retry-after', '30').send()
  )
  await service.start()
  await service.ask('/busy')
  t.match((await service.ask('/busy')).text, /^HTTP\/1.1 503.*retry-after: 30\r\n/s)
})

t.test('classify runs in the async context of its request, whoever sends the answer', async (t) => {
  const storage = new AsyncLocalStorage<string>()
  const seen: unknown[] = []
  const service = await new Service(t).register({
    classify: () => {
      seen.push(storage.getStore())
      return undefined
    }
  })
  service.app.addHook('onRequest', (request, _reply, done) => storage.run(request.url, done))
  service.app.get('/piped', { config: { circuitBreaker: true } }, (_request, reply) => {
    // As a body is that comes from a pooled connection.
    storage.run('another request', () => reply.send('ok'))
  })
  await service.start()
  t.equal((await service.ask('/piped')).status, 200)
  await eventually(() => seen.length === 1)
  t.same(seen, ['/piped'])
})

t.test('classify decides over the statuses of a route', async (t) => {
  const seen: unknown[] = []
  const service = await new Service(t).register({
    classify: (result) => {
      seen.push(result)
      return result.statusCode === 429 ? 'failure' : undefined
    }
  })
  const config = { circuitBreaker: true }
  service.app.get('/throttled', { config }, (_request, reply) => reply.code(429).send())
  service.app.get('/cut', { config }, (_request, reply) => reply.raw.destroy())
  await service.start()
  await service.ask('/throttled')
  await eventually(() => service.outcome === 'failure')
  t.equal((await service.ask('/throttled')).status, 503)
  await service.ask('/cut')
  await eventually(() => service.outcome !== undefined)
  t.strictSame(seen, [{ breaker: 'GET /throttled', statusCode: 429 }])
})

t.test('after closing a route lets its clients back in by steps', async (t) => {
  const service = await new Service(t).register()
  service.app.get('/', { config: { circuitBreaker: true } }, () => 'ok')
  await service.start()
  const breaker = service.app.circuitBreaker('GET /')
  breaker.tryAcquire()?.failure()
  service.now += RESET
  t.equal((await service.ask('/')).status, 200)
  await eventually(() => breaker.state === 'closed')
  for (const expected of [200, 200, 503]) t.equal((await service.ask('/')).status, expected)
  service.now += 1000
  for (const expected of [200, 200, 200, 200, 503]) {
    t.equal((await service.ask('/')).status, expected)
  }
  service.now += 5000
  for (let count = 0; count < 10; count++) t.equal((await service.ask('/')).status, 200)
})

t.test('an isolated route refuses until its switch is released', async (t) => {
  const service = await new Service(t).register()
  service.app.get('/', { config: { circuitBreaker: true } }, () => 'ok')
  await service.start()
  const isolated = service.app.circuitBreakers.isolate('GET /')
  t.match((await service.ask('/')).text, /^HTTP\/1.1 503.*retry-after: 10\r\n/s)
  isolated.release()
  t.equal((await service.ask('/')).status, 200)
})
