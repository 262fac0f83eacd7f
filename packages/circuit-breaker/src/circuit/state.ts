/**
 * The states of a circuit.
 */
import type { Causes } from './cause-counts.ts'
import type { Probes } from './probes.ts'
import type { Ramp } from './ramp.ts'

/**
 * Closed: calls go through; after an opening ever more of them. Open: calls are refused. Half-open:
 * a few calls go through to probe the dependency, the others are refused. Isolated: an operator has
 * calls refused.
 */
export type BreakerState = 'closed' | 'open' | 'half-open' | 'isolated'

/** A state with what only it has. `until` is by the circuit's clock. */
export type CircuitState =
  | { readonly is: 'closed'; readonly ramp: Ramp | undefined }
  | { readonly is: 'open'; readonly until: number }
  | { readonly is: 'half-open'; readonly probes: Probes }
  | { readonly is: 'isolated' }

/** Called after every change of state. `causes` are why it opened, empty otherwise. */
export type StateListener = (from: BreakerState, to: BreakerState, causes: Causes) => void
