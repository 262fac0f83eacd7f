import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { type CallersCall, type Ending, factsOf, intake, onSettled } from '@holdfast/core'
import Fastify, { type FastifyRequest } from 'fastify'
import t from 'tap'
import { eventually, head, listen, rawConnection } from '../../../../test/support/http.ts'
import { callerOf } from '../../dist/edges/request-caller.js'
import { serve } from '../support/serve.ts'
import { payments } from '../support/upstream.ts'

/** A call that notes how often it was told. */
class Told implements CallersCall {
  times = 0
  callerLeft(): void {
    this.times++
  }
}

t.test('a request is one caller, and the fact of its calls', async (t) => {
  const app = Fastify({ handlerTimeout: 60_000 })
  t.teardown(() => app.close())
  intake(app)
  app.get('/', async (request) => {
    const caller = callerOf(request)
    t.equal(callerOf(request.raw), caller)
    t.equal(factsOf(request).outgoing, caller)
    t.equal(caller.request, request)
    t.equal(caller.deadline, factsOf(request).deadline)
    factsOf(request).deadline = 5
    t.equal(caller.deadline, 5)
    factsOf(request).deadline = undefined
    t.equal(caller.deadline, Infinity)
    t.equal(caller.mayRetry, true)
    factsOf(request).attempt = 2
    t.equal(caller.mayRetry, false)
    return 'done'
  })
  t.equal((await app.inject('/')).body, 'done')
})

t.test('a client that leaves is told to the calls that still run, once', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  intake(app)
  const [running, over, late] = [new Told(), new Told(), new Told()]
  let left: FastifyRequest | undefined
  app.get('/', (request) => {
    const caller = callerOf(request)
    caller.follow(running)
    const entry = caller.follow(over)
    entry.leave()
    entry.leave()
    left = request
  })
  const client = await rawConnection(await listen(app))
  client.write(head('GET /'))
  await eventually(() => left !== undefined)
  client.destroy()
  await eventually(() => running.times > 0)
  const caller = callerOf(left as FastifyRequest)
  t.equal(caller.hasLeft, true)
  caller.follow(late).leave()
  t.strictSame([running.times, over.times, late.times], [1, 0, 0])
})

t.test('calls go on after the answer, and stop where the answer is cut', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  intake(app)
  const endings: Ending[] = []
  const told = new Told()
  app.addHook('onRequest', (request, reply, done) => {
    callerOf(request).follow(told)
    onSettled(reply.raw, (_response, ending) => endings.push(ending))
    done()
  })
  app.get('/', async () => 'done')
  app.get('/cut', (_request, reply) => {
    reply.hijack()
    reply.raw.write('half')
    reply.raw.destroy()
  })
  const port = await listen(app)
  for (const [path, ending, times] of [
    ['/', 'finished', 0],
    ['/cut', 'cut', 1]
  ] as const) {
    const client = await rawConnection(port)
    client.write(head(`GET ${path}`, { connection: 'close' }))
    await client.ended()
    await eventually(() => endings.length > 0)
    t.strictSame(endings.splice(0), [ending])
    t.equal(told.times, times)
  }
})

t.test('a request that no app has taken in is a caller without an end', async (t) => {
  const caller = callerOf(new IncomingMessage(new Socket()))
  t.match(caller, { deadline: Infinity, mayRetry: true, hasLeft: false })
})

t.test('what is no request is refused, with its name', async (t) => {
  for (const value of [undefined, null, 'GET /', {}, { raw: {} }]) {
    t.throws(() => callerOf(value as never), {
      code: 'HOLDFAST_ERR_OPTION_INVALID',
      message: /for\(request\)/
    })
  }
})

t.test('while an answer is waited for, the fact knows how long', async (t) => {
  const cost = callerOf(new IncomingMessage(new Socket())).of('payments')
  const now = performance.now()
  cost.begin(now - 1000)
  cost.begin(now - 500)
  const waited = performance.now() - now
  t.ok(cost.time >= 1500 + waited && cost.time < 60_000, `${cost.time}`)
  cost.end(now - 1000, now)
  cost.end(now - 500, now)
  t.equal(cost.time, 1500)
})

t.test('a client that leaves ends the wait before a retry', async (t) => {
  const server = await serve(t, (_request, response) => {
    response.writeHead(503, { 'retry-after': '5' }).end()
  })
  const { app, upstream } = await payments(t, { origin: server })
  const caught: unknown[] = []
  app.get('/', (request) =>
    upstream
      .for(request)
      .fetch('/')
      .catch((error) => caught.push(error))
  )
  const client = await rawConnection(await listen(app))
  client.write(head('GET /'))
  await eventually(() => upstream.snapshot().retries.scheduled > 0)
  client.destroy()
  await eventually(() => caught.length > 0)
  t.match(caught, [{ code: 'HOLDFAST_ERR_OUTGOING_CLIENT_LEFT' }])
  t.equal(upstream.snapshot().tries, 1)
})
