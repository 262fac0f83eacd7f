/**
 * What the line tells of the other plugins' decisions. Those plugins may be installed or not, so
 * that their types are not imported: each shape is as much of a fact as is read here.
 */
import type { ClientErrorFact } from '@holdfast/core'

/** The decision of the limiter. */
export interface RateLimitFact {
  readonly policy: string
  readonly remaining: number
}

/** The decision of the route's breaker, and later its judgement of the answer. */
export interface BreakerFact {
  readonly name: string
  readonly state: string
  readonly outcome?: 'success' | 'failure' | 'excluded' | undefined
}

/** The decision of the load shedder. */
export interface SheddingFact {
  readonly shed: boolean
  readonly priority: string
}

/** What the lifecycle did to a request. */
export interface LifecycleFact {
  readonly phase: string
}

/** The facts of a request, as far as they are read here. */
export interface ReadFacts {
  readonly startedAt: number
  readonly probe?: true | undefined
  readonly clientError?: ClientErrorFact | undefined
  readonly refusedBy?: string | undefined
  readonly rateLimit?: RateLimitFact | undefined
  readonly circuitBreaker?: BreakerFact | undefined
  readonly loadShedding?: SheddingFact | undefined
  readonly lifecycle?: LifecycleFact | undefined
}
