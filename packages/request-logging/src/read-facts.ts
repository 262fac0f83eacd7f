/**
 * The facts of other plugins that the line shows. Those plugins may be installed or not, so their
 * types are not imported: each shape here is as much of a fact as is read.
 */
import type { ClientErrorFact } from '@holdfast/core'

/** The decision about a request that was shed, or in shadow mode would have been. */
export interface SheddingFact {
  readonly reason: string
}

/** The decision of the limiter. */
export interface RateLimitFact {
  /** The policy that decided: the tightest one, or the one that was exceeded. */
  readonly policy: string
  /** What the policy still has for the client. */
  readonly remaining: number
}

/** The decision of the route's breaker, and later its judgement of the answer. */
export interface BreakerFact {
  readonly name: string
  /** The state that the request met. */
  readonly state: string
  readonly outcome?: 'success' | 'failure' | 'excluded' | undefined
}

/** The calls that were made for a request. */
export interface OutgoingFact {
  readonly calls: number
  /** Retries and hedges included. */
  readonly tries: number
  /** The upstream that was waited for longest; `undefined` when there was no call. */
  readonly slowest: { readonly name: string; readonly time: number } | undefined
}

/** What the lifecycle did to a request. */
export interface LifecycleFact {
  /** The phase in which the request was cut or refused. */
  readonly phase: string
}

/** The facts of a request, as far as they are read here. */
export interface ReadFacts {
  readonly startedAt: number
  readonly probe?: true | undefined
  readonly clientError?: ClientErrorFact | undefined
  readonly refusedBy?: string | undefined
  readonly loadShedding?: SheddingFact | undefined
  readonly rateLimit?: RateLimitFact | undefined
  readonly circuitBreaker?: BreakerFact | undefined
  /** The breaker whose fallback answered in place of a call that failed. */
  readonly breakerFallback?: string | undefined
  readonly outgoing?: OutgoingFact | undefined
  readonly lifecycle?: LifecycleFact | undefined
}
