/**
 * The situations in which a Fastify service is told to stop, and in which it hung, cut or refused
 * somebody without this plugin: real processes, signals and sockets, on every supported Fastify.
 */
import { rm } from 'node:fs/promises'
import { connect } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Agent, request, WebSocket } from 'undici'
import { eventually, head, rawConnection } from '../../../test/support/http.ts'
import {
  ended,
  reportOf,
  type Service,
  secondsSince,
  startService
} from './fixtures/running-service.ts'

t.jobs = 4
t.setTimeout(120_000)

const VERSIONS = ['fastify-5.8', 'fastify-5.9', 'fastify-5.10', 'fastify']

/** Ends well, and soon: nothing waits for a timeout. */
async function endsSoon(t: Test, service: Service): Promise<void> {
  const start = performance.now()
  service.signal('SIGTERM')
  t.equal(await ended(service), 0)
  t.ok(secondsSince(start) < 4)
  t.match(service.output(), /resources closed/)
}

for (const version of VERSIONS) {
  t.test(
    `${version}: a request in flight is answered, whatever the server's settings`,
    async (t) => {
      for (const settings of [{}, { keepAliveTimeout: 5000 }, { forceCloseConnections: true }]) {
        const env = { FASTIFY: version, SERVER: JSON.stringify(settings) }
        const service = await startService(t, { drainDelay: 0 }, env)
        const connection = await service.get('/work/500')
        await service.printed(/working/)
        await endsSoon(t, service)
        t.match(await connection.ended(), /200 OK[\s\S]*connection: close[\s\S]*worked/i)
      }
    }
  )

  t.test(`${version}: under load nobody is dropped while the balancer takes notice`, async (t) => {
    const service = await startService(t, { drainDelay: '1.5s' }, { LOGGER: '0', FASTIFY: version })
    const agent = new Agent({ connections: 40 })
    t.teardown(() => agent.close())
    let sending = true
    let signalled = false
    let answered = 0
    const told: boolean[] = []
    const failures: unknown[] = []
    const client = async (path: string): Promise<void> => {
      while (sending) {
        // A head may be written while the signal is on its way.
        const after = signalled
        try {
          const { statusCode, headers, body } = await request(`${service.origin}${path}`, {
            dispatcher: agent
          })
          await body.dump()
          answered++
          if (statusCode !== 200) failures.push(statusCode)
          if (after) told.push(headers['connection'] === 'close')
        } catch (error) {
          failures.push(error)
        }
      }
    }
    const clients = Array.from({ length: 40 }, (_, index) => client(index % 2 ? '/' : '/work/500'))
    await eventually(() => answered > 200)
    service.signal('SIGTERM')
    const noticed = performance.now()
    // The signal has arrived when readiness says so.
    while (!signalled) {
      signalled = /503/.test(await (await service.get('/readyz')).until(/(ready|draining)$/))
    }
    await new Promise((resolve) => setTimeout(resolve, 1000 - (performance.now() - noticed)))
    sending = false
    await Promise.all(clients)
    t.same(failures, [])
    t.ok(told.length > 40)
    t.ok(told.every(Boolean), 'every answer tells its client to leave')
    t.equal(await ended(service), 0)
  })
}

t.test(
  'a stream that its handler took out of Fastify is told, ends, and holds nothing',
  async (t) => {
    const service = await startService(t, { drainDelay: 0, finishTimeout: '2s' })
    const stream = await service.get('/events')
    await stream.until(/data: one/)
    await endsSoon(t, service)
    t.match(await stream.ended(), /event: bye/)
  }
)

t.test('WebSocket clients are told 1001, when nothing else is in flight', async (t) => {
  const service = await startService(t, { drainDelay: 0 }, { WEBSOCKET: '1' })
  const socket = new WebSocket(`ws://127.0.0.1:${service.port}/ws`)
  const closed = new Promise<number>((resolve) => {
    socket.addEventListener('close', ({ code }) => resolve(code))
  })
  const heard = new Promise((resolve) => {
    socket.addEventListener('message', ({ data }) => resolve(data))
  })
  await new Promise((resolve) => socket.addEventListener('open', resolve))
  socket.send('hello')
  t.equal(await heard, 'heard hello')
  await endsSoon(t, service)
  t.equal(await closed, 1001)
})

t.test('a WebSocket whose client does not answer is cut with the close', async (t) => {
  const options = { drainDelay: 0, closeTimeout: '1s' }
  const service = await startService(t, options, { WEBSOCKET: '1' })
  const connection = await service.connect()
  const upgrade = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ=='
  }
  connection.write(head('GET /ws', upgrade))
  await connection.until(/101 Switching Protocols/)
  await endsSoon(t, service)
  // FIN, close, 2 bytes of code and the reason.
  t.match(await connection.ended(), '\x88\x1e\x03\xe9the service is shutting down')
})

t.test('an idle HTTP/2 session is told to go away, a running stream is answered', async (t) => {
  const service = await startService(t, { drainDelay: 0 }, { SERVER: '{ "http2": true }' })
  const idle = connect(service.origin)
  const busy = connect(service.origin)
  t.teardown(() => [idle, busy].map((session) => session.destroy()))
  const goaways: number[] = []
  for (const session of [idle, busy]) session.on('goaway', (code) => goaways.push(code))
  await new Promise((resolve) => idle.once('connect', resolve))
  const stream = busy.request({ ':path': '/work/500' })
  const answer = new Promise((resolve) => {
    stream.once('response', (headers) => resolve(headers[':status']))
  })
  stream.resume()
  await service.printed(/working/)
  await endsSoon(t, service)
  t.equal(await answer, 200)
  // Node sends it again when the session closes.
  t.ok(goaways.length >= 2)
  t.ok(goaways.every((code) => code === 0))
})

t.test('a request that comes while the service closes is answered, not refused', async (t) => {
  const service = await startService(t, { drainDelay: 0 })
  const connection = await service.get('/work/1000')
  await service.printed(/working/)
  service.signal('SIGTERM')
  await service.printed(/shutting down/)
  connection.write(head('GET /'))
  t.equal(await ended(service), 0)
  t.match(await connection.ended(), /200 OK[\s\S]*worked[\s\S]*200 OK[\s\S]*connection: close/i)
})

t.test('on a Unix socket it is the same', async (t) => {
  const SOCKET = join(tmpdir(), `holdfast-lifecycle-${process.pid}.sock`)
  t.teardown(() => rm(SOCKET, { force: true }))
  const service = await startService(t, { drainDelay: 0 }, { SOCKET })
  const silent = await rawConnection(SOCKET)
  const connection = await rawConnection(SOCKET)
  connection.write(head('GET /work/500'))
  await service.printed(/working/)
  await endsSoon(t, service)
  t.match(await connection.ended(), /200 OK/)
  await silent.ended()
})

t.test('a request that never reached a route is named like any other', async (t) => {
  const service = await startService(t, { drainDelay: 0, finishTimeout: '1s' }, { FILTER: '1' })
  await service.get('/%zz?token=secret')
  await service.printed(/filtered/)
  service.signal('SIGTERM')
  t.equal(await ended(service), 1)
  const unfinished = service.lines().find((line) => line['unfinished'] !== undefined)
  t.match(unfinished, { unfinished: [{ method: 'GET', path: '/%zz', phase: 'handling' }] })
})

t.test('half a body that never comes is cut at the deadline, and named so', async (t) => {
  const service = await startService(t, { drainDelay: 0, finishTimeout: '1s' })
  const connection = await service.connect()
  connection.write(`${head('GET /hang', { 'Content-Length': '10' })}half`)
  await service.printed(/hanging/)
  const start = performance.now()
  service.signal('SIGTERM')
  t.equal(await ended(service), 1)
  t.ok(secondsSince(start) < 4)
  const unfinished = service.lines().find((line) => line['unfinished'] !== undefined)
  t.match(unfinished, { unfinished: [{ phase: 'receiving' }] })
  t.match(reportOf(service), { cut: 1 })
})

t.test('an answer that never ends is cut at the deadline, and named so', async (t) => {
  const service = await startService(t, { drainDelay: 0, finishTimeout: '1s' })
  const connection = await service.get('/drip')
  await connection.until(/drip/)
  service.signal('SIGTERM')
  t.equal(await ended(service), 1)
  const unfinished = service.lines().find((line) => line['unfinished'] !== undefined)
  t.match(unfinished, { unfinished: [{ route: '/drip', phase: 'sending' }] })
})
