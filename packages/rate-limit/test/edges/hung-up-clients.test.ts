/**
 * Clients that hang up before they are counted: `edges/clients.ts` and `compat/limiter.ts`.
 */
import { connect } from 'node:http2'
import { subscribe } from '@holdfast/core'
import { type RateLimitOptions, rateLimit } from '@holdfast/rate-limit'
import compat from '@holdfast/rate-limit/compat'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { eventually, listen, rawConnection } from '../../../../test/support/http.ts'

interface Service {
  readonly app: FastifyInstance
  /** Makes requests of a client that hangs up while the service is busy with another hook. */
  hangUp(times: number): Promise<void>
  /** The status of a request of the same client, which waits for its answer. */
  status(): Promise<number>
}

const http1 = (port: number) => ({
  async hangUp() {
    const connection = await rawConnection(port)
    connection.write(
      'GET / HTTP/1.1\r\nHost: a\r\nx-hang-up: 1\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n'
    )
    return () => connection.socket.resetAndDestroy()
  },
  async status() {
    const connection = await rawConnection(port)
    connection.write('GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n')
    const text = await connection.until(/ (\d{3}) /)
    connection.destroy()
    return Number(/ (\d{3}) /.exec(text)?.[1])
  }
})

const http2 = (port: number) => ({
  async hangUp() {
    const session = connect(`http://127.0.0.1:${port}`)
    session.on('error', () => {})
    const stream = session.request({ 'x-hang-up': '1', 'x-forwarded-for': '192.0.2.7' })
    stream.on('error', () => {})
    stream.on('close', () => session.close())
    return () => stream.close(8)
  },
  status() {
    return new Promise<number>((resolve) => {
      const session = connect(`http://127.0.0.1:${port}`)
      const stream = session.request({ 'x-forwarded-for': '192.0.2.7' })
      stream.on('response', (headers) => {
        resolve(Number(headers[':status']))
        session.destroy()
      })
    })
  }
})

async function serve(
  t: Test,
  protocol: typeof http1 | typeof http2,
  plugin: (app: FastifyInstance) => void,
  trustProxy: false | string[] = false
): Promise<Service> {
  const app: FastifyInstance = Fastify({ http2: protocol === http2, trustProxy } as object)
  t.teardown(() => app.close())
  let goOn = (): void => {}
  let over = 0
  app.addHook('onRequest', (request, reply, done) => {
    if (request.headers['x-hang-up'] === undefined) {
      done()
      return
    }
    reply.raw.once('close', () => {
      done()
      setImmediate(() => over++)
    })
    goOn()
  })
  plugin(app)
  app.get('/', () => 'ok')
  const client = protocol(await listen(app))
  return {
    app,
    status: client.status,
    async hangUp(times) {
      const before = over
      for (let time = 1; time <= times; time++) {
        const arrived = new Promise<void>((resolve) => {
          goOn = resolve
        })
        const leave = await client.hangUp()
        await arrived
        leave()
        await eventually(() => over === before + time)
      }
    }
  }
}

const native = (options: RateLimitOptions) => (app: FastifyInstance) => {
  app.register(rateLimit, options)
}

for (const [name, protocol] of Object.entries({ http1, http2 })) {
  t.test(`a client that hangs up is counted as itself, over ${name}`, async (t) => {
    const keys = new Set<string>()
    t.teardown(subscribe('holdfast:rate-limit:allowed', ({ key }) => keys.add(key)))
    for (const hook of ['onRequest', 'preHandler'] as const) {
      const { hangUp, status } = await serve(t, protocol, native({ max: 3, hook }))
      await hangUp(3)
      t.equal(await status(), 429, hook)
    }
    t.strictSame([...keys], ['127.0.0.1'])
  })

  t.test(`behind a proxy, and by a key made of request.ip, over ${name}`, async (t) => {
    const keys = new Set<string>()
    t.teardown(subscribe('holdfast:rate-limit:allowed', ({ key }) => keys.add(key)))
    const plugin = native({ max: 3, keyGenerator: ({ ip }) => `from ${ip}` })
    const { hangUp, status } = await serve(t, protocol, plugin, ['127.0.0.1'])
    await hangUp(3)
    t.equal(await status(), 429)
    t.strictSame([...keys], ['from 192.0.2.7'])
  })

  t.test(`a client on the allow list that hangs up is not limited, over ${name}`, async (t) => {
    let denied = 0
    t.teardown(subscribe('holdfast:rate-limit:denied', () => denied++))
    const plugin = native({ max: 0, allowList: ['127.0.0.1'] })
    const { hangUp, status } = await serve(t, protocol, plugin)
    await hangUp(1)
    t.equal(await status(), 200)
    t.equal(denied, 0)
  })

  t.test(`a client can be banned by a request that it gave up, over ${name}`, async (t) => {
    const { hangUp, status } = await serve(t, protocol, (app) => {
      app.register(rateLimit)
      app.after(() => {
        app.addHook('onRequest', async (request) => {
          if (request.headers['x-hang-up'] === undefined) return
          await app.createRateLimiter().ban(request, '1 minute')
        })
      })
    })
    await hangUp(1)
    t.equal(await status(), 429)
  })

  t.test(`the drop-in counts a client that hangs up as itself, over ${name}`, async (t) => {
    const keys = new Set<string>()
    const { hangUp, status } = await serve(t, protocol, (app) => {
      app.register(compat, { max: 3, hook: 'preHandler', onExceeding: (_, key) => keys.add(key) })
    })
    await hangUp(3)
    t.equal(await status(), 429)
    t.strictSame([...keys], ['127.0.0.1'])
  })
}
