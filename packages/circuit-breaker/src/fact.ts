/**
 * What breakers decided about a request, as other plugins read it.
 */

/** The decision of the route's breaker, and later its judgement of the answer. */
export interface BreakerFact {
  readonly name: string
  /** The state the request met. */
  readonly state: string
  outcome?: 'success' | 'failure' | 'excluded' | undefined
}

declare module '@holdfast/core' {
  interface RequestFacts {
    circuitBreaker?: BreakerFact | undefined
    /** The breaker whose fallback answered for a call of the request; the last one of several. */
    breakerFallback?: string | undefined
  }
  interface Refusers {
    'circuit-breaker': true
  }
}
