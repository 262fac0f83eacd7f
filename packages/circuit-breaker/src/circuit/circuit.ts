/**
 * The states of a circuit breaker, and how calls, time and operators change them.
 *
 * Time is read from a clock when somebody looks; no timer changes the state. Every change of state
 * begins a new generation, and a result counts only in the generation its call began in.
 */
import type { Clock } from '@holdfast/core'
import { Backoff, type BackoffRules } from './backoff.ts'
import type { WindowCounts } from './call-window.ts'
import type { Causes } from './cause-counts.ts'
import {
  type CallOutcome,
  type Permit,
  type PermitOwner,
  TrackedPermit,
  UntrackedPermit
} from './permit.ts'
import { type ProbeRules, Probes } from './probes.ts'
import { Ramp } from './ramp.ts'
import { TripCounter, type TripRules } from './trip-rules.ts'

/**
 * Closed: calls go through, after an opening ever more of them. Open: calls are refused. Half-open:
 * a few calls go through to probe the dependency, the others are refused. Isolated: an operator has
 * calls refused.
 */
export type BreakerState = 'closed' | 'open' | 'half-open' | 'isolated'

/** The rules of a circuit. */
export interface CircuitRules extends TripRules, BackoffRules {
  /** `ramp` is the length of a step after closing; 0 for no ramp. */
  readonly halfOpen: ProbeRules & { readonly ramp: number }
}

/** Hears of every change of state, when it is done. */
export type Changed = (from: BreakerState, to: BreakerState, causes: Causes) => void

const LOST_PROBE = 'probe lost'
/** No circuit has this generation: what a call of it reports is ignored. */
const NO_GENERATION = -1

/** Decides which calls may be made. */
export class Circuit implements PermitOwner {
  readonly #rules: CircuitRules
  readonly #clock: Clock
  readonly #changed: Changed
  readonly #health: TripCounter
  readonly #openPeriod: Backoff
  #state: BreakerState = 'closed'
  #generation = 0
  #openUntil = Infinity
  #probes: Probes | undefined
  #ramp: Ramp | undefined
  #isolations = 0
  /** When the dependency asked to be called again. */
  #notBefore = -Infinity
  #timeless: boolean
  #inFlight = 0

  constructor(rules: CircuitRules, clock: Clock, changed: Changed) {
    this.#rules = rules
    this.#clock = clock
    this.#changed = changed
    this.#health = new TripCounter(rules)
    this.#openPeriod = new Backoff(rules)
    this.#timeless = rules.slowCall === undefined
  }

  get state(): BreakerState {
    this.#catchUp()
    return this.#state
  }

  get generation(): number {
    return this.#generation
  }

  /** Calls that did not end yet, whenever they began. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** Failures in a row. */
  get failures(): number {
    return this.#health.failures
  }

  /** Running calls that count as slow already. */
  get overdue(): number {
    return this.#health.overdue
  }

  /** What the window holds, where the rules have use for one. */
  get counts(): WindowCounts | undefined {
    return this.#health.countsAt(this.#clock())
  }

  /** Openings since it was last stable. */
  get openings(): number {
    return this.#openPeriod.openings
  }

  /** The most calls of the present step, on the way back from an opening. */
  get rampLimit(): number | undefined {
    return this.#ramp?.limit
  }

  /**
   * Whether it is closed and time has no part in that: there is no ramp, and no bound that a
   * running call may pass. Then {@link begin} and {@link end} will do for a call.
   */
  get timeless(): boolean {
    return this.#timeless
  }

  /** Milliseconds until a call may be let through; 0 when one would be now. */
  refusal(): number {
    if (this.#timeless) return 0
    const now = this.#catchUp()
    if (this.#state === 'open') return this.#openUntil - now
    if (this.#state === 'isolated') return this.#rules.resetTimeout
    return (this.#probes ?? this.#ramp)?.refusal(now) ?? 0
  }

  /**
   * Lets a call through. Ask {@link refusal} first: this does not look at the state again, but for
   * where the call belongs.
   *
   * @param lease milliseconds after which the call, if it is a probe, counts as lost
   */
  admit(lease: number, hasAnswered?: () => boolean): Permit {
    this.#inFlight++
    if (this.#timeless) return new UntrackedPermit(this, this.#generation)
    const { slowCall } = this.#rules
    const now = this.#clock()
    const ticket = new TrackedPermit(this, this.#generation, now, hasAnswered)
    if (this.#probes !== undefined) {
      ticket.leaseEnds = now + Math.min(lease, slowCall?.duration ?? lease)
      this.#probes.add(ticket)
    } else {
      this.#ramp?.admit()
      this.#health.follow(ticket)
    }
    return ticket
  }

  /** Lets a call through that should have been refused: it counts for nothing but being there. */
  admitUncounted(): Permit {
    this.#inFlight++
    return new UntrackedPermit(this, NO_GENERATION)
  }

  /** A call of a {@link timeless} circuit begins, without a permit. */
  begin(): void {
    this.#inFlight++
  }

  /** A call ends that began while the circuit was {@link timeless}. */
  end(generation: number, outcome: CallOutcome, cause: unknown, retryAfter: number): void {
    this.#inFlight--
    if (generation === this.#generation) this.#count(outcome, cause, retryAfter, false)
  }

  answer(ticket: TrackedPermit): void {
    this.#catchUp()
    if (ticket.generation === this.#generation) this.#health.excuse(ticket)
  }

  settle(ticket: TrackedPermit, outcome: CallOutcome, cause: unknown, retryAfter: number): void {
    this.#inFlight--
    // A probe whose lease ends just now is lost all the same, but told by its cause.
    if (outcome === 'failure') ticket.cause = cause
    const now = this.#catchUp()
    if (ticket.generation !== this.#generation || ticket.lost) return
    if (this.#probes !== undefined) {
      this.#judge(this.#probes, ticket, outcome, cause, retryAfter, now)
      return
    }
    this.#health.leave(ticket)
    this.#count(outcome, cause, retryAfter, ticket.overdue)
  }

  /** Refuses every call until as many {@link release}s. */
  isolate(): void {
    const now = this.#catchUp()
    if (this.#isolations++ === 0) this.#enter('isolated', now)
  }

  release(): void {
    if (--this.#isolations === 0) this.#close(this.#clock())
  }

  /** Lets time change the state as far as it would have by now, and returns the time. */
  #catchUp(): number {
    if (this.#timeless) return 0
    const now = this.#clock()
    let more = true
    while (more) more = this.#advance(now)
    return now
  }

  /** Takes the next step that time has made necessary. Returns whether there may be another. */
  #advance(now: number): boolean {
    if (this.#state === 'open') {
      if (now < this.#openUntil) return false
      this.#enter('half-open', this.#openUntil)
      return true
    }
    if (this.#probes !== undefined) return this.#loseProbe(this.#probes, now)
    if (this.#ramp?.advance(now) === true) {
      this.#ramp = undefined
      this.#timeless = this.#rules.slowCall === undefined
    }
    return this.#meetOverdue(now)
  }

  #loseProbe(probes: Probes, now: number): boolean {
    const probe = probes.first
    if (probe === undefined || now < probe.leaseEnds) return false
    probe.lost = true
    const outcome = probe.isAnswered() ? 'success' : 'failure'
    this.#judge(probes, probe, outcome, probe.cause ?? LOST_PROBE, 0, probe.leaseEnds)
    return true
  }

  #meetOverdue(now: number): boolean {
    const since = this.#health.meetOverdue(now)
    if (since === undefined) return false
    if (this.#health.isSick(since)) this.#open(since)
    return true
  }

  #count(outcome: CallOutcome, cause: unknown, retryAfter: number, slow: boolean): void {
    if (outcome === 'excluded' && !slow) return
    const now = this.#health.needsTime || outcome === 'failure' ? this.#clock() : 0
    this.#heed(retryAfter, now)
    if (this.#health.count(outcome, cause, slow, now)) this.#open(this.#clock())
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
      this.#health.causes.add(cause)
      this.#heed(retryAfter, now)
    }
    const isWell = probes.count(probe, outcome === 'success')
    if (isWell === true) this.#close(now)
    else if (isWell === false) this.#open(now)
  }

  #heed(retryAfter: number, now: number): void {
    if (retryAfter > 0) this.#notBefore = Math.max(this.#notBefore, now + retryAfter)
  }

  #open(now: number): void {
    this.#openUntil = this.#openPeriod.begin(now, this.#notBefore)
    this.#enter('open', now)
  }

  #close(now: number): void {
    this.#openPeriod.closed(now)
    this.#enter('closed', now)
  }

  #enter(to: BreakerState, now: number): void {
    const from = this.#state
    const causes = this.#health.causes.toRecord()
    const { halfOpen, slowCall } = this.#rules
    this.#state = to
    this.#generation++
    this.#health.clear()
    this.#notBefore = -Infinity
    this.#probes = to === 'half-open' ? new Probes(halfOpen) : undefined
    this.#ramp =
      to === 'closed' && halfOpen.ramp > 0
        ? new Ramp(now, halfOpen.ramp, halfOpen.permits)
        : undefined
    this.#timeless = to === 'closed' && this.#ramp === undefined && slowCall === undefined
    // Last: whoever listens may use the breaker.
    this.#changed(from, to, causes)
  }
}
