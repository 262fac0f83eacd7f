/**
 * Puts breakers into the situations that tell them apart, and prints a table of what they did.
 */

import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import fastifyCircuitBreaker from '@fastify/circuit-breaker'
import { CircuitBreaker, circuitBreaker } from '@holdfast/circuit-breaker'
import * as cockatiel from 'cockatiel'
import Fastify from 'fastify'
import CircuitBreakerOfOpossum from 'opossum'
import { inSituations } from './names.js'

const OPEN_PERIOD = 200
const FAILURES = 5
const HANDLER_TIMEOUT = 100
const CALL_TIMEOUT = 200
const PAUSE = 400
const SLOW_HANDLER = 1500

/**
 * Runs a function through a breaker; rejects when it is refused or fails.
 *
 * @typedef {(action: () => Promise<unknown>) => Promise<unknown>} Run
 * @type {Record<string, () => Run | Promise<Run>>}
 */
const breakers = {
  [inSituations.fastifyCircuitBreaker]: async () => {
    const app = Fastify()
    await app.register(fastifyCircuitBreaker, {
      threshold: FAILURES,
      timeout: 60_000,
      resetTimeout: OPEN_PERIOD
    })
    /** @type {Map<string, () => Promise<unknown>>} */
    const actions = new Map()
    app.after(() => {
      app.get('/:id', { preHandler: app.circuitBreaker() }, (request) => {
        const { id } = /** @type {{ id: string }} */ (request.params)
        return actions.get(id)?.()
      })
    })
    await app.ready()
    let next = 0
    return async (action) => {
      const id = String(next++)
      actions.set(id, action)
      const { statusCode } = await app.inject(`/${id}`)
      if (statusCode >= 500) throw new Error(String(statusCode))
    }
  },
  [inSituations.opossum]: () => {
    const breaker = new CircuitBreakerOfOpossum(
      (/** @type {() => Promise<unknown>} */ action) => action(),
      {
        timeout: false,
        resetTimeout: OPEN_PERIOD,
        volumeThreshold: FAILURES
      }
    )
    return (action) => breaker.fire(action)
  },
  [inSituations.cockatiel]: () => {
    const policy = cockatiel.circuitBreaker(cockatiel.handleAll, {
      halfOpenAfter: OPEN_PERIOD,
      breaker: new cockatiel.ConsecutiveBreaker(FAILURES)
    })
    return (action) => policy.execute(action)
  },
  [inSituations.circuitBreaker]: () => {
    const breaker = new CircuitBreaker({ threshold: FAILURES, resetTimeout: OPEN_PERIOD })
    return (action) => breaker.execute(action)
  },
  [inSituations.circuitBreakerOfRate]: () => {
    const breaker = new CircuitBreaker({
      failureRate: 0.5,
      minimumCalls: FAILURES,
      resetTimeout: OPEN_PERIOD
    })
    return (action) => breaker.execute(action)
  }
}

const ok = async () => 'ok'
const down = async () => {
  throw new Error('down')
}

/** A call whose end somebody else decides. */
function pending() {
  /** @type {(value?: unknown) => void} */
  let resolve = () => {}
  const promise = new Promise((done) => {
    resolve = done
  })
  return { action: () => promise, resolve }
}

/** @param {Run} run */
async function trip(run) {
  for (let failure = 0; failure < 10; failure++) await run(down).catch(() => {})
}

/**
 * How many of so many calls at once reach the dependency.
 *
 * @param {Run} run
 * @param {number} calls
 * @param {number} [wait]
 * @param {() => Promise<unknown>} [answer]
 */
async function reach(run, calls, wait = 50, answer = ok) {
  let reached = 0
  const all = Array.from({ length: calls }, () =>
    run(async () => {
      reached++
      await sleep(20)
      return answer()
    }).catch(() => {})
  )
  await Promise.race([Promise.all(all), sleep(wait + 100)])
  return reached
}

/** @type {Record<string, (run: Run) => Promise<string | number>>} */
const situations = {
  '100 calls at once when the open period ends, dependency well: reach it': async (run) => {
    await trip(run)
    await sleep(OPEN_PERIOD + 30)
    return reach(run, 100, 300)
  },
  'the same, dependency still down: reach it': async (run) => {
    await trip(run)
    await sleep(OPEN_PERIOD + 30)
    return reach(run, 100, 300, down)
  },
  'a success from before ends while open: 20 calls at once reach': async (run) => {
    const old = pending()
    const call = run(old.action).catch(() => {})
    await trip(run)
    old.resolve()
    await call
    return reach(run, 20)
  },
  'a success from before ends while a probe hangs: 20 calls at once reach': async (run) => {
    const old = pending()
    const call = run(old.action).catch(() => {})
    await trip(run)
    await sleep(OPEN_PERIOD + 30)
    const probe = pending()
    run(probe.action).catch(() => {})
    await sleep(10)
    old.resolve()
    await call
    const reached = await reach(run, 20)
    probe.resolve()
    return reached
  },
  'the probe never ends; 5 calls one second later reach': async (run) => {
    await trip(run)
    await sleep(OPEN_PERIOD + 30)
    run(() => new Promise(() => {})).catch(() => {})
    await sleep(1000)
    return reach(run, 5)
  },
  '80 % of 200 calls fail: opens': async (run) => {
    let reached = 0
    for (let call = 0; call < 200; call++) {
      await run(() => {
        reached++
        return call % 5 === 0 ? ok() : down()
      }).catch(() => {})
    }
    return reached === 200 ? 'never' : 'yes'
  }
}

/**
 * Services with one route behind a breaker; `/?do=fail` has it fail, and so on.
 *
 * @type {Record<string, () => Promise<import('fastify').FastifyInstance>>}
 */
const services = {
  [inSituations.fastifyCircuitBreaker]: async () => {
    const app = Fastify()
    await app.register(fastifyCircuitBreaker, {
      threshold: FAILURES,
      timeout: HANDLER_TIMEOUT,
      resetTimeout: OPEN_PERIOD
    })
    app.after(() => {
      app.get('/', { preHandler: app.circuitBreaker() }, answer)
    })
    return app
  },
  [inSituations.circuitBreaker]: async () => {
    const app = Fastify()
    await app.register(circuitBreaker, { threshold: FAILURES, resetTimeout: OPEN_PERIOD })
    const config = { circuitBreaker: true }
    app.get('/', { config, handlerTimeout: HANDLER_TIMEOUT }, answer)
    return app
  }
}

/** @param {import('fastify').FastifyRequest} request @param {import('fastify').FastifyReply} reply */
async function answer(request, reply) {
  const { do: what } = /** @type {{ do?: string }} */ (request.query)
  if (what === 'fail') throw new Error('down')
  if (what === 'sleep') await sleep(SLOW_HANDLER)
  if (what === 'hijack') reply.hijack().raw.end('mine')
  else return 'ok'
}

/** How many of five requests, one each half second, are answered well. @param {import('fastify').FastifyInstance} app */
async function answered(app) {
  let well = 0
  for (let request = 0; request < 5; request++) {
    if ((await app.inject('/')).statusCode === 200) well++
    await sleep(500)
  }
  return `${well} of 5`
}

/** @param {import('fastify').FastifyInstance} app */
async function tripService(app) {
  for (let failure = 0; failure < 10; failure++) await app.inject('/?do=fail')
}

/** @type {Record<string, (app: import('fastify').FastifyInstance) => Promise<string>>} */
const routeSituations = {
  'a hijacked reply before it opens; then all is well: answered, one each half second': async (
    app
  ) => {
    await app.inject('/?do=hijack')
    await tripService(app)
    await sleep(OPEN_PERIOD + 30)
    return answered(app)
  },
  'an old request runs on while it opens; then all is well: answered, one each half second': async (
    app
  ) => {
    const old = app.inject('/?do=sleep')
    await sleep(10)
    await tripService(app)
    await sleep(OPEN_PERIOD + 30)
    const well = await answered(app)
    await old
    return well
  },
  'a handler of one second with a timeout of a tenth: answered within': async (app) => {
    const before = performance.now()
    await app.inject('/?do=sleep')
    return performance.now() - before < SLOW_HANDLER / 2 ? 'the timeout' : 'the second'
  }
}

/**
 * Breakers with a timeout around the call.
 *
 * @type {Record<string, () => Run>}
 */
const timedBreakers = {
  [inSituations.opossum]: () => {
    const breaker = new CircuitBreakerOfOpossum(
      (/** @type {() => Promise<unknown>} */ action) => action(),
      { timeout: CALL_TIMEOUT, volumeThreshold: FAILURES }
    )
    return (action) => breaker.fire(action)
  },
  [inSituations.cockatiel]: () => {
    const policy = cockatiel.wrap(
      cockatiel.circuitBreaker(cockatiel.handleAll, {
        halfOpenAfter: OPEN_PERIOD,
        breaker: new cockatiel.ConsecutiveBreaker(FAILURES)
      }),
      cockatiel.timeout(CALL_TIMEOUT, cockatiel.TimeoutStrategy.Aggressive)
    )
    return (action) => policy.execute(action)
  },
  [inSituations.circuitBreaker]: () => {
    const breaker = new CircuitBreaker({ threshold: FAILURES })
    return (action) => breaker.execute(action, { timeout: CALL_TIMEOUT })
  }
}

/** The address of an upstream with an event loop of its own, that answers after 50 ms. */
async function startUpstream() {
  const source = `
    const { parentPort } = require('node:worker_threads')
    require('node:http')
      .createServer((request, response) => setTimeout(() => response.end('fine'), 50))
      .listen(0, '127.0.0.1', function () { parentPort.postMessage(this.address().port) })`
  const [port] = await once(new Worker(source, { eval: true }), 'message')
  return `http://127.0.0.1:${port}/`
}

const upstream = await startUpstream()
const ask = async () => (await fetch(upstream)).text()

/** Holds up the event loop, at a place after which timers are the first to be called. */
async function pause() {
  await sleep(20)
  await new Promise(setImmediate)
  const end = performance.now() + PAUSE
  while (performance.now() < end);
}

/** @type {Record<string, (run: Run) => Promise<string | number>>} */
const pauses = {
  'five calls of 50 ms, of which none is late by itself: given up': async (run) => {
    await run(ask)
    let givenUp = 0
    const calls = Array.from({ length: 5 }, () => run(ask).catch(() => givenUp++))
    await pause()
    await Promise.all(calls)
    return givenUp
  },
  'a call that never ends: given up after, in seconds': async (run) => {
    const before = performance.now()
    const call = run(() => new Promise(() => {})).catch(() => {})
    await pause()
    await call
    return ((performance.now() - before) / 1000).toFixed(1)
  }
}

const ofBreakers = []
for (const [situation, observe] of Object.entries(situations)) {
  const row = [situation]
  for (const create of Object.values(breakers)) row.push(String(await observe(await create())))
  ofBreakers.push(row)
}
const ofRoutes = []
for (const [situation, observe] of Object.entries(routeSituations)) {
  const row = [situation]
  for (const create of Object.values(services)) row.push(await observe(await create()))
  ofRoutes.push(row)
}
const ofPauses = []
for (const [situation, observe] of Object.entries(pauses)) {
  const row = [situation]
  for (const create of Object.values(timedBreakers)) row.push(String(await observe(create())))
  ofPauses.push(row)
}
const tables = [
  { title: 'Calls', columns: ['situation', ...Object.keys(breakers)], rows: ofBreakers },
  { title: 'Routes', columns: ['situation', ...Object.keys(services)], rows: ofRoutes },
  {
    title: `Calls with a timeout of ${CALL_TIMEOUT} ms, while the event loop pauses for ${PAUSE} ms`,
    columns: ['situation', ...Object.keys(timedBreakers)],
    rows: ofPauses
  }
]
process.stdout.write(`${JSON.stringify(tables)}\n`, () => process.exit(0))
