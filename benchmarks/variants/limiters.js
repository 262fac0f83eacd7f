/**
 * Limiters without a web framework: one decision for one of many keys.
 */
import { createRequire } from 'node:module'
import { PerformanceObserver, performance } from 'node:perf_hooks'
import { monotonicClock } from '@holdfast/core'
import { MemoryStore } from 'express-rate-limit'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { ClientTable } from '../../packages/rate-limit/dist/client-table.js'
import { Limiter } from '../../packages/rate-limit/dist/limiter.js'
import { policyOf } from '../../packages/rate-limit/dist/policy.js'
import { findPackageJSON } from '../harness/package-json.js'

/** @typedef {(key: string) => unknown} Decide */

const HOUR = 3_600_000
const PLENTY = 1e9
const ROOM = 4e6

/** @type {Record<string, (keys: number) => Decide | Promise<Decide>>} */
export const limiters = {
  'empty loop': () => () => true,

  '@fastify/rate-limit LocalStore': (keys) => {
    // Not an export of the package: the class that its memory mode is made of.
    const load = createRequire(findPackageJSON('@fastify/rate-limit'))
    const LocalStore = load('./store/LocalStore.js')
    const store = new LocalStore(false, false, keys + 1)
    const done = () => {}
    return (key) => store.incr(key, done, HOUR, PLENTY)
  },

  'rate-limiter-flexible memory': () => {
    const limiter = new RateLimiterMemory({ points: PLENTY, duration: HOUR / 1000 })
    return (key) => limiter.consume(key)
  },

  'express-rate-limit MemoryStore': () => {
    const store = new MemoryStore()
    // @ts-expect-error the store reads nothing but the window
    store.init({ windowMs: HOUR })
    return (key) => store.increment(key)
  },

  'holdfast rate-limit': (keys) => {
    // The engine of the plugin, without Fastify around it. One token comes back in a second, so that
    // every key owes for as long as it is looked at, as a key in a window of an hour does.
    // Three quarters full.
    const table = new ClientTable(Math.ceil(Math.max(2 ** 20, keys) / 0.75))
    const policy = policyOf('default', { max: ROOM, timeWindow: ROOM * 1000, burst: ROOM })
    const limiter = new Limiter([policy], table)
    return (key) => limiter.check(key, 1, monotonicClock())
  }
}

/** @type {Record<string, import('../harness/engines.js').Engine>} */
export const engines = Object.fromEntries(
  Object.entries(limiters).flatMap(([name, create]) => [
    [`speed: ${name}`, (parameters) => speed(create, parameters)],
    [`memory: ${name}`, (parameters) => memory(create, parameters)]
  ])
)

/** Dotted addresses, made beforehand: making the text is not what is measured. @param {number} count */
function addresses(count) {
  return Array.from(
    { length: count },
    (_, n) => `${(n >> 24) + 10}.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`
  )
}

/** @param {(typeof limiters)[string]} create @param {Record<string, number>} parameters */
async function speed(create, { keys = 1, operations = 300_000, samples = 5 }) {
  const decide = await create(keys)
  const texts = addresses(keys)
  for (const text of texts) await decide(text)
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
  let longest = 0
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longest = Math.max(longest, duration)
  })
  observer.observe({ entryTypes: ['gc'] })
  const decide = await create(keys)
  collect()
  const before = held()
  for (let n = 0; n < keys; n++) {
    const result = decide(`${(n >> 24) + 10}.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`)
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

function collect() {
  globalThis.gc?.()
}

function held() {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
