/**
 * What users of other packages may write, and what to write instead.
 */
import type { ForeignNames } from '@holdfast/core/options'

const underPressure = (instead: string): string =>
  `That is an option of @fastify/under-pressure. ${instead}`

const MEMORY =
  'Memory is no sign of overload here; where it must be, register @holdfast/lifecycle with pressure: { ... }.'

/** By the names of @fastify/under-pressure, toobusy-js and overload-protection. */
export const FOREIGN_NAMES: ForeignNames = {
  maxEventLoopDelay: underPressure('Write maxQueueDelay.'),
  maxEventLoopUtilization: underPressure('Write maxQueueDelay: a busy loop alone refuses nothing.'),
  maxHeapUsedBytes: underPressure(MEMORY),
  maxRssBytes: underPressure(MEMORY),
  retryAfter: underPressure('Leave it out: Retry-After follows from how much is refused.'),
  sampleInterval: underPressure('Leave it out: nothing is sampled.'),
  maxLag: 'That is an option of toobusy-js. Write maxQueueDelay.',
  production: 'That is an option of overload-protection. Leave it out.',
  clientRetrySecs:
    'That is an option of overload-protection. Leave it out: Retry-After follows from how much is refused.',
  maxConcurrent: 'Write maxInFlight.',
  concurrency: 'Write maxInFlight.'
}
