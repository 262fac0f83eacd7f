/**
 * The limiter's decision, as other plugins read it.
 */

/** The decision of the limiter about a request. */
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
    rateLimit?: RateLimitFact | undefined
  }
  interface Refusers {
    'rate-limit': true
  }
}
