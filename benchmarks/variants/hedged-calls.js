/**
 * Calls at a constant rate to a service some of whose answers are late, hedged or not. Tells how many calls
 * there were, how many requests the service got, the 99th percentile of the calls that ended, and how many were
 * given up.
 *
 * Usage: node hedged-calls.js <situation> <hedged or not> <seconds>
 */
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { outgoing } from '@holdfast/outgoing'
import Fastify from 'fastify'
import { ConstantRate } from '../harness/constant-rate.js'
import { percentile } from '../harness/statistics.js'
import { hedging, situation } from './names.js'

const [, , where = '', how = '', seconds = '1'] = process.argv

/** Three of a hundred answers take 300 ms, the others five. */
function sometimesSlow() {
  let asked = 0
  return async () => {
    const isSlow = (asked++ * 37) % 100 < 3
    await sleep(isSlow ? 300 : 5)
  }
}

/** Works on 5 requests at a time, for 50 ms each: 100 a second. The others wait, as long as somebody waits for them. */
function withCapacity() {
  const SLOTS = 5
  let working = 0
  /** @type {(() => void)[]} */
  const waiting = []
  return async (/** @type {import('node:http').ServerResponse} */ response) => {
    if (working < SLOTS) working++
    else await new Promise((resolve) => waiting.push(() => resolve(undefined)))
    if (!response.destroyed) await sleep(50)
    const next = waiting.shift()
    if (next === undefined) working--
    else next()
  }
}

const situations = {
  [situation.slowAnswers]: { work: sometimesSlow, perSecond: 100, timeout: '10s' },
  [situation.overload]: { work: withCapacity, perSecond: 115, timeout: '1s' }
}
const chosen = situations[/** @type {keyof typeof situations} */ (where)]

let hits = 0
const work = chosen.work()
const service = createServer(async (_request, response) => {
  hits++
  await work(response)
  response.end('done')
})
await new Promise((resolve) => service.listen(0, '127.0.0.1', () => resolve(undefined)))
const address = service.address()
const port = typeof address === 'object' && address !== null ? address.port : 0

const app = Fastify()
await app.register(outgoing, {})
const upstream = app.upstream('service', {
  origin: `http://127.0.0.1:${port}`,
  breaker: false,
  timeout: chosen.timeout,
  retries: 0,
  ...(how === hedging.p95 ? { hedge: { after: 'p95' } } : {})
})
await app.ready()

/** @type {number[]} */
const latencies = []
let givenUp = 0
/** @param {number} due when it was */
async function call(due) {
  try {
    const response = await upstream.fetch('/')
    await response.arrayBuffer()
    latencies.push(performance.now() - due)
  } catch {
    givenUp++
  }
}

// What is loaded and compiled at the first calls is no part of them.
for (let warm = 0; warm < 50; warm++) await call(performance.now())
latencies.length = hits = givenUp = 0

const calls = []
const begin = performance.now()
const rate = new ConstantRate({ perSecond: chosen.perSecond, seconds: Number(seconds), begin })
while (!rate.isOver) {
  for (let due = rate.take(performance.now()); due !== undefined; ) {
    calls.push(call(due))
    due = rate.take(performance.now())
  }
  await sleep(1)
}
await Promise.all(calls)
const figures = { calls: calls.length, hits, p99: percentile(latencies, 0.99), givenUp }
process.stdout.write(`${JSON.stringify(figures)}\n`, () => process.exit(0))
