/**
 * What users of other circuit breakers may write, and what to write instead.
 */
import type { ForeignNames } from '@holdfast/core/options'

const opossum = (instead: string): string => `That is an option of opossum. ${instead}`
const fastify = (instead: string): string =>
  `That is an option of @fastify/circuit-breaker. ${instead}`

const BY_ERROR_HANDLER = 'Answer CircuitOpenError in app.setErrorHandler().'

/** By the names of opossum and @fastify/circuit-breaker. */
export const FOREIGN_NAMES: ForeignNames = {
  timeout: opossum(
    "Write breaker.execute(fn, { timeout: '2s' }); for a route it is Fastify's handlerTimeout."
  ),
  errorThresholdPercentage: opossum('Write failureRate: 0.5 for 50.'),
  volumeThreshold: opossum('Write minimumCalls.'),
  rollingCountTimeout: opossum("Write window: { duration: '10s' }."),
  rollingCountBuckets: opossum('The window needs none.'),
  rollingPercentilesEnabled: opossum('Write slowCall: { duration, rate } for calls that are slow.'),
  capacity: opossum('Write breaker.execute(fn, { maxConcurrent }).'),
  errorFilter: opossum("Write classify, which returns 'excluded' for what counts as neither."),
  fallback: opossum('Write breaker.execute(fn, { fallback }).'),
  allowWarmUp: opossum('minimumCalls keeps a breaker closed until there are calls enough.'),
  enabled: opossum("Write mode: 'shadow' for a breaker that refuses nothing."),
  group: opossum('Give the same name to what shares a breaker.'),
  onCircuitOpen: fastify(BY_ERROR_HANDLER),
  circuitOpenErrorMessage: fastify(BY_ERROR_HANDLER),
  onTimeout: fastify('Answer CallTimeoutError in app.setErrorHandler().'),
  timeoutErrorMessage: fastify('Answer CallTimeoutError in app.setErrorHandler().'),
  cache: fastify('Write maxBreakers.')
}
