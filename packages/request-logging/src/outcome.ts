/**
 * What became of a request, in one word.
 */
import type { Ending } from '@holdfast/core'
import type { ReadFacts } from './read-facts.ts'

/**
 * What became of a request:
 *
 * - `ok`, `client-error`, `server-error`: answered to the last byte, with a status below 400, from
 *   400 to 499, or of 500 and more
 * - `refused`: the service itself refused it: limited, breaker open, draining, closing; also an
 *   upgrade or a CONNECT whose connection it closed without an answer
 * - `aborted`: the client left before the answer was complete
 * - `cut`: the service ended the connection before the answer was complete: a stream failed, a reply
 *   was destroyed, a shutdown could wait no longer
 * - `hijacked`: the reply or the socket was taken out of Fastify's hands (`reply.hijack()`, an
 *   upgrade, a tunnel), and only whoever took it knows how it went
 * - `malformed`: what arrived was not HTTP, or not in time
 */
export type RequestOutcome =
  | 'ok'
  | 'client-error'
  | 'server-error'
  | 'refused'
  | 'aborted'
  | 'cut'
  | 'hijacked'
  | 'malformed'

/** The status on the line of a client that left, as nginx writes it. No client ever saw it. */
export const CLIENT_CLOSED_REQUEST = 499

/**
 * Names what became of a request that has a response.
 *
 * @param status the status of the answer, as far as it was set
 * @param routed whether Fastify routed the request; its 404 counts as a route
 */
export function outcomeOf(
  ending: Ending,
  status: number,
  facts: ReadFacts,
  hijacked: boolean,
  routed: boolean
): RequestOutcome {
  if (facts.clientError !== undefined) return 'malformed'
  if (hijacked) return 'hijacked'
  if (ending !== 'finished') return ending
  if (facts.refusedBy !== undefined) return 'refused'
  // Before routing only two things answer 503, and both refuse: an app that closes, and Node past
  // `maxRequestsPerSocket`.
  if (!routed && status === 503) return 'refused'
  if (status >= 500) return 'server-error'
  return status >= 400 ? 'client-error' : 'ok'
}
