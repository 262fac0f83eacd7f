/**
 * A breaker as others see it: at one moment, and as a listener of its channels is given it.
 */
import type { BreakerTotals } from './circuit/call-totals.ts'
import type { WindowCounts } from './circuit/call-window.ts'
import type { BreakerState } from './circuit/state.ts'
import type { OperatorSwitch } from './operator-switch.ts'
import type { RecentChange } from './recent-changes.ts'
import type { BreakerRules } from './rules.ts'

/** A breaker at one moment. */
export interface BreakerSnapshot {
  /** Its name as it is logged and published. */
  readonly name: string
  /** The state at this moment. In shadow, the state it would have. */
  readonly state: BreakerState
  /** Milliseconds for which it has been in this state. */
  readonly lasted: number
  /** Whether it is in shadow: it counts and publishes what it would do, and refuses nothing. */
  readonly shadow: boolean
  /** Failures in a row. */
  readonly failures: number
  /** The counts of the window; `undefined` when no rule needs one. */
  readonly window: WindowCounts | undefined
  /** Running calls that have taken too long already. */
  readonly overdue: number
  /** Permits that have not ended yet, whenever they were taken. */
  readonly inFlight: number
  /** Calls that were given up (timeout, the caller left) and are still running. */
  readonly abandoned: number
  /** Calls that a fallback has answered for, since the breaker was made. */
  readonly fallbacks: number
  /** Openings since it was last stable: each doubles the open period. */
  readonly openings: number
  /** The most calls of the present step while it lets callers back in; otherwise `undefined`. */
  readonly ramp: number | undefined
  /** Milliseconds until a call may be let through; 0 when one may be now. */
  readonly retryAfter: number
  /** Its latest changes of state, at most six, the latest first. */
  readonly changes: readonly RecentChange[]
  /** What became of its calls since it was made. */
  readonly totals: BreakerTotals
}

/** A breaker as it can be watched and operated. Every `CircuitBreaker` is one. */
export interface BreakerView {
  readonly name: string
  /** Its options, complete and in milliseconds. */
  readonly rules: BreakerRules
  /** The state at this moment. In shadow, the state it would have. */
  readonly state: BreakerState
  /** Milliseconds until a call may be let through; 0 when one may be now. */
  readonly retryAfter: number
  /** Whether it is closed and no call is in flight. */
  readonly idle: boolean
  /** Whether it is in shadow: it counts and publishes what it would do, and refuses nothing. */
  readonly isShadow: boolean
  snapshot(): BreakerSnapshot
  /** Refuses every call, in shadow too, until the switch is released; then it closes. */
  isolate(): OperatorSwitch
  /** Puts it in shadow until the switch is released: it counts as before, and refuses nothing. */
  shadow(): OperatorSwitch
}
