/**
 * The limiter's decision, as other plugins read it.
 */

/** A decision of the limiter about a request. */
export interface RateLimitFact {
  readonly allowed: boolean
  /** The policy that decided: the tightest one, or the one that was exceeded. */
  readonly policy: string
  readonly limit: number
  readonly remaining: number
  /** Milliseconds until the same request would be allowed; 0 when it was. */
  readonly retryAfter: number
  readonly reason: string
}

declare module '@holdfast/core' {
  interface RequestFacts {
    /**
     * What the limiter did: the decision that refused the request, or of several that allowed it the
     * one that clients are told, with the least remaining.
     */
    rateLimit?: RateLimitFact | undefined
    /** What limits in shadow mode would have done: of several the one with the least remaining. */
    rateLimitShadow?: RateLimitFact | undefined
  }
  interface Refusers {
    'rate-limit': true
  }
}
