/**
 * What users of other packages for stopping, health and pressure may write, and what to write instead.
 */
import type { ForeignNames } from '@holdfast/core/options'

const underPressure = (instead: string): string =>
  `That is an option of @fastify/under-pressure. ${instead}`
const closeWithGrace = (instead: string): string =>
  `That is an option of close-with-grace. ${instead}`
const terminus = (instead: string): string => `That is an option of terminus. ${instead}`

const BY_CHECK = 'Write health: { checks: { name: fn } }.'

/** The options of `pressure`, by the other names of @fastify/under-pressure. */
export const FOREIGN_PRESSURE_NAMES: ForeignNames = {
  healthCheck: underPressure(BY_CHECK),
  healthCheckInterval: underPressure(
    'Write cacheFor of the check: health: { checks: { name: { check: fn, cacheFor } } }.'
  ),
  exposeStatusRoute: underPressure("Write health: { ready: '/status' }."),
  pressureHandler: underPressure('Write refuse: false, and ask app.lifecycle.pressure.'),
  eventLoopUtilizationMode: underPressure(
    'A sample is measured by itself, as in the interval mode.'
  ),
  message: underPressure('Answer the error in app.setErrorHandler().'),
  customError: underPressure('Answer the error in app.setErrorHandler().')
}

/** The options of the plugin, by the names of close-with-grace, terminus and @fastify/under-pressure. */
export const FOREIGN_NAMES: ForeignNames = {
  delay: closeWithGrace('Write gracePeriod.'),
  logger: closeWithGrace('The log is that of the app.'),
  skip: closeWithGrace("Write signals: [...] for those that count, errors: 'leave' for errors."),
  onSecondSignal: closeWithGrace('A second signal ends the process at once.'),
  onSecondError: closeWithGrace('The log tells of it.'),
  onTimeout: closeWithGrace("Subscribe to 'holdfast:lifecycle:state'; what is cut is in the log."),
  timeout: terminus('Write gracePeriod.'),
  signal: terminus('Write signals: [...].'),
  healthChecks: terminus(BY_CHECK),
  beforeShutdown: terminus('Write drainDelay, or app.lifecycle.onShutdown(name, fn).'),
  onSignal: terminus('Write app.lifecycle.onShutdown(name, fn).'),
  onShutdown: terminus('Write app.lifecycle.onShutdown(name, fn).'),
  ...Object.fromEntries(
    ['maxEventLoopDelay', 'maxEventLoopUtilization', 'maxHeapUsedBytes', 'maxRssBytes'].map(
      (name) => [name, `Write it under pressure: { ${name} }.`]
    )
  ),
  ...FOREIGN_PRESSURE_NAMES
}

/** The options of `timeouts`, by the names of Fastify and Node. */
export const FOREIGN_TIMEOUT_NAMES: ForeignNames = {
  requestTimeout: 'Write request.',
  headersTimeout: 'Write request, which covers the head and the body.',
  connectionTimeout: 'Write request.',
  handlerTimeout: 'Write handler.',
  keepAliveTimeout: 'Write idle.'
}
