import { AsyncLocalStorage } from 'node:async_hooks'
import { requestLogging } from '@holdfast/request-logging'
import { logController } from '@holdfast/request-logging/log-controller'
import Fastify from 'fastify'
import type { LoggerOptions } from 'pino'
import t from 'tap'
import { eventually, head, listen, rawConnection } from '../../../test/support/http.ts'
import { mayReadContext } from '../dist/edges/pino-symbols.js'
import { Log } from './support/log.ts'

const WAYS: Record<string, (storage: AsyncLocalStorage<string>) => LoggerOptions> = {
  mixin: (storage) => ({ mixin: () => ({ tenant: storage.getStore() }) }),
  formatter: (storage) => ({
    formatters: { log: (line: object) => ({ ...line, tenant: storage.getStore() }) }
  }),
  hook: (storage) => ({
    hooks: {
      logMethod([fields, message], method) {
        method.call(this, { ...(fields as object), tenant: storage.getStore() }, message as string)
      }
    }
  })
}

for (const [name, options] of Object.entries(WAYS)) {
  t.test(`a ${name} finds the context of the request, however it ended`, async (t) => {
    const storage = new AsyncLocalStorage<string>()
    const written = new Log()
    const app = Fastify({
      logger: { stream: written, ...options(storage) },
      logController: logController()
    })
    t.teardown(() => app.close())
    app.register(requestLogging)
    app.addHook('onRequest', (request, _reply, done) => {
      storage.run(`tenant of ${request.url}`, done)
    })
    const arrived = new Set<string>()
    app.addHook('preParsing', async (request) => {
      arrived.add(request.url)
    })
    app.get('/answered', async () => 'ok')
    // As from a timer, or a connection, that requests share.
    app.get('/answered-from-elsewhere', (_request, reply) => {
      storage.run('tenant of another request', () => reply.send('ok'))
    })
    app.get('/left', (request) => {
      arrived.add(`${request.url} in its handler`)
      return new Promise(() => {})
    })
    app.post('/sending', async () => 'ok')
    app.get('/destroyed', async (_request, reply) => {
      setImmediate(() => reply.raw.destroy())
      return new Promise(() => {})
    })
    app.register(async (scope) => {
      scope.addHook('preHandler', (_request, _reply, done) => {
        storage.run('tenant of the scope', done)
      })
      scope.get('/late', (request) => {
        arrived.add(`${request.url} in its handler`)
        return new Promise(() => {})
      })
    })
    const port = await listen(app)
    for (const path of ['/answered', '/answered-from-elsewhere']) {
      const answered = await fetch(`http://127.0.0.1:${port}${path}`)
      t.equal(await answered.text(), 'ok')
    }
    for (const path of ['/left', '/late']) {
      const client = await rawConnection(port)
      client.write(head(`GET ${path}`))
      await eventually(() => arrived.has(`${path} in its handler`))
      client.destroy()
    }
    const sending = await rawConnection(port)
    sending.write(`${head('POST /sending', { 'Content-Length': '9' })}half`)
    await eventually(() => arrived.has('/sending'))
    sending.destroy()
    const destroyed = await rawConnection(port)
    destroyed.write(head('GET /destroyed'))
    await destroyed.ended()
    const lines = await written.lines(6)
    const tenants = Object.fromEntries(
      lines.map(({ path, outcome, tenant }) => [path, [outcome, tenant]])
    )
    t.match(tenants, {
      '/answered': ['ok', 'tenant of /answered'],
      '/answered-from-elsewhere': ['ok', 'tenant of /answered-from-elsewhere'],
      '/left': ['aborted', 'tenant of /left'],
      '/late': ['aborted', 'tenant of the scope'],
      '/sending': [String, 'tenant of /sending'],
      '/destroyed': ['cut', 'tenant of /destroyed']
    })
  })
}

t.test(
  'a pino without code of the application keeps no context; any other logger may ask',
  async (t) => {
    const plain = Fastify({ logger: { level: 'silent' } })
    t.notOk(mayReadContext(plain.log))
    t.ok(mayReadContext({ info: () => {} }))
    await plain.close()
  }
)
