/**
 * The line: what it holds, and its message.
 */
import type { BreakerFact, RateLimitFact, Refuser } from '@holdfast/core'
import type { ErrorField } from './error-field.ts'
import type { Outcome } from './outcome.ts'

/**
 * The fields of a line, in the order they are written. The logger adds `level`, `time` and `msg`,
 * and leaves out what is undefined.
 */
export interface Line {
  /** Fastify's id of the request; absent when it was never routed. */
  readonly id: string | undefined
  readonly method: string | undefined
  /** The route as it was declared, `/orders/:id`; absent for a 404 and what was never routed. */
  readonly route: string | undefined
  /** The path as the client sent it, without the query. */
  readonly path: string | undefined
  /** 499 when the client left; absent when no answer was begun, or none that we saw. */
  readonly status: number | undefined
  readonly outcome: Outcome
  /** Milliseconds from the request's head to the end of the answer. */
  readonly duration: number | undefined
  /** Bytes of the answer's body, where its length was known beforehand. */
  readonly bytesOut: number | undefined
  /** The address of the client, as `request.ip` has it. */
  readonly client: string | undefined
  /** Which plugin of the suite refused the request. */
  readonly refusedBy: Refuser | undefined
  readonly rateLimit: { readonly policy: string; readonly remaining: number } | undefined
  readonly breaker: { readonly name: string; readonly state: string } | undefined
  readonly error: ErrorField | undefined
}

/** Milliseconds with at most three decimals. */
export function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000
}

/** What the limiter decided, as the line shows it. */
export function limitField(fact: RateLimitFact | undefined): Line['rateLimit'] {
  return fact && { policy: fact.policy, remaining: fact.remaining }
}

/** What the breaker decided, as the line shows it. */
export function breakerField(fact: BreakerFact | undefined): Line['breaker'] {
  return fact && { name: fact.name, state: fact.state }
}

const SAID_BY_THE_STATUS: ReadonlySet<Outcome> = new Set(['ok', 'client-error', 'server-error'])

/** The line in a few words: `GET /orders/:id 200`, `GET /orders/:id 499 aborted`. */
export function messageOf({ method, route, path, status, outcome }: Line): string {
  const words = method === undefined ? '' : `${method} ${route ?? path} `
  if (status === undefined) return words + outcome
  return SAID_BY_THE_STATUS.has(outcome) ? words + status : `${words}${status} ${outcome}`
}
