/**
 * Which results say something about a dependency, and what.
 */
import { isCircuitOpen } from './errors.ts'
import type { Outcome } from './permit.ts'

/**
 * What an error says. A refusal by another breaker is not news of this one's dependency: it is
 * excluded. Everything else is a failure.
 */
export function outcomeOfError(error: unknown): Outcome {
  return isCircuitOpen(error) ? 'excluded' : 'failure'
}

const NOT_IMPLEMENTED = 501
const VERSION_NOT_SUPPORTED = 505

/**
 * What an HTTP status says: 500 and above is a failure, except 501 and 505, which are about the
 * request.
 */
export function outcomeOfStatus(status: number): Outcome {
  if (status < 500) return 'success'
  return status === NOT_IMPLEMENTED || status === VERSION_NOT_SUPPORTED ? 'excluded' : 'failure'
}
