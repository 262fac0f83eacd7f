/**
 * A call of a request to another service: by `fetch` alone, and by what guards it. Plain and guarded calls take
 * turns in one process, since a hundredth of what `fetch` costs is to be seen.
 *
 * `BENCHMARK_UPSTREAM` is the address of the service that is called.
 */
import { circuitBreaker } from '@holdfast/circuit-breaker'
import { outgoing } from '@holdfast/outgoing'
import Fastify from 'fastify'
import { connection, send } from '../harness/fake-exchange.js'
import { spreadOf } from '../harness/statistics.js'
import { outgoingCall } from './names.js'

/**
 * @typedef {import('fastify').FastifyRequest} FastifyRequest
 * @typedef {(request: FastifyRequest) => Promise<number>} Call resolves with the status when the body was read
 */

const url = process.env.BENCHMARK_UPSTREAM ?? ''
const TIMEOUT = 10_000
const IN_FLIGHT = 10

/** @param {Response} response */
async function statusOf(response) {
  await response.arrayBuffer()
  return response.status
}

/** @type {Call} */
const plain = async () => statusOf(await fetch(url))

// opossum and cockatiel are imported where they are needed: they have left Node 20.
/** @type {Record<string, (app: import('fastify').FastifyInstance) => Call | Promise<Call>>} */
const guards = {
  [outgoingCall.plain]: () => async () => statusOf(await fetch(url)),

  [outgoingCall.outgoing]: (app) => {
    const upstream = app.upstream('service', { origin: new URL(url).origin })
    return async (request) => statusOf(await upstream.for(request).fetch('/'))
  },

  [outgoingCall.opossum]: async () => {
    const { default: CircuitBreaker } = await import('opossum')
    const breaker = new CircuitBreaker(async () => statusOf(await fetch(url)), { timeout: TIMEOUT })
    return () => breaker.fire()
  },

  [outgoingCall.cockatiel]: async () => {
    const cockatiel = await import('cockatiel')
    const policy = cockatiel.wrap(
      cockatiel.retry(cockatiel.handleAll, {
        maxAttempts: 2,
        backoff: new cockatiel.ExponentialBackoff()
      }),
      cockatiel.circuitBreaker(cockatiel.handleAll, {
        halfOpenAfter: 10_000,
        breaker: new cockatiel.SamplingBreaker({ threshold: 0.5, duration: 30_000 })
      }),
      cockatiel.timeout(TIMEOUT, cockatiel.TimeoutStrategy.Aggressive)
    )
    // It ends the signal when the function has: the body is read within.
    return () => policy.execute(async ({ signal }) => statusOf(await fetch(url, { signal })))
  },

  [outgoingCall.retryAgent]: async () => {
    const { Agent, RetryAgent } = await import('undici')
    const dispatcher = new RetryAgent(new Agent())
    return async () =>
      statusOf(
        await fetch(url, /** @type {RequestInit} */ (/** @type {unknown} */ ({ dispatcher })))
      )
  }
}

/** @type {Record<string, import('../harness/engines.js').Engine>} */
export const engines = {}
for (const [name, guard] of Object.entries(guards)) {
  engines[name] = (parameters) => time(guard, parameters)
}

/** @param {(app: import('fastify').FastifyInstance) => Call | Promise<Call>} guard @param {Record<string, number>} parameters */
async function time(guard, { warmUp = 1000, calls = 100, turns = 20 }) {
  const app = Fastify({ handlerTimeout: 60_000 })
  await app.register(circuitBreaker, {})
  await app.register(outgoing, {})
  let sent = 0
  let ended = 0
  let whenAllEnded = () => {}
  app.addHook('onResponse', (_request, _reply, done) => {
    if (++ended === sent) whenAllEnded()
    done()
  })
  let answered = 0
  for (const [path, call] of /** @type {const} */ ([
    ['/plain', plain],
    ['/guarded', await guard(app)]
  ])) {
    app.get(path, async (request) => {
      if ((await call(request)) === 200) answered++
      return 'done'
    })
  }
  const headers = { host: 'localhost', traceparent: TRACE }
  const sockets = Array.from({ length: IN_FLIGHT }, (_, client) => connection(client))
  await app.ready()
  /** @param {string} url @param {number} count @returns {Promise<number>} microseconds a request */
  const run = async (url, count) => {
    const before = process.cpuUsage()
    for (let done = 0; done < count; done += IN_FLIGHT) {
      sent += IN_FLIGHT
      const allEnded = new Promise((resolve) => {
        whenAllEnded = () => resolve(undefined)
      })
      for (const socket of sockets) send(app, { method: 'GET', url, headers }, socket)
      await allEnded
    }
    const { user, system } = process.cpuUsage(before)
    return (user + system) / count
  }
  await run('/plain', warmUp)
  await run('/guarded', warmUp)
  const ofPlain = []
  const added = []
  for (let turn = 0; turn < turns; turn++) {
    const [one, other] = turn % 2 === 0 ? ['/plain', '/guarded'] : ['/guarded', '/plain']
    const [first, second] = [await run(one, calls), await run(other, calls)]
    const [withoutGuard, guarded] = turn % 2 === 0 ? [first, second] : [second, first]
    ofPlain.push(withoutGuard)
    added.push(guarded - withoutGuard)
  }
  if (answered !== sent) throw new Error(`${sent} calls, ${answered} of them answered with 200`)
  return { plain: spreadOf(ofPlain).median, added: spreadOf(added).median }
}

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
