import { circuitBreaker } from '@holdfast/circuit-breaker'
import { lifecycle } from '@holdfast/lifecycle'
import { loadShedding } from '@holdfast/load-shedding'
import { outgoing } from '@holdfast/outgoing'
import { rateLimit } from '@holdfast/rate-limit'
import { requestLogging } from '@holdfast/request-logging'
import { telemetry } from '@holdfast/telemetry'
import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { checkHoldfastOptions, type HoldfastOptions } from './options.ts'

/**
 * Registers the suite on a Fastify instance, in the order a request should meet its parts. Register
 * it behind what refuses nobody (cookies, CORS, helmet), so that refusals carry those headers, and
 * before what may refuse. Probes are answered ahead of all hooks in any case.
 */
export const holdfast: FastifyPluginAsync<HoldfastOptions> = fp(
  async function holdfast(app, options: HoldfastOptions) {
    checkHoldfastOptions(options)
    // First: hooks at the close run the other way round, and operators may still ask at the very end.
    if (options.telemetry) app.register(telemetry, options.telemetry)
    if (options.lifecycle !== false) app.register(lifecycle, options.lifecycle ?? {})
    if (options.requestLogging !== false) app.register(requestLogging, options.requestLogging ?? {})
    if (options.loadShedding !== false) {
      const mode = options.loadShedding?.mode ?? 'shadow'
      app.register(loadShedding, { ...options.loadShedding, mode })
    }
    // Requests that come too late are refused before they are charged to a limit.
    if (options.outgoing) app.register(outgoing, options.outgoing)
    if (options.rateLimit !== false) app.register(rateLimit, options.rateLimit ?? {})
    if (options.circuitBreaker !== false) app.register(circuitBreaker, options.circuitBreaker ?? {})
  },
  { name: 'holdfast', fastify: '5.x' }
)
