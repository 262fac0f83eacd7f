/**
 * What became of a request, and who refused it, as telemetry counts it.
 */
import type { Ending } from '@holdfast/core'

/**
 * What became of a request, in the words of the request log: answered well, with 4xx, with 5xx; refused by
 * the service; left by its client; ended by the service before the answer was complete; taken out of
 * Fastify's hands; not HTTP.
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

/** As much of a request's facts as is read. */
export interface OutcomeFacts {
  readonly refusedBy?: string | undefined
  readonly clientError?: object | undefined
  /** Fastify's request; `undefined` when it never reached a hook. */
  readonly routed?: object | undefined
  readonly rateLimit?: { readonly reason: string } | undefined
}

const CLIENT_ERROR = 400
const SERVER_ERROR = 500
const UNAVAILABLE = 503

/** Names what became of a request. */
export function outcomeOf(
  facts: OutcomeFacts,
  ending: Ending,
  status: number,
  isHijacked: boolean
): RequestOutcome {
  if (facts.clientError !== undefined) return 'malformed'
  if (isHijacked) return 'hijacked'
  if (ending !== 'finished') return ending
  if (facts.refusedBy !== undefined || isClosing(facts, status)) return 'refused'
  if (status >= SERVER_ERROR) return 'server-error'
  return status >= CLIENT_ERROR ? 'client-error' : 'ok'
}

/** Before routing only two things answer 503: an app that closes, and Node past `maxRequestsPerSocket`. */
function isClosing({ routed }: OutcomeFacts, status: number): boolean {
  return routed === undefined && status === UNAVAILABLE
}

/** Who refused a request, and why. */
export interface RefusalReason {
  readonly refusedBy: string
  readonly reason: string
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ['circuit-breaker', 'state'],
  ['load-shedding', 'shed'],
  ['lifecycle', 'pressure'],
  ['outgoing', 'deadline']
])

/** Returns who refused a request that was refused. A third party's refusals have the reason `other`. */
export function refusalOf({ refusedBy, rateLimit }: OutcomeFacts): RefusalReason {
  if (refusedBy === undefined) return { refusedBy: 'lifecycle', reason: 'draining' }
  const reason = refusedBy === 'rate-limit' ? (rateLimit?.reason ?? 'exceeded') : undefined
  return { refusedBy, reason: reason ?? REASONS.get(refusedBy) ?? 'other' }
}
