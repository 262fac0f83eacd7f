/**
 * Limiters that count in a Redis, whose port `BENCHMARK_REDIS` names: their stores alone, and in front
 * of a Fastify route.
 */
import { createRequire } from 'node:module'
import { performance } from 'node:perf_hooks'
import { rateLimit } from '@holdfast/rate-limit'
import { RedisStore } from '@holdfast/rate-limit/redis'
import Fastify from 'fastify'
import { Redis } from 'ioredis'
import { RateLimiterRedis } from 'rate-limiter-flexible'
import { policyOf } from '../../packages/rate-limit/dist/policy.js'
import { findPackageJSON } from '../harness/package-json.js'
import { onSharedPath, store } from './names.js'

// Not imported: its types would speak for those of our own drop-in.
const fastifyRateLimit = createRequire(import.meta.url)('@fastify/rate-limit')

const HOUR = 3_600_000
const PLENTY = 1e8
const KEYS = 10_000

function client() {
  const redis = new Redis(Number(process.env.BENCHMARK_REDIS))
  // What becomes of the connection is part of what is measured.
  redis.on('error', () => {})
  return redis
}

/** @type {Record<string, () => (key: string) => Promise<unknown>>} */
const stores = {
  [store.increment]: () => {
    const redis = client()
    return (key) => redis.incr(key)
  },

  [store.fastifyRateLimit]: () => {
    // Not an export of the package: the class that its Redis mode is made of.
    const Store = createRequire(findPackageJSON('@fastify/rate-limit'))('./store/RedisStore.js')
    const store = new Store(false, false, client())
    return (key) =>
      new Promise((resolve, reject) => {
        const done = (/** @type {unknown} */ error, /** @type {unknown} */ result) =>
          error ? reject(error) : resolve(result)
        store.incr(key, done, HOUR, PLENTY)
      })
  },

  [store.rateLimiterFlexible]: () => {
    const options = { storeClient: client(), points: PLENTY, duration: HOUR / 1000 }
    const limiter = new RateLimiterRedis(options)
    return (key) => limiter.consume(key)
  },

  [store.rateLimit]: () => {
    const store = new RedisStore({ client: client() })
    /** @type {import('@holdfast/rate-limit').Policies} */
    const policies = [policyOf('plenty', { max: PLENTY, timeWindow: HOUR })]
    return (key) =>
      store.check({ limit: 'limit', keys: key, policies, costs: 1, countDenied: false })
  }
}

/** @param {() => (key: string) => Promise<unknown>} create @param {Record<string, number>} parameters */
async function calls(create, { inFlight = 1, seconds = 1 }) {
  const decide = create()
  /** @type {number[]} */
  const latencies = []
  const run = async (/** @type {number} */ milliseconds) => {
    const end = performance.now() + milliseconds
    const one = async () => {
      while (performance.now() < end) {
        const start = performance.now()
        await decide(`client-${(Math.random() * KEYS) | 0}`)
        latencies.push(performance.now() - start)
      }
    }
    await Promise.all(Array.from({ length: inFlight }, one))
  }
  // What is compiled late is compiled by then.
  await run(2000 * seconds)
  latencies.length = 0
  const before = process.cpuUsage()
  const start = performance.now()
  await run(1000 * seconds)
  const { user, system } = process.cpuUsage(before)
  const perSecond = latencies.length / ((performance.now() - start) / 1000)
  latencies.sort((one, other) => one - other)
  const at = (/** @type {number} */ share) => latencies[Math.floor(latencies.length * share)] ?? 0
  const cpu = (user + system) / latencies.length
  return { perSecond, cpu, p50: at(0.5), p99: at(0.99) }
}

/** A hundred requests a second, while the Redis of that process number stands still. */
async function frozen({ pid = 0, requests = 200 }) {
  const app = Fastify()
  app.register(rateLimit, { max: PLENTY, redis: client() })
  app.get('/', (_request, reply) => {
    reply.send('ok')
  })
  await app.ready()
  for (let done = 0; done < 100; done++) await app.inject('/')
  process.kill(pid, 'SIGSTOP')
  /** @type {number[]} */
  const latencies = []
  let failed = 0
  const ask = async (/** @type {number} */ index) => {
    const start = performance.now()
    const { statusCode } = await app.inject('/')
    latencies[index] = performance.now() - start
    if (statusCode !== 200) failed++
  }
  /** @type {Promise<void>[]} */
  const asked = []
  for (let index = 0; index < requests; index++) {
    asked.push(ask(index))
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  await Promise.all(asked)
  process.kill(pid, 'SIGCONT')
  const later = latencies.slice(20).sort((one, other) => one - other)
  const p95 = later[Math.floor(later.length * 0.95)] ?? 0
  return { first: Math.max(...latencies.slice(0, 20)), p95, failed }
}

/** How often the store is asked by leases of twenty, away from the limit, and for a denied client. */
async function trips({ requests = 2000 }) {
  const redis = client()
  const app = Fastify()
  app.register(rateLimit, { redis, max: PLENTY, lease: { max: 20 } })
  app.get('/', () => 'ok')
  app.get('/denied', { config: { rateLimit: { max: 1, timeWindow: HOUR } } }, () => 'ok')
  await app.ready()
  const asked = async (/** @type {string} */ url) => {
    const count = async () => {
      const info = await redis.info('commandstats')
      const found = [...info.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)]
      return found.reduce((sum, [, calls]) => sum + Number(calls), 0)
    }
    await app.inject(url)
    await app.inject(url)
    const before = await count()
    for (let done = 0; done < requests; done++) await app.inject(url)
    return ((await count()) - before) / requests
  }
  return { leased: await asked('/'), denied: await asked('/denied') }
}

/** @type {Record<string, import('../harness/engines.js').Engine>} */
export const engines = {
  ...Object.fromEntries(
    Object.entries(stores).map(([name, create]) => [
      name,
      (/** @type {Record<string, number>} */ parameters) => calls(create, parameters)
    ])
  ),
  frozen,
  trips
}

/** @param {import('fastify').FastifyInstance} app */
function routed(app) {
  app.get('/', (_request, reply) => {
    reply.send({ hello: 'world' })
  })
  return { app }
}

/** @type {Record<string, import('../harness/in-process.js').Variant>} */
export const variants = {
  [onSharedPath.bare]: () => routed(Fastify()),
  [onSharedPath.fastifyRateLimit]: async () => {
    const app = Fastify()
    await app.register(fastifyRateLimit, { max: PLENTY, timeWindow: HOUR, redis: client() })
    return routed(app)
  },
  [onSharedPath.rateLimit]: async () => {
    const app = Fastify()
    await app.register(rateLimit, { max: PLENTY, timeWindow: HOUR, redis: client() })
    return routed(app)
  },
  [onSharedPath.rateLimitWithLeases]: async () => {
    const app = Fastify()
    const lease = { max: 20 }
    await app.register(rateLimit, { max: PLENTY, timeWindow: HOUR, redis: client(), lease })
    return routed(app)
  }
}
