/**
 * Whose fault it is that a request failed: the attribute `error.type`.
 */
import type { Ending } from '@holdfast/core'

/** As much of a request's facts as is read. */
export interface FailureFacts {
  readonly refusedBy?: string | undefined
  readonly clientError?: object | undefined
  /** Fastify's request; `undefined` when it never reached a hook. */
  readonly routed?: object | undefined
}

const FIRST_ERROR = 500
const UNAVAILABLE = 503

/** By the plugin that refused. A limiter answers with 4xx: that is the fault of the client. */
const REFUSALS: ReadonlyMap<string, string> = new Map([
  ['circuit-breaker', 'circuit_open'],
  ['load-shedding', 'shed'],
  ['lifecycle', 'pressure'],
  ['outgoing', 'deadline']
])

/**
 * Returns why a request failed:
 *
 * - `aborted`: the client left; `cut`: the service ended the answer before it was complete
 * - `circuit_open`, `shed`, `pressure`, `deadline`: the service refused it; `draining`: it was closing
 * - the status, where the answer was 5xx for another reason
 *
 * `undefined` for every other request, all those with 4xx among them.
 *
 * @param status the status of the answer, as far as it was set
 */
export function errorTypeOf(
  { refusedBy, clientError, routed }: FailureFacts,
  ending: Ending,
  status: number
): string | undefined {
  if (clientError !== undefined) return undefined
  if (ending !== 'finished') return ending
  if (status < FIRST_ERROR) return undefined
  if (refusedBy !== undefined) return REFUSALS.get(refusedBy) ?? String(status)
  // Before routing only two things answer 503: an app that closes, and Node past `maxRequestsPerSocket`.
  if (routed === undefined && status === UNAVAILABLE) return 'draining'
  return String(status)
}
