/**
 * Circuit breakers without a web framework: a call through a closed one, a call with a timeout, and
 * a call refused by an open one. The call is an async function that does nothing.
 */
import { CircuitBreaker } from '@holdfast/circuit-breaker'
import * as cockatiel from 'cockatiel'
import CircuitBreakerOfOpossum from 'opossum'
import { touchYoungGeneration } from '../harness/young-generation.js'
import { breaker, closed, open, withTimeout } from './names.js'

/** @typedef {() => Promise<unknown>} Call */

const nothing = async () => 1
const failing = async () => {
  throw new Error('down')
}

/** @type {Record<string, () => Call | Promise<Call>>} */
const closedBreakers = {
  [breaker.none]: () => nothing,
  [breaker.opossum]: () => {
    const breaker = new CircuitBreakerOfOpossum(nothing)
    return () => breaker.fire()
  },
  [breaker.opossumWithoutTimeout]: () => {
    const breaker = new CircuitBreakerOfOpossum(nothing, { timeout: false })
    return () => breaker.fire()
  },
  [breaker.cockatiel]: () => {
    const policy = cockatiel.circuitBreaker(cockatiel.handleAll, {
      halfOpenAfter: 10_000,
      breaker: new cockatiel.ConsecutiveBreaker(5)
    })
    return () => policy.execute(nothing)
  },
  [breaker.cockatielSampling]: () => {
    const policy = cockatiel.circuitBreaker(cockatiel.handleAll, {
      halfOpenAfter: 10_000,
      breaker: new cockatiel.SamplingBreaker({ threshold: 0.5, duration: 30_000 })
    })
    return () => policy.execute(nothing)
  },
  [breaker.circuitBreaker]: () => {
    const breaker = new CircuitBreaker()
    return () => breaker.execute(nothing)
  },
  [breaker.circuitBreakerOfRate]: () => {
    const breaker = new CircuitBreaker({ failureRate: 0.5, window: { duration: '30s' } })
    return () => breaker.execute(nothing)
  },
  [breaker.circuitBreakerOfSlowCalls]: () => {
    const breaker = new CircuitBreaker({
      failureRate: 0.5,
      slowCall: { duration: '10s' },
      window: { duration: '30s' }
    })
    return () => breaker.execute(nothing)
  }
}

/** @type {Record<string, () => Call | Promise<Call>>} */
const timedBreakers = {
  [breaker.opossum]: () => {
    const breaker = new CircuitBreakerOfOpossum(nothing, { timeout: 10_000 })
    return () => breaker.fire()
  },
  [breaker.cockatielSampling]: () => {
    const policy = cockatiel.wrap(
      cockatiel.circuitBreaker(cockatiel.handleAll, {
        halfOpenAfter: 10_000,
        breaker: new cockatiel.SamplingBreaker({ threshold: 0.5, duration: 30_000 })
      }),
      cockatiel.timeout(10_000, cockatiel.TimeoutStrategy.Aggressive)
    )
    return () => policy.execute(nothing)
  },
  [breaker.circuitBreaker]: () => {
    const breaker = new CircuitBreaker()
    return () => breaker.execute(nothing, { timeout: '10s' })
  }
}

/** @type {Record<string, () => Call | Promise<Call>>} */
const openBreakers = {
  [breaker.opossum]: async () => {
    const breaker = new CircuitBreakerOfOpossum(failing, { resetTimeout: 3_600_000 })
    for (let call = 0; call < 10; call++) await breaker.fire().catch(() => {})
    return () => breaker.fire().catch(() => {})
  },
  [breaker.cockatiel]: async () => {
    const policy = cockatiel.circuitBreaker(cockatiel.handleAll, {
      halfOpenAfter: 3_600_000,
      breaker: new cockatiel.ConsecutiveBreaker(5)
    })
    for (let call = 0; call < 10; call++) await policy.execute(failing).catch(() => {})
    return () => policy.execute(failing).catch(() => {})
  },
  [breaker.circuitBreaker]: async () => {
    const breaker = new CircuitBreaker({ resetTimeout: '1 hour' })
    for (let call = 0; call < 10; call++) await breaker.execute(failing).catch(() => {})
    return () => breaker.execute(failing).catch(() => {})
  }
}

/** @type {Record<string, import('../harness/engines.js').Engine>} */
export const engines = {}
for (const [nameOf, breakers] of /** @type {const} */ ([
  [closed, closedBreakers],
  [withTimeout, timedBreakers],
  [open, openBreakers]
])) {
  for (const [name, create] of Object.entries(breakers)) {
    engines[nameOf(name)] = (parameters) => time(create, parameters)
  }
}

/** @param {() => Call | Promise<Call>} create @param {Record<string, number>} parameters */
async function time(create, { calls = 100_000, samples = 5 }) {
  const call = await create()
  touchYoungGeneration()
  const nanoseconds = []
  for (let sample = 0; sample <= samples; sample++) {
    const before = process.cpuUsage()
    for (let done = 0; done < calls; done++) await call()
    const { user, system } = process.cpuUsage(before)
    nanoseconds.push(((user + system) * 1000) / calls)
  }
  nanoseconds.shift()
  nanoseconds.sort((a, b) => a - b)
  const ALLOCATING = 10_000
  globalThis.gc?.()
  const before = process.memoryUsage().heapUsed
  for (let done = 0; done < ALLOCATING; done++) await call()
  const bytes = (process.memoryUsage().heapUsed - before) / ALLOCATING
  return { nanoseconds: nanoseconds[nanoseconds.length >> 1] ?? 0, bytes }
}
