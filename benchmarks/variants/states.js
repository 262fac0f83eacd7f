/**
 * A service with everything in it, whose states are read.
 */
import { statesOf } from '@holdfast/core'
import Fastify from 'fastify'
import { holdfast } from 'holdfast'

const MICROSECONDS = 1000
const POLICIES = 10

/** CPU of the process in microseconds. */
function cpu() {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** @type {Record<string, import('../harness/engines.js').Engine>} */
export const engines = {
  async all({ breakers = 200, reads = 2000 }) {
    const app = Fastify()
    await app.register(holdfast, {
      lifecycle: { signals: false, exit: false },
      requestLogging: false,
      rateLimit: {
        policies: Array.from({ length: POLICIES }, (_, index) => ({
          name: `policy-${index}`,
          max: 1000,
          timeWindow: (index + 1) * 1000
        }))
      }
    })
    // Half of them have a window to count, too.
    for (let index = 0; index < breakers; index++) {
      app.circuitBreaker(`breaker-${index}`, index % 2 === 0 ? {} : { failureRate: 0.5 })
    }
    app.get('/', async () => 'ok')
    await app.inject('/')
    const [limiter] = statesOf(app, '@holdfast/rate-limit')
    const [registry] = statesOf(app, '@holdfast/circuit-breaker')
    const policies = limiter?.state.limits[0]?.policies.length
    if (policies !== POLICIES || registry?.state.breakers.length !== breakers) {
      throw new Error('not everything is there')
    }
    for (let read = 0; read < reads; read++) statesOf(app)
    const begun = cpu()
    for (let read = 0; read < reads; read++) statesOf(app)
    const milliseconds = (cpu() - begun) / reads / MICROSECONDS
    await app.close()
    return { milliseconds }
  }
}
