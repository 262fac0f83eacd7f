/**
 * Many calls to one upstream, over real connections, with every end that a call can have.
 */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Upstream } from '@holdfast/outgoing'
import t, { type Test } from 'tap'
import { payments } from '../../packages/outgoing/test/support/upstream.ts'

const AT_ONCE = 20
const MIXED = 10_000
const REQUESTS = 20_000
const MIB = 1 << 20

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

const answer: RequestListener = (request, response) => {
  switch (request.url) {
    case '/unavailable':
      return response.writeHead(503).end('later')
    case '/missing':
      return response.writeHead(404).end('no')
    case '/reset':
      return request.socket.destroy()
    case '/cut':
      response.writeHead(200, { 'content-length': '100' }).write('half')
      return setImmediate(() => request.socket.destroy())
    case '/silent':
      return undefined
    default:
      return response.end('done')
  }
}

async function serve(t: Test) {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const connections = () =>
    new Promise<number>((resolve, reject) =>
      server.getConnections((error, count) => (error ? reject(error) : resolve(count)))
    )
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, connections }
}

/** The ends of a call, each with how it is told. */
const ends: readonly ((upstream: Upstream, impatient: Upstream) => Promise<unknown>)[] = [
  async (upstream) => (await upstream.fetch('/')).text(),
  async (upstream) => (await upstream.fetch('/unavailable')).text(),
  async (upstream) => (await upstream.fetch('/missing')).text(),
  (upstream) => upstream.fetch('/reset'),
  async (upstream) => (await upstream.fetch('/cut')).text(),
  async (upstream) => (await upstream.fetch('/')).body?.cancel(),
  (_upstream, impatient) => impatient.fetch('/silent'),
  (upstream) => {
    const controller = new AbortController()
    const call = upstream.fetch('/silent', { signal: controller.signal })
    setTimeout(() => controller.abort(), 5)
    return call
  },
  (upstream) => upstream.fetch('/', { signal: AbortSignal.abort() }),
  (upstream) => upstream.fetch('/', { method: 'POST', body: 'a body' })
]

/** Calls `make` with each number below `count`, so many at once. */
async function inTurns(count: number, make: (number: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) await make(next++)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}

t.test('ten thousand calls with mixed ends leave nothing behind', async (t) => {
  const { origin, connections } = await serve(t)
  const { app, upstream } = await payments(t, { origin, retries: 1 })
  const impatient = app.upstream('impatient', { origin, tryTimeout: 20, retries: 1 })
  let rejected = 0
  await inTurns(MIXED, async (number) => {
    const end = ends[number % ends.length] as (typeof ends)[number]
    await end(upstream, impatient).catch(() => rejected++)
  })
  const isQuiet = () => app.circuitBreakers.snapshots().every(({ inFlight }) => inFlight === 0)
  for (let turn = 0; turn < 100 && !isQuiet(); turn++) {
    await new Promise((next) => setTimeout(next, 10))
  }
  t.ok(isQuiet())
  // Reset, cut, silent, and aborted in time and before.
  t.equal(rejected, MIXED / 2)
  const states = app.outgoing.snapshots()
  const sum = (of: (state: (typeof states)[number]) => number) =>
    states.reduce((total, state) => total + of(state), 0)
  // One whose signal has aborted before is none.
  t.equal(
    sum(({ calls }) => calls),
    (MIXED * 9) / 10
  )
  for (const { name, calls, tries, outcomes, retries, inFlight } of states) {
    t.equal(inFlight, 0, name)
    t.equal(tries, calls + retries.scheduled, name)
    t.ok(retries.scheduled > 0, name)
    t.equal(outcomes.success + outcomes.failure + outcomes.excluded, tries, name)
    t.match(app.circuitBreaker(name).snapshot().totals, outcomes, name)
  }
  const open = await connections()
  // A call, and the rest of the answer before it that failed.
  t.ok(open <= 2 * AT_ONCE, `${open} connections are open`)
})

t.test('twenty thousand calls for as many requests leave the heap as it was', async (t) => {
  const { origin } = await serve(t)
  const { app, upstream } = await payments(t, { origin })
  app.get('/', async (request) => (await upstream.for(request).fetch('/')).text())
  const heapAfter = async (requests: number): Promise<number> => {
    await inTurns(requests, async () => {
      const { body } = await app.inject('/')
      if (body !== 'done') throw new Error(body)
    })
    // What is collected tells the registries of fetch, a turn later.
    for (let turn = 0; turn < 3; turn++) {
      collect()
      await new Promise(setImmediate)
    }
    return process.memoryUsage().heapUsed
  }
  const before = await heapAfter(REQUESTS / 4)
  const after = await heapAfter(REQUESTS)
  t.equal(upstream.snapshot().outcomes.success, REQUESTS * 1.25)
  t.ok(after - before < 2 * MIB, `${Math.round((after - before) / 1024)} KiB more`)
})
