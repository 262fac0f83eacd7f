import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'
import Fastify, { type FastifyRequest } from 'fastify'
import t from 'tap'
import { listen } from '../../../../test/support/http.ts'
import { currentCaller, keepCurrentRequest } from '../../dist/edges/current-request.js'

t.test('code finds the request that it works for, in hooks and handlers', async (t) => {
  const app = Fastify()
  keepCurrentRequest(app)
  const isCurrent = async (request: FastifyRequest): Promise<boolean> => {
    await new Promise(setImmediate)
    return currentCaller().request === request
  }
  const seen: boolean[] = []
  app.addHook('onRequest', async (request) => {
    seen.push(await isCurrent(request))
  })
  app.addHook('preValidation', async (request) => {
    seen.push(await isCurrent(request))
  })
  app.get('/', isCurrent)
  app.post('/', isCurrent)
  const url = `http://127.0.0.1:${await listen(app)}`
  t.teardown(() => app.close())
  t.equal(await (await fetch(url)).text(), 'true')
  // Its body comes later, in pieces, on a connection that other requests used before.
  const body = new ReadableStream({
    async start(controller) {
      for (const part of ['{"a":', '1}']) {
        await new Promise((resolve) => setTimeout(resolve, 20))
        controller.enqueue(new TextEncoder().encode(part))
      }
      controller.close()
    }
  })
  const headers = { 'content-type': 'application/json' }
  for (let time = 0; time < 3; time++) {
    const init = { method: 'POST', headers, body: '{"a":1}' }
    t.equal(await (await fetch(url, init)).text(), 'true')
  }
  const streamed = { method: 'POST', headers, body, duplex: 'half' } as RequestInit
  t.equal(await (await fetch(url, streamed)).text(), 'true')
  t.notOk(seen.includes(false))
  t.equal(currentCaller().request, undefined)
})

t.test('a hook that goes on elsewhere does not lose the request', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  keepCurrentRequest(app)
  const elsewhere = new AsyncResource('CONNECTION')
  app.addHook('onRequest', (_request, _reply, done) => {
    setImmediate(() => elsewhere.runInAsyncScope(done))
  })
  app.get('/', async (request) => currentCaller().request === request)
  t.equal((await app.inject('/')).body, 'true')
})

t.test('the storage is given up with the last app that uses it', async (t) => {
  const [first, second] = [Fastify(), Fastify()]
  for (const app of [first, second]) {
    keepCurrentRequest(app)
    app.get('/', async (request) => currentCaller().request === request)
  }
  t.equal((await first.inject('/')).body, 'true')
  await first.close()
  t.equal((await second.inject('/')).body, 'true')
  const { disable } = AsyncLocalStorage.prototype
  let disabled = 0
  t.teardown(() => {
    AsyncLocalStorage.prototype.disable = disable
  })
  AsyncLocalStorage.prototype.disable = function () {
    disabled++
    disable.call(this)
  }
  await second.close()
  t.equal(disabled, 1)
})
