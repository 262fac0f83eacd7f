import { lifecycle, serverTimeouts } from '@holdfast/lifecycle'
import Fastify from 'fastify'
import t from 'tap'
import { head, listen, rawConnection } from '../../../test/support/http.ts'

t.test('the defaults are 5 s for a request, 10 s for a handler, 2 minutes idle', async (t) => {
  t.same(serverTimeouts(), {
    requestTimeout: 5000,
    handlerTimeout: 10_000,
    keepAliveTimeout: 120_000,
    http: { requestTimeout: 5000, headersTimeout: 5000, connectionsCheckingInterval: 500 }
  })
  const app = Fastify(serverTimeouts())
  t.teardown(() => app.close())
  t.match(app.server, { requestTimeout: 5000, headersTimeout: 5000, keepAliveTimeout: 120_000 })
})

t.test('they mix with other options and need no cast', async (t) => {
  const app = Fastify({ ...serverTimeouts({ request: 1234.5 }), logger: { level: 'silent' } })
  t.teardown(() => app.close())
  app.register(lifecycle, { signals: false })
  await app.ready()
  t.equal(app.server.requestTimeout, 1235)
})

t.test('how often Node looks follows from the time, within bounds', (t) => {
  const intervalFor = (request: number): number =>
    serverTimeouts({ request }).http.connectionsCheckingInterval
  t.same([intervalFor(10), intervalFor(2000), intervalFor(60_000)], [100, 200, 500])
  t.equal(intervalFor(0), 30_000, 'off: as Node does')
  t.equal(serverTimeouts({ request: 0.3 }).requestTimeout, 1, 'not off')
  t.throws(() => serverTimeouts({ handler: '30 days' }), { message: /"serverTimeouts.handler"/ })
  t.throws(() => serverTimeouts(JSON.parse('{"prefix":""}')), { message: /"prefix" does not/ })
  t.throws(() => serverTimeouts({ idle: 'never' }), { message: /"serverTimeouts.idle"/ })
  t.throws(() => serverTimeouts(JSON.parse('{"body":1}')), { message: /"body" does not exist/ })
  t.end()
})

t.test(
  'a request that is not sent in time is answered 408 and its connection closed',
  async (t) => {
    const app = Fastify(serverTimeouts({ request: '1s' }))
    t.teardown(() => app.close())
    app.post('/', async () => 'read')
    const port = await listen(app)
    const start = performance.now()
    const halfHead = await rawConnection(port)
    halfHead.write('GET / HTTP/1.1\r\nHo')
    const halfBody = await rawConnection(port)
    halfBody.write(`${head('POST /', { 'content-type': 'text/plain', 'content-length': '9' })}half`)
    for (const connection of [halfHead, halfBody]) t.match(await connection.ended(), / 408 /)
    const seconds = (performance.now() - start) / 1000
    t.ok(seconds >= 1 && seconds < 4)
  }
)

t.test('a handler that takes too long is answered 503 and its signal aborted', async (t) => {
  const app = Fastify(serverTimeouts({ handler: 50 }))
  t.teardown(() => app.close())
  let aborted = false
  app.get('/', async (request) => {
    await new Promise((resolve) => request.signal.addEventListener('abort', resolve))
    aborted = true
    return 'late'
  })
  t.equal((await app.inject('/')).statusCode, 503)
  t.equal(aborted, true)
})
