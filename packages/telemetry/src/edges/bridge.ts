/**
 * Connects an app with OpenTelemetry when it is ready: by then an SDK that the application starts late is
 * registered, and before that its meter would do nothing for ever.
 */
import type { GuardedLog } from '@holdfast/core'
import type { FastifyInstance } from 'fastify'
import type { OpenTelemetryOptions } from '../options.ts'
import {
  durationRecorder,
  isInstrumented,
  observeMetrics,
  type ReadSource
} from './open-telemetry.ts'
import { hasMeterProvider, type OpenTelemetryApi, whyUnreachable } from './open-telemetry-api.ts'
import type { RequestListener } from './request-listener.ts'

const METER = '@holdfast/telemetry'

/**
 * Gives OpenTelemetry the metrics from when the app is ready until it closes.
 *
 * @param api `undefined` when it is not installed
 * @param options `undefined` when it must not get them
 */
export function bridge(
  app: FastifyInstance,
  api: OpenTelemetryApi | undefined,
  options: OpenTelemetryOptions | undefined,
  source: ReadSource,
  listener: RequestListener,
  log: GuardedLog
): void {
  let release: (() => void) | undefined
  app.addHook('onReady', async () => {
    if (api !== undefined) {
      const warning = whyUnreachable(api)
      if (warning !== undefined) log.warn(warning)
    }
    if (options === undefined) return
    const meter = options.meter ?? (hasMeterProvider() ? api?.metrics.getMeter(METER) : undefined)
    if (meter === undefined) return
    release = observeMetrics(meter, source)
    if (options.duration ?? !isInstrumented(app.server)) listener.record = durationRecorder(meter)
  })
  app.addHook('onClose', async () => {
    release?.()
    listener.record = undefined
  })
}
