/**
 * The circuit breaker: closed, open, half-open.
 *
 * Time is read from a clock when somebody looks; no timer changes the state. Every change of state
 * begins a new generation, and a result counts only in the generation its call began in.
 */
import { type Clock, describe, InvalidOptionError } from '@holdfast/core'
import { BoundedCall, type Call } from './call.ts'
import { CauseCounts } from './cause-counts.ts'
import { publishRefusal, publishTransition } from './channels.ts'
import { outcomeOfError } from './classify.ts'
import { CallTimeoutError, CircuitOpenError } from './errors.ts'
import {
  type ExecuteOptions,
  type ResolvedBreakerOptions,
  resolveStandaloneOptions,
  resolveTimeout,
  type StandaloneBreakerOptions
} from './options.ts'
import { type Outcome, Permit, type SettlePermit } from './permit.ts'

/**
 * Closed: calls go through. Open: calls are refused. Half-open: one call at a time goes through to
 * probe the dependency, the others are refused.
 */
export type BreakerState = 'closed' | 'open' | 'half-open'

/** A breaker at one moment. */
export interface BreakerSnapshot {
  readonly name: string
  readonly state: BreakerState
  /** Failures in a row, of those that count towards the threshold. */
  readonly failures: number
  /** Permits that were not given back yet, whenever they were taken. */
  readonly inFlight: number
  /** Milliseconds until a call may be let through; 0 when one would be now. */
  readonly retryAfter: number
}

const NO_OPTIONS: ExecuteOptions = Object.freeze({})

/**
 * Stops calling what is broken. After `threshold` failures in a row it refuses calls for
 * `resetTimeout`, then lets one probe through: a success closes it, a failure opens it again.
 *
 * A probe that is not settled within `resetTimeout`, or the timeout of its call, counts as a
 * failure: one that is lost cannot hold the breaker for ever.
 */
export class CircuitBreaker {
  readonly name: string
  readonly #options: ResolvedBreakerOptions
  readonly #clock: Clock
  #state: BreakerState = 'closed'
  #generation = 0
  #inFlight = 0
  #failures = 0
  readonly #causes = new CauseCounts()
  #probing = false
  /** Asked about the probe under way when its lease is over. */
  #answered: (() => boolean) | undefined
  /** When time alone ends the state: the open period, or the lease of the probe under way. */
  #until = Infinity

  /** @throws UnknownOptionError, InvalidOptionError */
  constructor(options: StandaloneBreakerOptions = {}) {
    const resolved = resolveStandaloneOptions(options)
    this.name = resolved.name
    this.#clock = resolved.clock
    this.#options = resolved
  }

  /** The state at this moment. */
  get state(): BreakerState {
    this.#catchUp()
    return this.#state
  }

  /** Milliseconds until a call may be let through; 0 when one would be now. */
  get retryAfter(): number {
    const now = this.#catchUp()
    return this.#refuses ? this.#until - now : 0
  }

  /** Whether it is closed and no call is in flight. */
  get idle(): boolean {
    return this.#state === 'closed' && this.#inFlight === 0
  }

  snapshot(): BreakerSnapshot {
    const { name, state, retryAfter } = this
    return { name, state, failures: this.#failures, inFlight: this.#inFlight, retryAfter }
  }

  /**
   * Asks to make a call. The permit must be given back when the call ends; `null` means that the
   * breaker refuses.
   *
   * @param answered asked when the lease of a probe is over: whether the dependency has answered
   * well, and only the rest is still on its way (a long stream, a slow reader). Then the probe
   * counts as a success, else as lost
   */
  tryAcquire(answered?: () => boolean): Permit | null {
    return this.#acquire(this.#options.resetTimeout, answered)
  }

  /**
   * Makes a call: `fn` may return anything, or a promise of it. What it throws or rejects with is a
   * failure, except the refusal of another breaker. Rejects with a `CircuitOpenError` when the
   * breaker refuses, and with a `CallTimeoutError` after `timeout`; otherwise settles as `fn` does.
   * With a `fallback`, that answers instead.
   *
   * @throws UnknownOptionError, InvalidOptionError (as a rejection)
   */
  async execute<T, Fallback = never>(
    fn: (call: Call) => T | PromiseLike<T>,
    options: ExecuteOptions<Fallback> = NO_OPTIONS
  ): Promise<T | Fallback> {
    if (typeof fn !== 'function') {
      throw new InvalidOptionError('fn of execute(fn)', 'a function', describe(fn))
    }
    const timeout = options === NO_OPTIONS ? Infinity : resolveTimeout(options)
    const { signal, fallback } = options
    signal?.throwIfAborted()

    const { resetTimeout } = this.#options
    const permit = this.#acquire(timeout === Infinity ? resetTimeout : timeout)
    if (permit === null) {
      const error = new CircuitOpenError(this.name, this.retryAfter)
      if (fallback !== undefined) return fallback(error)
      throw error
    }
    try {
      const call = new BoundedCall(this.#clock, timeout, signal)
      const result = await call.run(fn, () => new CallTimeoutError(this.name, timeout))
      permit.success()
      return result
    } catch (error) {
      if (signal?.aborted === true) {
        permit.exclude()
        throw error
      }
      if (outcomeOfError(error) === 'excluded') permit.exclude()
      else permit.failure(error)
      if (fallback !== undefined) return fallback(error)
      throw error
    }
  }

  /** @param lease milliseconds after which the permit, if it is a probe's, counts as lost */
  #acquire(lease: number, answered?: () => boolean): Permit | null {
    const now = this.#catchUp()
    if (this.#refuses) {
      publishRefusal(this, this.#until - now)
      return null
    }
    if (this.#state === 'half-open') {
      this.#probing = true
      this.#until = now + lease
      this.#answered = answered
    }
    this.#inFlight++
    return new Permit(this.#settle, this.#generation)
  }

  get #refuses(): boolean {
    return this.#state === 'open' || this.#probing
  }

  /** Lets time change the state as far as it would have by now, and returns the time. */
  #catchUp(): number {
    // A closed breaker does not change with time.
    if (this.#state === 'closed') return 0
    const now = this.#clock()
    if (this.#probing && now >= this.#until) {
      if (this.#answered?.() === true) {
        this.#enter('closed', Infinity)
      } else {
        this.#causes.add('probe lost')
        this.#open(this.#until)
      }
    }
    if (this.#state === 'open' && now >= this.#until) this.#enter('half-open', Infinity)
    return now
  }

  readonly #settle: SettlePermit = (generation, outcome, cause) => {
    this.#inFlight--
    // A failure ends a probe as its lost lease would, but it tells the cause.
    if (outcome !== 'failure') this.#catchUp()
    if (generation !== this.#generation) return
    if (this.#state === 'closed') this.#count(outcome, cause)
    else this.#judgeProbe(outcome, cause)
  }

  #count(outcome: Outcome, cause: unknown): void {
    if (outcome === 'excluded') return
    if (outcome === 'success') {
      if (this.#failures > 0) this.#forget()
      return
    }
    this.#failures++
    this.#causes.add(cause)
    if (this.#failures >= this.#options.threshold) this.#open(this.#clock())
  }

  #judgeProbe(outcome: Outcome, cause: unknown): void {
    if (outcome === 'success') {
      this.#enter('closed', Infinity)
    } else if (outcome === 'failure') {
      this.#causes.add(cause)
      this.#open(Math.min(this.#clock(), this.#until))
    } else {
      this.#probing = false
      this.#until = Infinity
    }
  }

  #open(at: number): void {
    this.#enter('open', at + this.#options.resetTimeout)
  }

  #enter(to: BreakerState, until: number): void {
    const from = this.#state
    const causes = this.#causes.toRecord()
    this.#state = to
    this.#until = until
    this.#generation++
    this.#probing = false
    this.#answered = undefined
    this.#forget()
    // Last: whoever listens may use the breaker.
    publishTransition(this, from, to, causes)
  }

  #forget(): void {
    this.#failures = 0
    this.#causes.clear()
  }
}
