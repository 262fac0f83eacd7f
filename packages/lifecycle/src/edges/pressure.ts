/**
 * How hard the process is pressed. By itself it refuses nothing; with thresholds of the user's,
 * requests are refused while one is exceeded, probes never.
 */
import { performance } from 'node:perf_hooks'
import { eventLoopDelay, factsOf, monotonicClock, refuse } from '@holdfast/core'
import type { FastifyInstance } from 'fastify'
import { UnderPressureError } from '../errors.ts'
import { isExceeded, NO_PRESSURE, type Pressure, retryAfter } from '../pressure.ts'
import type { ResolvedPressure } from '../pressure-options.ts'

/**
 * The sensor of an app. A sample is taken when somebody asks and the latest is older than the
 * interval: nothing runs where nobody does.
 */
export class Sensor {
  // The one that the whole process shares: @fastify/under-pressure would run a second, finer one,
  // whatever its options, and never stop it.
  readonly #delay = eventLoopDelay()
  readonly #options: ResolvedPressure
  #pressure: Pressure = NO_PRESSURE
  #exceeded = false
  #sampledAt = monotonicClock()
  #busySoFar = performance.eventLoopUtilization()

  constructor(app: FastifyInstance, options: ResolvedPressure) {
    this.#options = options
    app.addHook('onClose', async () => this.#delay.release())
  }

  /** The latest sample. */
  get pressure(): Pressure {
    this.#refresh()
    return this.#pressure
  }

  /** Whether a threshold is exceeded in the latest sample. */
  get exceeded(): boolean {
    this.#refresh()
    return this.#exceeded
  }

  #refresh(): void {
    const now = monotonicClock()
    const { sampleInterval, thresholds } = this.#options
    if (now - this.#sampledAt < sampleInterval) return
    const busy = performance.eventLoopUtilization()
    const { heapUsed, rss } = process.memoryUsage()
    this.#pressure = {
      eventLoopDelay: this.#delay.current,
      eventLoopUtilization: performance.eventLoopUtilization(busy, this.#busySoFar).utilization,
      heapUsed,
      rssBytes: rss
    }
    this.#exceeded = isExceeded(this.#pressure, thresholds)
    this.#sampledAt = now
    this.#busySoFar = busy
  }
}

/** Refuses requests while a threshold is exceeded, if the options say so. Probes pass. */
export function refuseUnderPressure(
  app: FastifyInstance,
  sensor: Sensor,
  options: ResolvedPressure
): void {
  if (!options.refuse) return
  app.addHook('onRequest', function holdfastPressure(request, reply, done) {
    if (!sensor.exceeded) {
      done()
      return
    }
    const facts = factsOf(request)
    if (facts.probe === true) {
      done()
      return
    }
    facts.refusedBy = 'lifecycle'
    refuse(reply, new UnderPressureError(retryAfter(options.retryAfter, Math.random())), done)
  })
}
