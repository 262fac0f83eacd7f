import { fileURLToPath } from 'node:url'
import { figureOf } from '../harness/cells.js'
import { compareEngines } from '../harness/engines.js'
import { differenceOf, nothing, ratioOf } from '../harness/statistics.js'
import { keyCostOf, keyFunction, limiter, memoryOf, speedOf } from '../variants/names.js'

const modulePath = fileURLToPath(new URL('../variants/limiters.js', import.meta.url))
const OUR_WINDOWS = [limiter.slidingWindow, limiter.fixedWindow]
const KEYED = Object.values(keyFunction)
/** For one key, ten thousand, and a million. */
const AIMS = [1.5, 1, 0.3]
const PEERS = [limiter.localStore, limiter.rateLimiterFlexible, limiter.expressRateLimit]

/** @type {import('../harness/report.js').Question} */
export const limiterCore = {
  name: 'limiter-core',
  title: 'A decision alone',
  asks: 'What does one decision cost with few and with many clients, how much memory does a client take, and how long does the garbage collector stop the process for a million of them?',
  versions: ['@fastify/rate-limit', 'rate-limiter-flexible', 'express-rate-limit'],
  run(effort, samples) {
    const { rounds } = effort
    const operations = effort.name === 'smoke' ? 1000 : 300_000
    const counts = effort.name === 'smoke' ? [1, 100] : [1, 10_000, 1_000_000]
    const names = [limiter.loop, ...PEERS, limiter.tokenBucket]
    const speed = counts.map((keys) =>
      compareEngines(modulePath, names.map(speedOf), { keys, operations }, { rounds }, samples)
    )
    const last = counts.at(-1) ?? 1
    const remembering = [...names, ...OUR_WINDOWS]
    const memory = compareEngines(
      modulePath,
      remembering.map(memoryOf),
      { keys: last },
      { rounds },
      samples
    )

    const keys = compareEngines(modulePath, KEYED.map(keyCostOf), {}, { rounds }, samples)
    const size = effort.name === 'smoke' ? { capacity: 512, keys: 8000, long: 10 } : {}
    const { flood } = compareEngines(modulePath, ['flood'], size, { rounds: 1 }, samples)
    const ofFlood = (/** @type {string} */ what) => flood?.[what]?.median ?? 0

    const figure = (/** @type {number} */ index, /** @type {string} */ name) =>
      speed[index]?.[speedOf(name)]?.nanoseconds ?? nothing
    const ofMemory = (/** @type {string} */ name, /** @type {string} */ what) =>
      memory[memoryOf(name)]?.[what] ?? nothing
    const net = (/** @type {number} */ index, /** @type {string} */ name) =>
      differenceOf(figure(index, name), figure(index, limiter.loop))
    const best = (/** @type {number} */ index) =>
      PEERS.map((name) => net(index, name)).reduce((one, other) =>
        other.median < one.median ? other : one
      )

    return {
      tables: [
        {
          title: 'CPU ns a decision (the empty loop is in every figure)',
          columns: ['limiter', ...counts.map((keys) => ({ name: `${keys} keys`, digits: 0 }))],
          rows: names.map((name) => [
            name,
            ...counts.map((_, index) => figureOf(figure(index, name)))
          ])
        },
        {
          title: `With ${last} live keys`,
          columns: [
            'limiter',
            { name: 'bytes a key', digits: 0 },
            { name: 'longest collection while filling, ms', digits: 1 },
            { name: 'full collection, ms', digits: 1 }
          ],
          rows: remembering.map((name) => [
            name,
            figureOf(ofMemory(name, 'bytes')),
            figureOf(ofMemory(name, 'longestPause')),
            figureOf(ofMemory(name, 'fullCollection'))
          ])
        },
        {
          title: 'CPU ns from an address to the key of its client',
          columns: [
            'limiter',
            ...['IPv4', 'IPv4 mapped to IPv6', 'IPv6'].map((name) => ({ name, digits: 0 }))
          ],
          rows: KEYED.map((name) => [
            name,
            ...['ipv4', 'mapped', 'ipv6'].map((notation) =>
              figureOf(keys[keyCostOf(name)]?.[notation] ?? nothing)
            )
          ])
        },
        {
          title:
            'A flood of ten million keys, three times what the full table holds, and 10,000 keys of 16 KB',
          columns: ['what', limiter.tokenBucket],
          rows: [
            ['heap and buffers grown by, KB', Math.round(ofFlood('grown') / 1024)],
            ['honest newcomers refused meanwhile, %', Math.round(ofFlood('refused') * 100) / 100]
          ]
        },
        {
          title: 'Ours / the best peer (loop subtracted)',
          columns: ['keys', 'CPU', 'aim'],
          rows: counts.map((keys, index) => {
            const ratio = ratioOf(net(index, limiter.tokenBucket), best(index))
            return [String(keys), figureOf(ratio), { atMost: AIMS[index] ?? 1 }]
          })
        }
      ],
      plots: [
        {
          name: 'limiter-core',
          title: `A decision with ${last} keys`,
          unit: 'ns of CPU',
          table: 0,
          column: counts.length
        }
      ]
    }
  }
}
