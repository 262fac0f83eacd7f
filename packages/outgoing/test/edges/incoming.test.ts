import { factsOf, intake, subscribe } from '@holdfast/core'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import t, { type Test } from 'tap'
import type { RequestExpired } from '../../dist/channels.js'
import { resolveTrust } from '../../dist/deadline-options.js'
import { readCaller, refuseExpired } from '../../dist/edges/incoming.js'

const ENVOY = 'x-envoy-expected-rq-timeout-ms'

/** What is known of a request when its caller has been read: milliseconds and try, or nothing. */
async function known(
  t: Test,
  trust: boolean | ((request: FastifyRequest) => boolean),
  headers: Record<string, string>,
  handlerTimeout = 0
): Promise<{ time?: number; attempt?: number }> {
  const app = Fastify({ handlerTimeout })
  t.teardown(() => app.close())
  intake(app)
  const callers = resolveTrust({ read: trust !== false, trust })
  app.addHook('onRequest', (request, _reply, done) => {
    readCaller(request, callers)
    done()
  })
  app.get('/', async (request) => {
    const { deadline, startedAt, attempt } = factsOf(request)
    const time = deadline === undefined ? undefined : Math.round(deadline - startedAt)
    return { time, attempt }
  })
  return (await app.inject({ url: '/', headers })).json()
}

t.test('a trusted caller can shorten the time of its request', async (t) => {
  t.strictSame(await known(t, true, { [ENVOY]: '15000' }), { time: 15_000 })
  t.strictSame(await known(t, true, { 'grpc-timeout': '20S' }), { time: 20_000 })
  t.strictSame(await known(t, true, { 'connect-timeout-ms': '9999' }), { time: 9999 })
  const several = { [ENVOY]: '15000', 'grpc-timeout': '7S', 'connect-timeout-ms': '9999' }
  t.strictSame(await known(t, true, several), { time: 7000 })
  t.strictSame(await known(t, true, { [ENVOY]: '15000' }, 10_000), { time: 10_000 })
  t.strictSame(await known(t, true, { [ENVOY]: '5000' }, 10_000), { time: 5000 })
  t.strictSame(await known(t, true, { [ENVOY]: '5000', 'x-envoy-attempt-count': '2' }), {
    time: 5000,
    attempt: 2
  })
})

t.test('a header that holds no time changes nothing', async (t) => {
  for (const value of ['-1', '0', '1e9', '1000000000', 'abc', '']) {
    t.strictSame(await known(t, true, { [ENVOY]: value }), {}, value)
    t.strictSame(await known(t, true, { [ENVOY]: value }, 10_000), { time: 10_000 }, value)
  }
})

t.test('nobody else is believed', async (t) => {
  const headers = { [ENVOY]: '1', 'x-envoy-attempt-count': '2', 'x-ours': 'yes' }
  t.strictSame(await known(t, false, headers), {})
  t.strictSame(await known(t, (request) => request.headers['x-ours'] === 'no', headers), {})
  t.strictSame(await known(t, (request) => request.headers['x-ours'] === 'yes', headers), {
    time: 1,
    attempt: 2
  })
})

t.test('a function that fails, or answers later, trusts nobody', async (t) => {
  const warnings: Error[] = []
  const warned = (warning: Error): void => void warnings.push(warning)
  process.on('warning', warned)
  t.teardown(() => process.off('warning', warned))
  const fails = (): boolean => {
    throw new Error('no idea')
  }
  const later = async (): Promise<boolean> => true
  for (const trust of [fails, later, () => 1]) {
    t.strictSame(await known(t, trust as () => boolean, { [ENVOY]: '1' }), {})
  }
  await new Promise(setImmediate)
  t.equal(warnings.length, 2)
  for (const { message } of warnings) t.match(message, /outgoing\.deadline\.trust/)
})

/** An app whose requests have had their time before they reach the check. */
function appOfLate(t: Test, isLate: (request: FastifyRequest) => boolean): FastifyInstance {
  const app = Fastify()
  t.teardown(() => app.close())
  intake(app)
  app.addHook('onRequest', (request, _reply, done) => {
    const facts = factsOf(request)
    if (request.url !== '/endless') facts.deadline = facts.startedAt + 60_000
    if (isLate(request)) facts.deadline = facts.startedAt
    done()
  })
  app.addHook('onRequest', refuseExpired)
  app.get('/', async () => 'done')
  app.get('/endless', async () => 'done')
  return app
}

t.test('a request whose time is over is refused, and nobody may keep the answer', async (t) => {
  const app = appOfLate(t, () => true)
  const heard: RequestExpired[] = []
  const seen: unknown[] = []
  app.addHook('onResponse', async (request) => {
    const { refusedBy, outgoing } = factsOf(request)
    seen.push(refusedBy, outgoing?.refusal)
  })
  t.equal((await app.inject('/')).statusCode, 503)
  t.teardown(subscribe('holdfast:outgoing:expired', (payload) => heard.push(payload)))
  const answer = await app.inject('/')
  t.equal(answer.statusCode, 503)
  t.match(answer.headers, {
    'cache-control': 'no-store',
    'retry-after': '1',
    'content-type': /^application\/problem\+json/
  })
  t.match(answer.json(), { status: 503, code: 'HOLDFAST_ERR_OUTGOING_EXPIRED' })
  t.strictSame(seen, ['outgoing', 'deadline', 'outgoing', 'deadline'])
  t.equal(heard.length, 1)
  t.equal(heard[0]?.request.url, '/')
  t.ok((heard[0]?.late as number) >= 0)
})

t.test("a user's error handler is given the refusal", async (t) => {
  const app = appOfLate(t, () => true)
  app.setErrorHandler((error: Error & { code: string }, _request, reply) => reply.send(error.code))
  const answer = await app.inject('/')
  t.equal(answer.statusCode, 503)
  t.equal(answer.headers['cache-control'], 'no-store')
  t.equal(answer.body, 'HOLDFAST_ERR_OUTGOING_EXPIRED')
})

t.test('a request that has time left, or no end, goes on', async (t) => {
  const app = appOfLate(t, () => false)
  t.equal((await app.inject('/')).body, 'done')
  t.equal((await app.inject('/endless')).body, 'done')
})
