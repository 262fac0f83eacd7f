/**
 * Limiters without a web framework: one decision for one of many keys.
 */
import { createRequire } from 'node:module'
import { PerformanceObserver, performance } from 'node:perf_hooks'
import { monotonicClock } from '@holdfast/core'
import { clientKey } from '@holdfast/rate-limit'
import { MemoryStore } from 'express-rate-limit'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { ClientTable } from '../../packages/rate-limit/dist/memory/client-table.js'
import { Limiter } from '../../packages/rate-limit/dist/memory/limiter.js'
import { policyOf } from '../../packages/rate-limit/dist/policy.js'
import { findPackageJSON } from '../harness/package-json.js'
import { touchYoungGeneration } from '../harness/young-generation.js'
import { keyCostOf, keyFunction, limiter, memoryOf, speedOf } from './names.js'

// Not imported: its types would speak for those of our own drop-in.
const { normalizeIP } = createRequire(import.meta.url)('@fastify/rate-limit')

/** @typedef {(key: string) => unknown} Decide */

const HOUR = 3_600_000
const PLENTY = 1e9
const MAX = 100_000

/** @type {Record<string, (keys: number) => Decide | Promise<Decide>>} */
export const limiters = {
  [limiter.loop]: () => () => true,

  [limiter.localStore]: (keys) => {
    // Not an export of the package: the class that its memory mode is made of.
    const load = createRequire(findPackageJSON('@fastify/rate-limit'))
    const LocalStore = load('./store/LocalStore.js')
    const store = new LocalStore(false, false, keys + 1)
    const done = () => {}
    return (key) => store.incr(key, done, HOUR, PLENTY)
  },

  [limiter.rateLimiterFlexible]: () => {
    const limiter = new RateLimiterMemory({ points: PLENTY, duration: HOUR / 1000 })
    return (key) => limiter.consume(key)
  },

  [limiter.expressRateLimit]: () => {
    const store = new MemoryStore()
    // @ts-expect-error the store reads nothing but the window
    store.init({ windowMs: HOUR })
    return (key) => store.increment(key)
  },

  [limiter.tokenBucket]: (keys) => ours(keys, 'token-bucket'),
  [limiter.slidingWindow]: (keys) => ours(keys, 'sliding-window'),
  [limiter.fixedWindow]: (keys) => ours(keys, 'fixed-window')
}

/**
 * The engine of the plugin, without Fastify around it, its table three quarters full. One token comes
 * back in an hour, so that every key owes for as long as it is looked at.
 *
 * @param {number} keys
 * @param {import('@holdfast/rate-limit').AlgorithmName} algorithm
 * @returns {Decide}
 */
function ours(keys, algorithm) {
  const limiter = limiterOf(Math.max(2 ** 20, Math.ceil(keys / 0.75)), {
    max: MAX,
    timeWindow: algorithm === 'token-bucket' ? MAX * HOUR : HOUR,
    algorithm
  })
  return (key) => limiter.check(key, 1, monotonicClock())
}

/** @param {number} maxKeys @param {import('../../packages/rate-limit/dist/policy.js').Limit} limit */
function limiterOf(maxKeys, limit) {
  return new Limiter([policyOf('default', limit)], new ClientTable(maxKeys))
}

/** @type {Record<string, (address: string) => unknown>} */
const keyFunctions = {
  [keyFunction.fastifyRateLimit]: normalizeIP,
  [keyFunction.rateLimit]: (address) => clientKey(address)
}

/** @type {Record<string, import('../harness/engines.js').Engine>} */
export const engines = Object.fromEntries(
  Object.entries(limiters).flatMap(([name, create]) => [
    [speedOf(name), (parameters) => speed(create, parameters)],
    [memoryOf(name), (parameters) => memory(create, parameters)]
  ])
)
for (const [name, keyOf] of Object.entries(keyFunctions)) {
  engines[keyCostOf(name)] = () => keyCost(keyOf)
}
engines['flood'] = flood

/** Dotted addresses, made beforehand: making the text is not what is measured. @param {number} count */
function addresses(count) {
  return Array.from({ length: count }, (_, n) => addressOf(n))
}

/** In one piece, as a socket gives it; a template would be several, joined when first read. @param {number} n */
function addressOf(n) {
  const text = `${(n >> 24) + 10}.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`
  return Buffer.from(text).toString('latin1')
}

/** @param {(typeof limiters)[string]} create @param {Record<string, number>} parameters */
async function speed(create, { keys = 1, operations = 300_000, samples = 5 }) {
  const decide = await create(keys)
  const texts = addresses(keys)
  for (const text of texts) await decide(text)
  touchYoungGeneration()
  const nanoseconds = []
  for (let sample = 0; sample <= samples; sample++) {
    const before = process.cpuUsage()
    for (let done = 0; done < operations; done++) {
      const result = decide(/** @type {string} */ (texts[(Math.random() * keys) | 0]))
      if (result instanceof Promise) await result
    }
    const { user, system } = process.cpuUsage(before)
    nanoseconds.push(((user + system) * 1000) / operations)
  }
  nanoseconds.shift()
  nanoseconds.sort((a, b) => a - b)
  return { nanoseconds: nanoseconds[nanoseconds.length >> 1] ?? 0 }
}

/** @param {(typeof limiters)[string]} create @param {Record<string, number>} parameters */
async function memory(create, { keys = 1_000_000 }) {
  touchYoungGeneration()
  let longest = 0
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longest = Math.max(longest, duration)
  })
  observer.observe({ entryTypes: ['gc'] })
  const decide = await create(keys)
  collect()
  const before = held()
  for (let n = 0; n < keys; n++) {
    const result = decide(addressOf(n))
    if (result instanceof Promise) await result
    if (n % 200 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  const longestPause = longest
  collect()
  const bytes = (held() - before) / keys
  const start = performance.now()
  collect()
  const fullCollection = performance.now() - start
  observer.disconnect()
  await decide('10.0.0.0')
  return { bytes, longestPause, fullCollection }
}

const NOTATIONS = {
  ipv4: (/** @type {number} */ n) => `10.0.${(n >> 8) & 255}.${n & 255}`,
  mapped: (/** @type {number} */ n) => `::ffff:10.0.${(n >> 8) & 255}.${n & 255}`,
  ipv6: (/** @type {number} */ n) =>
    `2001:db8:${(n & 0xffff).toString(16)}:${(n >> 4).toString(16)}::1:2`
}

/** From an address to the key of its client. @param {(address: string) => unknown} keyOf */
function keyCost(keyOf) {
  touchYoungGeneration()
  return Object.fromEntries(
    Object.entries(NOTATIONS).map(([name, notation]) => {
      const texts = Array.from({ length: 1000 }, (_, n) =>
        Buffer.from(notation(n)).toString('latin1')
      )
      const samples = []
      for (let sample = 0; sample < 6; sample++) {
        const before = process.cpuUsage()
        for (let done = 0; done < 100_000; done++) keyOf(texts[done % 1000] ?? '')
        const { user, system } = process.cpuUsage(before)
        samples.push((user + system) / 100)
      }
      return [name, samples.slice(1).sort((a, b) => a - b)[2] ?? 0]
    })
  )
}

/**
 * A table that was filled once, and then: keys that are used once, as many as ten million and some of
 * them 16 KB long. What grows, who gets in, and how many honest newcomers are refused?
 *
 * @param {Record<string, number>} parameters
 */
function flood({ capacity = 2 ** 20, keys = 1e7, long = 1e4 }) {
  const limit = { max: 100, timeWindow: 60_000 }
  const limiter = limiterOf(capacity, limit)
  let time = 1
  for (let n = 0; n < 2 * capacity; n++) limiter.check(`first ${n}`, 1, time)
  while (limiter.check('exhausted', 1, time).allowed);
  collect()
  collect()
  const before = held()
  let again = 0
  let refused = 0
  let newcomers = 0
  // Three times as many keys as there is room for come within the time that one of them counts.
  const step = limit.timeWindow / limit.max / (3 * capacity)
  for (let n = 0; n < keys; n++) {
    time += step
    limiter.check(`flood ${n}`, 1, time)
    if (n % 1000 === 0) {
      newcomers++
      if (!limiter.check(`honest ${n}`, 1, time).allowed) refused++
    }
    if (n === 10 * capacity || n === keys - 1) {
      // At most what came back since.
      const due = Math.floor(((time - 1) / limit.timeWindow) * limit.max)
      let admitted = 0
      while (limiter.check('exhausted', 1, time).allowed) admitted++
      again += admitted
      if (again > due) throw new Error(`${again} admitted, ${due} due`)
    }
  }
  const filler = 'k'.repeat(16_000)
  for (let n = 0; n < long; n++) limiter.check(filler + n, 1, time)
  collect()
  return { grown: held() - before, refused: (100 * refused) / newcomers }
}

function collect() {
  globalThis.gc?.()
}

function held() {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
