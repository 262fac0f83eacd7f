/**
 * The circuit breaker as it is used: around calls, by permits, by operators. The decisions are the
 * circuit's.
 */
import { type Clock, printable } from '@holdfast/core'
import { describe, InvalidOptionError } from '@holdfast/core/options'
import type { StandaloneBreakerOptions } from './breaker-options.ts'
import { CallEnds, type Continuations } from './call-ends.ts'
import { BoundedCall, type Call, EndlessCall, start } from './calls/call.ts'
import { EnclosingPermit, enclosingPermitOf, InnerPermit } from './calls/enclosing-permits.ts'
import {
  type CallBounds,
  type ExecuteOptions,
  resolveExecuteOptions
} from './calls/execute-options.ts'
import { withFallback } from './calls/fallback.ts'
import { type TimedEnd, TimedPermit } from './calls/timed-permit.ts'
import { hasCallListeners, publishCall, publishRefusal, publishTransition } from './channels.ts'
import type { RefusalReason } from './circuit/call-totals.ts'
import { Circuit } from './circuit/circuit.ts'
import type { CallOutcome, Permit } from './circuit/permit.ts'
import type { BreakerState } from './circuit/state.ts'
import { latenessOf, steadyClock } from './circuit/steady-clock.ts'
import { outcomeOfError, outcomeOfStatus } from './classify.ts'
import { CircuitFullError, CircuitOpenError } from './errors.ts'
import { type OperatorSwitch, operatorSwitch } from './operator-switch.ts'
import { RecentChanges } from './recent-changes.ts'
import { type BreakerRules, DEFAULTS, resolveStandaloneOptions } from './rules.ts'
import type { BreakerSnapshot, BreakerView } from './snapshot.ts'

const MAX_NAME_LENGTH = 256
const NO_OPTIONS: ExecuteOptions = Object.freeze({})

/**
 * Stops calling a dependency that is broken. It opens after failures in a row, or at a rate of
 * failures or of slow calls. It refuses calls for a while, lets a few probes through, and closes
 * when these succeed.
 *
 * A probe that has not ended within `resetTimeout`, or within the timeout of its call, counts as a
 * failure: a lost one cannot hold the breaker for ever.
 */
export class CircuitBreaker implements BreakerView {
  /**
   * Its name as it is logged and published: at most 256 characters, each control character replaced
   * by U+FFFD.
   */
  readonly name: string
  /** Its options, complete and in milliseconds. */
  readonly rules: BreakerRules
  readonly #clock: Clock
  readonly #circuit: Circuit
  readonly #ends: CallEnds
  readonly #changes = new RecentChanges()
  #shadows = 0
  /** The continuations of all untracked calls of a generation. */
  #untracked: Continuations | undefined

  /**
   * @param base the rules that the options are laid over, those of another breaker for example
   * @throws UnknownOptionError, InvalidOptionError
   */
  constructor(options: StandaloneBreakerOptions = {}, base: BreakerRules = DEFAULTS) {
    const { name, clock, random, rules } = resolveStandaloneOptions(options, base)
    this.name = printable(name, MAX_NAME_LENGTH)
    this.rules = rules
    this.#ends = new CallEnds(this.name, rules.classify)
    this.#clock = steadyClock(clock)
    const lateness = latenessOf(clock)
    this.#circuit = new Circuit({ ...rules, random }, this.#clock, lateness, (from, to, causes) => {
      this.#changes.add(to, this.#clock(), causes)
      publishTransition(this, from, to, causes)
    })
  }

  /** The state at this moment. In shadow, the state it would have. */
  get state(): BreakerState {
    return this.#circuit.state
  }

  /** Milliseconds until a call may be let through; 0 when one may be now. */
  get retryAfter(): number {
    const retryAfter = this.#circuit.waitFor()
    return this.#isEnforced ? retryAfter : 0
  }

  /** Whether it is closed and no call is in flight. */
  get idle(): boolean {
    return this.state === 'closed' && this.#circuit.inFlight + this.#ends.abandoned === 0
  }

  /** Whether it is in shadow: it counts and publishes what it would do, and refuses nothing. */
  get isShadow(): boolean {
    return this.#shadows > 0 || this.rules.mode === 'shadow'
  }

  snapshot(): BreakerSnapshot {
    const { name, state, isShadow, retryAfter } = this
    const circuit = this.#circuit
    const { failures, windowCounts, overdue, inFlight, openings, rampLimit } = circuit
    return {
      name,
      state,
      lasted: circuit.lasted,
      shadow: isShadow,
      failures,
      window: windowCounts && {
        judged: windowCounts.judged,
        failures: windowCounts.failures,
        slow: windowCounts.slow,
        slowUnjudged: windowCounts.slowUnjudged
      },
      overdue,
      inFlight,
      abandoned: this.#ends.abandoned,
      fallbacks: this.#ends.fallbacks,
      openings,
      ramp: rampLimit,
      retryAfter,
      changes: this.#changes.toRecords(this.#clock()),
      totals: circuit.totals.toRecord()
    }
  }

  /** Refuses every call, in shadow too, until the switch is released; then it closes. */
  isolate(): OperatorSwitch {
    this.#circuit.isolate()
    return operatorSwitch(() => this.#circuit.release())
  }

  /** Puts it in shadow until the switch is released: it counts as before, and refuses nothing. */
  shadow(): OperatorSwitch {
    this.#shadows++
    return operatorSwitch(() => this.#shadows--)
  }

  /**
   * Refuses early, before anything is done for a call: returns the milliseconds until one may be let
   * through, and counts and publishes a refusal unless that is 0. Where it is 0, ask for a permit when
   * the call is made.
   */
  refuseEarly(): number {
    const { retryAfter } = this
    if (retryAfter > 0) this.#noteRefusal('state', retryAfter, false)
    return retryAfter
  }

  /**
   * Asks to make a call. The permit must be ended when the call ends; `null` means that the breaker
   * refuses.
   *
   * @param answered called when the lease of a probe ends, or when the call has taken too long:
   * whether the dependency has answered well, and only the rest of its answer is on the way (a long
   * stream, a slow reader). Then the probe counts as a success, and the call is not slow
   */
  tryAcquire(answered?: () => boolean): Permit | null {
    const retryAfter = this.#askCircuit()
    if (retryAfter > 0 && this.#isEnforced) return null
    return this.#admit(retryAfter, this.rules.resetTimeout, answered)
  }

  /** The error of a call that it refuses at this moment. */
  refusal(): CircuitOpenError {
    return new CircuitOpenError(this.name, this.#circuit.waitFor())
  }

  /** What the result of a call means: by `classify`, and by the default rule where that is silent. */
  judge(result: { readonly error: unknown } | { readonly statusCode: number }): CallOutcome {
    const { classify } = this.rules
    return 'statusCode' in result
      ? outcomeOfStatus(classify, this.name, result.statusCode)
      : outcomeOfError(classify, this.name, result.error)
  }

  /**
   * Makes a call: `fn` may return anything, or a promise of it. What it throws or rejects with is a
   * failure, except the refusal of another breaker; `classify` may decide otherwise.
   *
   * Rejects with a `CircuitOpenError` when the breaker refuses, with a `CircuitFullError` when
   * `maxConcurrent` calls run, and with a `CallTimeoutError` after `timeout`; otherwise settles as
   * `fn` does. With a `fallback`, that answers instead.
   *
   * @throws UnknownOptionError, InvalidOptionError (as a rejection)
   */
  execute<T, Fallback = never>(
    fn: (call: Call) => T | PromiseLike<T>,
    options?: ExecuteOptions<Fallback>
  ): Promise<T | Fallback> {
    if (typeof fn !== 'function') {
      const error = new InvalidOptionError('fn of execute(fn)', 'a function', describe(fn))
      return Promise.reject(error)
    }
    if (options !== undefined || hasCallListeners()) return this.#executeWith(fn, options)
    // Nearly all calls go this way: nothing is allocated for them that need not be.
    const end = this.#circuit.admitUntracked()
    if (end === undefined) return this.#executeWith(fn)
    let shared = this.#untracked
    if (shared === undefined || shared.end !== end) {
      shared = this.#ends.continuationsOf(end)
      this.#untracked = shared
    }
    return start(fn, new EndlessCall()).then<T, never>(shared.resolved, shared.rejected)
  }

  #executeWith<T, Fallback>(
    fn: (call: Call) => T | PromiseLike<T>,
    options: ExecuteOptions<Fallback> = NO_OPTIONS
  ): Promise<T | Fallback> {
    let call: Promise<T> | Error
    try {
      const bounds = resolveExecuteOptions(options)
      options.signal?.throwIfAborted()
      call = this.#call(fn, bounds, options.signal)
    } catch (error) {
      return Promise.reject(error)
    }
    return withFallback(call, options, this.name, this.#ends)
  }

  /** Makes a call, or returns why not. */
  #call<T>(
    fn: (call: Call) => T | PromiseLike<T>,
    { timeout, maxConcurrent }: CallBounds,
    signal: AbortSignal | undefined
  ): Promise<T> | Error {
    const retryAfter = this.#askCircuit()
    if (retryAfter > 0 && this.#isEnforced) return new CircuitOpenError(this.name, retryAfter)
    if (this.#circuit.inFlight + this.#ends.abandoned >= maxConcurrent) {
      this.#noteRefusal('concurrency', 0, false)
      return new CircuitFullError(this.name, maxConcurrent)
    }
    const lease = timeout === Infinity ? this.rules.resetTimeout : timeout
    const permit = this.#admit(retryAfter, lease)
    const run = this.#circuit.isLimiting ? within(permit, fn) : fn
    if (timeout === Infinity && signal === undefined) {
      const { resolved, rejected } = this.#ends.continuationsOf(permit)
      return start(run, new EndlessCall()).then<T, never>(resolved, rejected)
    }
    return new BoundedCall<T>(this.#ends, permit, this.#clock, timeout, signal).run(run)
  }

  /** Milliseconds until the circuit lets a call through; a refusal is published. */
  #askCircuit(): number {
    const retryAfter = this.#circuit.waitFor()
    if (retryAfter === 0 || this.#enclosing !== undefined) return 0
    this.#noteRefusal('state', retryAfter, !this.#isEnforced)
    return retryAfter
  }

  #noteRefusal(reason: RefusalReason, retryAfter: number, shadow: boolean): void {
    this.#circuit.totals.countRefusal(reason, shadow)
    publishRefusal(this, reason, retryAfter, shadow)
  }

  #admit(retryAfter: number, lease: number, answered?: () => boolean): Permit {
    const permit = this.#permit(retryAfter, lease, answered)
    return hasCallListeners() ? new TimedPermit(permit, this.#clock, this.#publishCall) : permit
  }

  readonly #publishCall: TimedEnd = (outcome, duration) => publishCall(this, outcome, duration)

  #permit(retryAfter: number, lease: number, answered?: () => boolean): Permit {
    const circuit = this.#circuit
    if (retryAfter > 0) return circuit.admitUncounted()
    if (!circuit.isLimiting) return circuit.admit(lease, answered)
    const outer = this.#enclosing
    if (outer !== undefined) return new InnerPermit(outer, circuit.totals)
    return new EnclosingPermit(this, circuit.admit(lease, answered))
  }

  /** The permit that a call made now takes part in; `undefined` when it needs its own. */
  get #enclosing(): EnclosingPermit | undefined {
    const circuit = this.#circuit
    if (!circuit.isLimiting) return undefined
    return enclosingPermitOf(this, (permit) => circuit.counts(permit))
  }

  /** Whether it refuses what the circuit refuses: in shadow only an operator does. */
  get #isEnforced(): boolean {
    return !this.isShadow || this.#circuit.state === 'isolated'
  }
}

/** Makes the calls of `fn` through the same breaker take part in its permit. */
function within<T>(
  permit: Permit,
  fn: (call: Call) => T | PromiseLike<T>
): (call: Call) => T | PromiseLike<T> {
  return (call) => permit.run(() => fn(call))
}
