import type { BackoffRules } from './backoff.ts'
import type { ProbeRules } from './probes.ts'
import type { TripRules } from './trip-rules.ts'

/** The rules of a circuit. */
export interface CircuitRules extends TripRules, BackoffRules {
  /** `ramp` is the length of a step after closing in milliseconds; 0 for no ramp. */
  readonly halfOpen: ProbeRules & { readonly ramp: number }
}
