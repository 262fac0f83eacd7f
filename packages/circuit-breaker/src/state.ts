/**
 * What a registration of the plugin knows, for metrics and consoles to read.
 */
import type { BreakerSnapshot } from './snapshot.ts'

/** What a registration of circuit-breaker knows. */
export interface CircuitBreakerState {
  /** Every breaker: what `app.circuitBreakers.snapshots()` returns. */
  readonly breakers: readonly BreakerSnapshot[]
  /** How many breakers there may be: the option `maxBreakers`. */
  readonly maxBreakers: number
  /** Breakers that were dropped, unused, to make room for others. Their totals went with them. */
  readonly dropped: number
}

declare module '@holdfast/core' {
  interface States {
    '@holdfast/circuit-breaker': CircuitBreakerState
  }
}
