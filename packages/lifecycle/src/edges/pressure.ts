/**
 * How hard the process is pressed, measured by `@fastify/under-pressure`. By itself it refuses
 * nothing; with thresholds of the user's, requests are refused while one is exceeded, probes never.
 */
import underPressure from '@fastify/under-pressure'
import { factsOf, refuse } from '@holdfast/core'
import type { FastifyInstance } from 'fastify'
import { UnderPressureError } from '../errors.ts'
import { NO_PRESSURE, type Pressure, retryAfter } from '../pressure.ts'
import type { ResolvedPressure } from '../pressure-options.ts'

/** The sensor of an app. */
export interface Sensor {
  readonly pressure: Pressure
  /** Whether a threshold was exceeded in the latest sample. */
  readonly exceeded: boolean
}

/**
 * Starts the sensor; without settings of the user's for it, the one that the app has already is
 * used instead. It stops when the app closes.
 */
export function watchPressure(app: FastifyInstance, options: ResolvedPressure): Sensor {
  let sensor: FastifyInstance = app
  if (options.own || !app.hasDecorator('memoryUsage')) {
    // In a scope of its own: the app may still register the plugin, and its hook, which would
    // refuse probes too, reaches no route.
    app.register(async function holdfastPressure(scope) {
      await scope.register(underPressure, {
        ...options.thresholds,
        sampleInterval: options.sampleInterval,
        eventLoopUtilizationMode: 'interval'
      })
      sensor = scope
    })
  }
  return {
    get pressure() {
      if (!sensor.hasDecorator('memoryUsage')) return NO_PRESSURE
      const { eventLoopDelay, eventLoopUtilized, heapUsed, rssBytes } = sensor.memoryUsage()
      return { eventLoopDelay, eventLoopUtilization: eventLoopUtilized, heapUsed, rssBytes }
    },
    get exceeded() {
      return sensor.hasDecorator('isUnderPressure') && sensor.isUnderPressure()
    }
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
