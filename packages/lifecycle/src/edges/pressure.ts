/**
 * How hard the process is pressed. By itself it refuses nothing; with thresholds of the user's,
 * requests are refused while one is exceeded, probes never.
 */
import { performance } from 'node:perf_hooks'
import { eventLoopDelay, factsOf, refuse } from '@holdfast/core'
import type { FastifyInstance } from 'fastify'
import { UnderPressureError } from '../errors.ts'
import { isExceeded, NO_PRESSURE, type Pressure, retryAfter } from '../pressure.ts'
import type { ResolvedPressure } from '../pressure-options.ts'

/** The sensor of an app. */
export interface Sensor {
  readonly pressure: Pressure
  /** Whether a threshold was exceeded in the latest sample. */
  readonly exceeded: boolean
}

/** Takes samples until the app closes. */
export function watchPressure(
  app: FastifyInstance,
  { sampleInterval, thresholds }: ResolvedPressure
): Sensor {
  const sensor = { pressure: NO_PRESSURE, exceeded: false }
  // The one that the whole process shares: @fastify/under-pressure would run a second, finer one,
  // whatever its options, and never stop it.
  const delay = eventLoopDelay()
  let busySoFar = performance.eventLoopUtilization()
  const timer = setInterval(() => {
    const busy = performance.eventLoopUtilization()
    const { heapUsed, rss } = process.memoryUsage()
    sensor.pressure = {
      eventLoopDelay: delay.current,
      eventLoopUtilization: performance.eventLoopUtilization(busy, busySoFar).utilization,
      heapUsed,
      rssBytes: rss
    }
    sensor.exceeded = isExceeded(sensor.pressure, thresholds)
    busySoFar = busy
  }, sampleInterval).unref()
  app.addHook('onClose', async () => {
    clearInterval(timer)
    delay.release()
  })
  return sensor
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
