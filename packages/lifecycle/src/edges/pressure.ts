/**
 * How hard the process is pressed. By itself it refuses nothing; with thresholds of the user's, which
 * `@fastify/under-pressure` watches, requests are refused while one is exceeded, probes never.
 */
import { performance } from 'node:perf_hooks'
import underPressure from '@fastify/under-pressure'
import { eventLoopDelay, factsOf, monotonicClock, refuse } from '@holdfast/core'
import type { FastifyInstance } from 'fastify'
import { UnderPressureError } from '../errors.ts'
import { NO_PRESSURE, type Pressure, retryAfter } from '../pressure.ts'
import type { ResolvedPressure } from '../pressure-options.ts'

/** The sensor of an app. */
export interface Sensor {
  /** The latest sample. */
  readonly pressure: Pressure
  /** Whether a threshold is exceeded in the latest sample. */
  readonly exceeded: boolean
}

/** Starts the sensor of an app. It stops when the app closes. */
export function watchPressure(app: FastifyInstance, options: ResolvedPressure): Sensor {
  // @fastify/under-pressure runs a histogram of its own, whatever its options: it comes where there
  // is something for it to watch.
  return options.hasThreshold ? watchThresholds(app, options) : new Gauge(app, options)
}

function watchThresholds(app: FastifyInstance, options: ResolvedPressure): Sensor {
  let sensor: FastifyInstance = app
  // Theirs is `Infinity` after a standstill, which is `null` in JSON.
  const delay = eventLoopDelay()
  app.addHook('onClose', async () => delay.release())
  // In a scope of its own: the app may register the plugin too, and its hook, which would refuse
  // probes, reaches no route.
  app.register(async function holdfastPressure(scope) {
    await scope.register(underPressure, {
      ...options.thresholds,
      sampleInterval: options.sampleInterval,
      eventLoopUtilizationMode: 'interval'
    })
    sensor = scope
  })
  return {
    get pressure() {
      if (!sensor.hasDecorator('memoryUsage')) return NO_PRESSURE
      const { eventLoopUtilized, heapUsed, rssBytes } = sensor.memoryUsage()
      return {
        eventLoopDelay: delay.current,
        eventLoopUtilization: eventLoopUtilized,
        heapUsed,
        rssBytes
      }
    },
    get exceeded() {
      return sensor.hasDecorator('isUnderPressure') && sensor.isUnderPressure()
    }
  }
}

/**
 * Without thresholds: a sample is taken when somebody asks and the latest is older than the
 * interval. Nothing runs where nobody does, except the histogram that the whole process shares.
 */
class Gauge implements Sensor {
  readonly exceeded = false
  readonly #delay = eventLoopDelay()
  readonly #sampleInterval: number
  #pressure: Pressure = NO_PRESSURE
  #sampledAt = monotonicClock()
  #busySoFar = performance.eventLoopUtilization()

  constructor(app: FastifyInstance, { sampleInterval }: ResolvedPressure) {
    this.#sampleInterval = sampleInterval
    app.addHook('onClose', async () => this.#delay.release())
  }

  get pressure(): Pressure {
    const now = monotonicClock()
    if (now - this.#sampledAt < this.#sampleInterval) return this.#pressure
    const busy = performance.eventLoopUtilization()
    const { heapUsed, rss } = process.memoryUsage()
    this.#pressure = {
      eventLoopDelay: this.#delay.current,
      eventLoopUtilization: performance.eventLoopUtilization(busy, this.#busySoFar).utilization,
      heapUsed,
      rssBytes: rss
    }
    this.#sampledAt = now
    this.#busySoFar = busy
    return this.#pressure
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
