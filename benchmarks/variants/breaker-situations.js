/**
 * Puts breakers into the situations that tell them apart, and prints a table of what they did.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import fastifyCircuitBreaker from '@fastify/circuit-breaker'
import { CircuitBreaker } from '@holdfast/circuit-breaker'
import * as cockatiel from 'cockatiel'
import Fastify from 'fastify'
import CircuitBreakerOfOpossum from 'opossum'

const OPEN_PERIOD = 200
const FAILURES = 5

/**
 * Runs a function through a breaker; rejects when it is refused or fails.
 *
 * @typedef {(action: () => Promise<unknown>) => Promise<unknown>} Run
 * @type {Record<string, () => Run | Promise<Run>>}
 */
const breakers = {
  '@fastify/circuit-breaker': async () => {
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
  opossum: () => {
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
  cockatiel: () => {
    const policy = cockatiel.circuitBreaker(cockatiel.handleAll, {
      halfOpenAfter: OPEN_PERIOD,
      breaker: new cockatiel.ConsecutiveBreaker(FAILURES)
    })
    return (action) => policy.execute(action)
  },
  'holdfast circuit-breaker': () => {
    const breaker = new CircuitBreaker({ threshold: FAILURES, resetTimeout: OPEN_PERIOD })
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

/** How many of so many calls at once reach the dependency. @param {Run} run @param {number} calls @param {number} [wait] */
async function reach(run, calls, wait = 50) {
  let reached = 0
  const all = Array.from({ length: calls }, () =>
    run(async () => {
      reached++
      await sleep(20)
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

const rows = []
for (const [situation, observe] of Object.entries(situations)) {
  const row = [situation]
  for (const create of Object.values(breakers)) row.push(String(await observe(await create())))
  rows.push(row)
}
const table = { title: 'Counts', columns: ['situation', ...Object.keys(breakers)], rows }
process.stdout.write(`${JSON.stringify(table)}\n`, () => process.exit(0))
