import { createServer, type IncomingMessage, ServerResponse } from 'node:http'
import { factsOf } from '@holdfast/core'
import t from 'tap'
import { head, listen, rawConnection } from '../../../test/support/http.ts'
import { loggedApp } from './support/log.ts'

const close = { Connection: 'close' }

t.test(
  'a response has no writeHead of its own, and the time of its head is on the line',
  async (t) => {
    const { app, log } = loggedApp()
    t.teardown(() => app.close())
    const own: boolean[] = []
    app.get('/', async (_request, reply) => {
      own.push(Object.hasOwn(reply.raw, 'writeHead'))
      return 'ok'
    })
    const port = await listen(app)
    const connection = await rawConnection(port)
    connection.write(head('GET /', close))
    await connection.ended()
    await app.inject('/')
    const lines = await log.lines(2)
    t.same(own, [false, false])
    for (const line of lines) t.type(line['ttfb'], 'number')
  }
)

t.test('a class of responses with a writeHead of its own keeps it', async (t) => {
  let calls = 0
  class Counting<
    Request extends IncomingMessage = IncomingMessage
  > extends ServerResponse<Request> {
    override writeHead(...args: unknown[]): this {
      calls++
      return Reflect.apply(super.writeHead, this, args)
    }
  }
  const { app, log } = loggedApp({}, { http: { ServerResponse: Counting } })
  t.teardown(() => app.close())
  app.get('/', async () => 'ok')
  const port = await listen(app)
  for (let request = 0; request < 2; request++) {
    const connection = await rawConnection(port)
    connection.write(head('GET /', close))
    t.match(await connection.ended(), /200 OK/)
  }
  const lines = await log.lines(2)
  t.equal(calls, 2)
  for (const line of lines) t.type(line['ttfb'], 'number')
})

t.test('the responses of a plain server are left alone', async (t) => {
  const { app } = loggedApp()
  t.teardown(() => app.close())
  app.get('/', async () => 'ok')
  await app.inject('/')
  let noted: unknown
  const server = createServer((request, response) => {
    response.writeHead(204).end()
    noted = Reflect.get(factsOf(request), 'requestLog')
  })
  t.teardown(() => server.close())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const connection = await rawConnection(port)
  connection.write(head('GET /', close))
  t.match(await connection.ended(), /204/)
  t.equal(noted, undefined)
})

t.test('with the last log the classes of responses get back what they had', async (t) => {
  class Derived<
    Request extends IncomingMessage = IncomingMessage
  > extends ServerResponse<Request> {}
  const { writeHead } = ServerResponse.prototype
  const ask = async (options: object) => {
    const { app, log } = loggedApp({}, options)
    app.get('/', async () => 'ok')
    const port = await listen(app)
    const connection = await rawConnection(port)
    connection.write(head('GET /', close))
    t.match(await connection.ended(), /200 OK/)
    t.type((await log.lines(1))[0]?.['ttfb'], 'number')
    return app
  }
  const first = await ask({})
  const second = await ask({ http: { ServerResponse: Derived } })
  t.not(ServerResponse.prototype.writeHead, writeHead)
  await first.close()
  t.not(ServerResponse.prototype.writeHead, writeHead, 'another log is there')
  await second.close()
  t.equal(ServerResponse.prototype.writeHead, writeHead)
  t.notOk(Object.hasOwn(Derived.prototype, 'writeHead'))
})

t.test('a wrapper that somebody put around it stays', async (t) => {
  const { writeHead } = ServerResponse.prototype
  t.teardown(() => {
    ServerResponse.prototype.writeHead = writeHead
  })
  const { app, log } = loggedApp()
  app.get('/', async () => 'ok')
  const port = await listen(app)
  const ask = async () => {
    const connection = await rawConnection(port)
    connection.write(head('GET /', close))
    t.match(await connection.ended(), /200 OK/)
  }
  await ask()
  const watched = ServerResponse.prototype.writeHead
  let calls = 0
  const wrapper = function (this: ServerResponse, ...args: unknown[]) {
    calls++
    return Reflect.apply(watched, this, args)
  }
  ServerResponse.prototype.writeHead = wrapper
  await ask()
  t.equal((await log.lines(2)).length, 2)
  await app.close()
  t.equal(ServerResponse.prototype.writeHead, wrapper)
  t.equal(calls, 1)
})
