/**
 * The rules by which a closed breaker opens, and the counts that they are held against.
 */
import { type CallWindow, callWindow, type WindowCounts, type WindowSize } from './call-window.ts'
import { CauseCounts } from './cause-counts.ts'
import type { CallOutcome, TrackedPermit } from './permit.ts'
import { RunningCalls } from './running-calls.ts'

/** When a breaker opens. Rates are shares from above 0 to 1, times are milliseconds. */
export interface TripRules {
  /** Failures in a row. */
  readonly threshold: number
  /** The share of failures, in place of `threshold`. */
  readonly failureRate: number | undefined
  readonly slowCall: { readonly duration: number; readonly rate: number } | undefined
  readonly window: WindowSize
  /** How many calls a rate needs. */
  readonly minimumCalls: number
}

const SLOW_CALL = 'slow call'

/** Counts the calls of one generation at a time, and says when they are enough to open. */
export class TripCounter {
  readonly #rules: TripRules
  readonly #window: CallWindow | undefined
  readonly #running: RunningCalls | undefined
  readonly causes: CauseCounts = new CauseCounts()
  #failures = 0

  constructor(rules: TripRules) {
    this.#rules = rules
    const { failureRate, slowCall, window } = rules
    if (failureRate !== undefined || slowCall !== undefined) this.#window = callWindow(window)
    if (slowCall !== undefined) this.#running = new RunningCalls(slowCall.duration)
  }

  /** Whether the time matters at which a call is counted. */
  get needsTime(): boolean {
    return this.#window !== undefined && 'duration' in this.#rules.window
  }

  /** Failures in a row. */
  get failures(): number {
    return this.#failures
  }

  /** The counts of the window; `undefined` when no rule needs one. */
  countsAt(now: number): WindowCounts | undefined {
    this.#window?.advance(now)
    return this.#window
  }

  /** Running calls that have taken too long already. */
  get overdue(): number {
    return this.#running?.overdue ?? 0
  }

  /** Takes in a call that begins: it counts as slow from the moment it has taken too long. */
  track(permit: TrackedPermit): void {
    this.#running?.add(permit)
  }

  /** Excuses a call whose dependency has answered: it cannot become slow any more. */
  excuse(permit: TrackedPermit): void {
    this.#running?.excuse(permit)
  }

  /** Lets go of a tracked call that ends. */
  untrack(permit: TrackedPermit): void {
    this.#running?.remove(permit)
  }

  /**
   * Counts the next running call that has taken too long by now. Returns the time at which it had;
   * `undefined` when there is none.
   */
  countOverdue(now: number): number | undefined {
    const since = this.#running?.takeOverdue(now)
    if (since !== undefined) this.causes.add(SLOW_CALL)
    return since
  }

  /** Counts a call that ended. Returns whether the breaker must open. */
  count(outcome: CallOutcome, cause: unknown, slow: boolean, now: number): boolean {
    const window = this.#window
    if (outcome === 'failure') {
      this.#failures++
      window?.advance(now)
      if (window !== undefined && window.failures + window.slow + this.overdue === 0) {
        this.causes.clear()
      }
      this.causes.add(cause)
    } else if (outcome === 'success' && this.#failures > 0) {
      this.#failures = 0
      if (window === undefined) this.causes.clear()
    }
    window?.add(now, outcome === 'excluded' ? undefined : outcome === 'failure', slow)
    return this.#hasTripped()
  }

  /** Whether the breaker must open for what was counted until now. */
  hasTripped(now: number): boolean {
    this.#window?.advance(now)
    return this.#hasTripped()
  }

  #hasTripped(): boolean {
    const { threshold, failureRate, slowCall, minimumCalls } = this.#rules
    if (failureRate === undefined && this.#failures >= threshold) return true
    const window = this.#window
    if (window === undefined) return false
    const { judged, failures } = window
    if (failureRate !== undefined && judged >= minimumCalls && failures >= failureRate * judged) {
      return true
    }
    if (slowCall === undefined) return false
    const calls = judged + window.slowUnjudged + this.overdue
    return calls >= minimumCalls && window.slow + this.overdue >= slowCall.rate * calls
  }

  /** Begins a new generation. */
  clear(): void {
    this.#failures = 0
    this.causes.clear()
    this.#window?.clear()
    this.#running?.clear()
  }
}
