/**
 * The states of a circuit breaker, and how calls, time and operators change them.
 *
 * Time is read from a clock when somebody looks; no timer changes the state. Every change of state
 * begins a new generation, and an outcome counts only in the generation its call began in.
 *
 * The time of calls stands still while the event loop is late: what a dependency has answered then
 * waits in a socket of this process.
 */
import type { Clock } from '@holdfast/core'
import { Backoff } from './backoff.ts'
import { CallTotals } from './call-totals.ts'
import type { WindowCounts } from './call-window.ts'
import type { CircuitRules } from './circuit-rules.ts'
import {
  type CallOutcome,
  type Permit,
  type PermitOwner,
  TrackedPermit,
  UntrackedCalls,
  UntrackedPermit
} from './permit.ts'
import { Probes } from './probes.ts'
import { Ramp } from './ramp.ts'
import type { BreakerState, CircuitState, StateListener } from './state.ts'
import type { Lateness } from './steady-clock.ts'
import { TripCounter } from './trip-rules.ts'

const LOST_PROBE = 'probe lost'
/** A generation that no circuit has: an outcome of it is ignored. */
const NO_GENERATION = -1

/** Decides which calls may be made. */
export class Circuit implements PermitOwner {
  readonly #rules: CircuitRules
  readonly #clock: Clock
  readonly #lateness: Lateness
  readonly #changed: StateListener
  readonly #counter: TripCounter
  readonly #backoff: Backoff
  readonly #uncounted: UntrackedCalls
  readonly totals: CallTotals = new CallTotals()
  #state: CircuitState = { is: 'closed', ramp: undefined }
  #generation = 0
  #untracked: UntrackedCalls
  /** Whether it is closed and time has no part in that: no ramp, and no bound for running calls. */
  #timeless: boolean
  #enteredAt: number
  #isolations = 0
  /** The earliest time at which the dependency asked to be called again. */
  #notBefore = -Infinity
  #inFlight = 0

  constructor(rules: CircuitRules, clock: Clock, lateness: Lateness, changed: StateListener) {
    this.#rules = rules
    this.#clock = clock
    this.#lateness = lateness
    this.#changed = changed
    this.#counter = new TripCounter(rules)
    this.#backoff = new Backoff(rules)
    this.#uncounted = new UntrackedCalls(this, NO_GENERATION)
    this.#untracked = new UntrackedCalls(this, this.#generation)
    this.#timeless = rules.slowCall === undefined
    this.#enteredAt = clock()
  }

  get state(): BreakerState {
    this.#catchUp()
    return this.#state.is
  }

  /** Milliseconds for which it has been in its state. */
  get lasted(): number {
    return this.#clock() - this.#enteredAt
  }

  /** Calls that have not ended yet, whenever they began. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** Failures in a row. */
  get failures(): number {
    return this.#counter.failures
  }

  /** Running calls that count as slow already. */
  get overdue(): number {
    return this.#counter.overdue
  }

  /** The counts of the window; `undefined` when no rule needs one. */
  get windowCounts(): WindowCounts | undefined {
    return this.#counter.countsAt(this.#clock())
  }

  /** Openings since it was last stable. */
  get openings(): number {
    return this.#backoff.openings
  }

  /** The most calls of the present step of the ramp; `undefined` when there is none. */
  get rampLimit(): number | undefined {
    return this.#state.is === 'closed' ? this.#state.ramp?.limit : undefined
  }

  /** Whether it lets only some calls through, as of the last look: half-open, or on the ramp. */
  get isLimiting(): boolean {
    const state = this.#state
    return state.is === 'half-open' || (state.is === 'closed' && state.ramp !== undefined)
  }

  /** Whether the outcome of a call that has not ended still counts. */
  counts(permit: Permit): boolean {
    return permit instanceof TrackedPermit && permit.generation === this.#generation && !permit.lost
  }

  /** Milliseconds until a call may be let through; 0 when one may be now. */
  waitFor(): number {
    if (this.#timeless) return 0
    const now = this.#catchUp()
    const state = this.#state
    switch (state.is) {
      case 'closed':
        return state.ramp === undefined ? 0 : state.ramp.waitFor(now)
      case 'open':
        return state.until - now
      case 'half-open':
        return state.probes.waitFor(now - this.#lateness(now))
      case 'isolated':
        return this.#rules.resetTimeout
    }
  }

  /**
   * Lets a call through. Ask {@link waitFor} first: this looks at the state only for what the call
   * counts in.
   *
   * @param lease milliseconds after which the call, if it is a probe, counts as lost
   */
  admit(lease: number, hasAnswered?: () => boolean): Permit {
    this.#inFlight++
    return this.#timeless
      ? new UntrackedPermit(this.#untracked)
      : this.#admitTracked(lease, hasAnswered)
  }

  /** Lets a call through that should have been refused: only its being in flight counts. */
  admitUncounted(): Permit {
    this.#inFlight++
    return new UntrackedPermit(this.#uncounted)
  }

  /**
   * Lets a call through without a permit of its own, which is the cheapest way: what is returned is
   * to be told its end, once. `undefined` when the circuit must track its calls: {@link admit} it.
   */
  admitUntracked(): UntrackedCalls | undefined {
    if (!this.#timeless) return undefined
    this.#inFlight++
    return this.#untracked
  }

  endUntracked(generation: number, outcome: CallOutcome, cause: unknown, retryAfter: number): void {
    this.#inFlight--
    this.totals.countCall(outcome)
    if (generation === this.#generation) this.#count(outcome, cause, retryAfter, false)
  }

  endTracked(
    permit: TrackedPermit,
    outcome: CallOutcome,
    cause: unknown,
    retryAfter: number
  ): void {
    this.#inFlight--
    this.totals.countCall(outcome)
    // A probe whose lease ends just now is lost, but its own cause says more than that.
    if (outcome === 'failure') permit.cause = cause
    const now = this.#catchUp()
    if (permit.generation !== this.#generation || permit.lost) return
    if (this.#state.is === 'half-open') {
      this.#judge(this.#state.probes, permit, outcome, cause, retryAfter, now)
      return
    }
    this.#counter.untrack(permit)
    this.#count(outcome, cause, retryAfter, permit.overdue)
  }

  answer(permit: TrackedPermit): void {
    this.#catchUp()
    if (permit.generation === this.#generation) this.#counter.excuse(permit)
  }

  /** Refuses every call until as many {@link release}s. */
  isolate(): void {
    this.#catchUp()
    if (this.#isolations++ === 0) this.#enter({ is: 'isolated' }, this.#clock())
  }

  release(): void {
    if (--this.#isolations === 0) this.#close(this.#clock())
  }

  #admitTracked(lease: number, hasAnswered: (() => boolean) | undefined): TrackedPermit {
    const now = this.#clock()
    const startedAt = now - this.#lateness(now)
    const permit = new TrackedPermit(this, this.#generation, startedAt, hasAnswered)
    const state = this.#state
    if (state.is === 'half-open') {
      permit.leaseEnds = startedAt + Math.min(lease, this.#rules.slowCall?.duration ?? lease)
      state.probes.add(permit)
    } else {
      if (state.is === 'closed') state.ramp?.admit()
      this.#counter.track(permit)
    }
    return permit
  }

  /** Changes the state as far as time has by now, and returns the time; 0 when it has no part. */
  #catchUp(): number {
    if (this.#timeless) return 0
    const now = this.#clock()
    let more = true
    while (more) more = this.#advance(now)
    return now
  }

  /** Takes the next step that time has made necessary. Returns whether there may be another. */
  #advance(now: number): boolean {
    const state = this.#state
    switch (state.is) {
      case 'closed':
        if (state.ramp?.advance(now) === true) this.#become({ is: 'closed', ramp: undefined })
        return this.#countOverdue(now)
      case 'open':
        if (now < state.until) return false
        this.#enter({ is: 'half-open', probes: new Probes(this.#rules.halfOpen) }, state.until)
        return true
      case 'half-open':
        return this.#loseProbe(state.probes, now)
      case 'isolated':
        return false
    }
  }

  #loseProbe(probes: Probes, now: number): boolean {
    const probe = probes.first
    if (probe === undefined) return false
    const lateness = this.#lateness(now)
    if (now - lateness < probe.leaseEnds) return false
    probe.lost = true
    const outcome = probe.isAnswered() ? 'success' : 'failure'
    this.#judge(probes, probe, outcome, probe.cause ?? LOST_PROBE, 0, probe.leaseEnds + lateness)
    return true
  }

  #countOverdue(now: number): boolean {
    if (this.#rules.slowCall === undefined) return false
    const lateness = this.#lateness(now)
    const since = this.#counter.countOverdue(now - lateness)
    if (since === undefined) return false
    if (this.#counter.hasTripped(since + lateness)) this.#open(since + lateness)
    return true
  }

  #count(outcome: CallOutcome, cause: unknown, retryAfter: number, slow: boolean): void {
    if (outcome === 'excluded' && !slow) return
    const now = this.#counter.needsTime || outcome === 'failure' ? this.#clock() : 0
    this.#noteRetryAfter(retryAfter, now)
    if (this.#counter.count(outcome, cause, slow, now)) this.#open(this.#clock())
  }

  #judge(
    probes: Probes,
    probe: TrackedPermit,
    outcome: CallOutcome,
    cause: unknown,
    retryAfter: number,
    now: number
  ): void {
    if (outcome === 'excluded') {
      probes.giveBack(probe)
      return
    }
    if (outcome === 'failure') {
      this.#counter.causes.add(cause)
      this.#noteRetryAfter(retryAfter, now)
    }
    const isHealthy = probes.count(probe, outcome === 'success')
    if (isHealthy === true) this.#close(now)
    else if (isHealthy === false) this.#open(now)
  }

  #noteRetryAfter(retryAfter: number, now: number): void {
    if (retryAfter > 0) this.#notBefore = Math.max(this.#notBefore, now + retryAfter)
  }

  #open(now: number): void {
    this.#enter({ is: 'open', until: this.#backoff.begin(now, this.#notBefore) }, now)
  }

  #close(now: number): void {
    const { permits, ramp } = this.#rules.halfOpen
    this.#backoff.closed(now)
    this.#enter({ is: 'closed', ramp: ramp > 0 ? new Ramp(now, ramp, permits) : undefined }, now)
  }

  /** Begins a new generation. */
  #enter(state: CircuitState, now: number): void {
    const from = this.#state.is
    const causes = this.#counter.causes.toRecord()
    this.#generation++
    this.#untracked = new UntrackedCalls(this, this.#generation)
    this.#counter.clear()
    this.#notBefore = -Infinity
    this.#become(state)
    this.#enteredAt = now
    this.totals.countChange(state.is)
    // Last: a listener may use the breaker.
    this.#changed(from, state.is, causes)
  }

  #become(state: CircuitState): void {
    this.#state = state
    this.#timeless =
      state.is === 'closed' && state.ramp === undefined && this.#rules.slowCall === undefined
  }
}
