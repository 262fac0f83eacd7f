/**
 * What a closed breaker knows about its dependency, and when that is enough to open.
 */
import { type CallWindow, callWindow, type WindowCounts, type WindowSize } from './call-window.ts'
import { CauseCounts } from './cause-counts.ts'
import type { CallOutcome, TrackedPermit } from './permit.ts'
import { RunningCalls } from './running-calls.ts'

/** When a breaker opens. Rates are shares from above 0 to 1, times are milliseconds. */
export interface TripRules {
  readonly threshold: number
  /** In place of `threshold`. */
  readonly failureRate: number | undefined
  readonly slowCall: { readonly duration: number; readonly rate: number } | undefined
  readonly window: WindowSize
  readonly minimumCalls: number
}

const SLOW_CALL = 'slow call'

/** Counts the calls of one generation at a time. */
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

  /** What the window holds, where there is one. */
  countsAt(now: number): WindowCounts | undefined {
    this.#window?.advance(now)
    return this.#window
  }

  /** Running calls that have taken too long already. */
  get overdue(): number {
    return this.#running?.overdue ?? 0
  }

  /** Follows a call, which counts as slow from the moment it has taken too long. */
  follow(ticket: TrackedPermit): void {
    this.#running?.add(ticket)
  }

  /** The dependency has answered: from now on the call cannot become slow. */
  excuse(ticket: TrackedPermit): void {
    this.#running?.excuse(ticket)
  }

  /** A call that was followed ends. */
  leave(ticket: TrackedPermit): void {
    this.#running?.remove(ticket)
  }

  /** Counts the next running call that has taken too long by now, if one has. Returns since when. */
  meetOverdue(now: number): number | undefined {
    const since = this.#running?.takeOverdue(now)
    if (since !== undefined) this.causes.add(SLOW_CALL)
    return since
  }

  /** Counts a call that ended. Returns whether it is enough to open. */
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
    return this.#isSick()
  }

  /** Whether what was counted until now is enough to open. */
  isSick(now: number): boolean {
    this.#window?.advance(now)
    return this.#isSick()
  }

  #isSick(): boolean {
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

  clear(): void {
    this.#failures = 0
    this.causes.clear()
    this.#window?.clear()
    this.#running?.clear()
  }
}
