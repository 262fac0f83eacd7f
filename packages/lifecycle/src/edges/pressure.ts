/**
 * How hard the process is pressed, measured by `@fastify/under-pressure`. It has no thresholds
 * here and refuses nothing.
 */
import underPressure from '@fastify/under-pressure'
import type { FastifyInstance } from 'fastify'

/** The latest sample; all zero until the first. */
export interface Pressure {
  /** How late the event loop was, in milliseconds. `Infinity` when it stood still. */
  readonly eventLoopDelay: number
  /** The part of the time the event loop was busy, 0 to 1. */
  readonly eventLoopUtilization: number
  readonly heapUsed: number
  readonly rssBytes: number
}

const SAMPLE_INTERVAL = 250

/**
 * Starts the sensor, or uses the one that the app has. Returns how to read it. It stops when the
 * app closes.
 */
export function watchPressure(app: FastifyInstance): () => Pressure {
  let sensor: FastifyInstance = app
  if (!app.hasDecorator('memoryUsage')) {
    // In a scope of its own, so that the app may still register the plugin with thresholds.
    app.register(async function holdfastPressure(scope) {
      await scope.register(underPressure, {
        sampleInterval: SAMPLE_INTERVAL,
        eventLoopUtilizationMode: 'interval'
      })
      sensor = scope
    })
  }
  return () => {
    if (!sensor.hasDecorator('memoryUsage')) return NONE
    const { eventLoopDelay, eventLoopUtilized, heapUsed, rssBytes } = sensor.memoryUsage()
    return { eventLoopDelay, eventLoopUtilization: eventLoopUtilized, heapUsed, rssBytes }
  }
}

const NONE: Pressure = Object.freeze({
  eventLoopDelay: 0,
  eventLoopUtilization: 0,
  heapUsed: 0,
  rssBytes: 0
})
