/**
 * The circuit breaker, as it is used: around calls, by permits, by operators. What it decides is
 * the circuit's.
 */
import { type Clock, describe, InvalidOptionError } from '@holdfast/core'
import { BoundedCall, type Call, type CallObserver, EndlessCall, started } from './calls/call.ts'
import {
  type CallBounds,
  type ExecuteOptions,
  resolveExecuteOptions
} from './calls/execute-options.ts'
import { publishRefusal, publishTransition } from './channels.ts'
import type { WindowCounts } from './circuit/call-window.ts'
import { type BreakerState, Circuit } from './circuit/circuit.ts'
import type { CallOutcome, Permit } from './circuit/permit.ts'
import { steadyClock } from './circuit/steady-clock.ts'
import { judge, outcomeOfError } from './classify.ts'
import { CallTimeoutError, CircuitFullError, CircuitOpenError } from './errors.ts'
import { resolveStandaloneOptions, type StandaloneBreakerOptions } from './options.ts'
import { retryAfterOf } from './retry-after.ts'
import type { BreakerRules } from './rules.ts'

/** A breaker at one moment. */
export interface BreakerSnapshot {
  readonly name: string
  readonly state: BreakerState
  /** It tells what it would do, and refuses nothing. */
  readonly shadow: boolean
  /** Failures in a row. */
  readonly failures: number
  /** What is in the window; `undefined` where the rules have no use for one. */
  readonly window: WindowCounts | undefined
  /** Running calls that have taken too long already. */
  readonly overdue: number
  /** Permits that were not given back yet, whenever they were taken. */
  readonly inFlight: number
  /** Calls that were given up (timeout, the caller left) and run on all the same. */
  readonly abandoned: number
  /** Openings since it was last stable: the open period is doubled with each. */
  readonly openings: number
  /** The most calls of the present step, while it lets callers back in; else `undefined`. */
  readonly ramp: number | undefined
  /** Milliseconds until a call may be let through; 0 when one would be now. */
  readonly retryAfter: number
}

/** A switch that an operator has thrown. Disposed of, it is back; more often does nothing. */
export interface OperatorSwitch extends Disposable {
  /** The same as `[Symbol.dispose]()`. */
  release(): void
}

const NO_OPTIONS: ExecuteOptions = Object.freeze({})

/** What the ends of plain calls do: the same for all calls of a generation. */
interface PlainEnds {
  readonly generation: number
  resolved<T>(value: T): T
  rejected(error: unknown): never
}

/**
 * Stops calling what is broken: it opens after failures in a row, a rate of failures or of slow
 * calls, refuses calls for a while, lets a few probes through, and closes when these succeed.
 *
 * A probe that is not settled within `resetTimeout`, or the timeout of its call, counts as a
 * failure: one that is lost cannot hold the breaker for ever.
 */
export class CircuitBreaker {
  readonly name: string
  /** The options it goes by, complete and in milliseconds. */
  readonly rules: BreakerRules
  readonly #clock: Clock
  readonly #circuit: Circuit
  #shadows = 0
  #abandoned = 0
  #plainEnds: PlainEnds

  /** @throws UnknownOptionError, InvalidOptionError */
  constructor(options: StandaloneBreakerOptions = {}) {
    const { name, clock, random, rules } = resolveStandaloneOptions(options)
    this.name = name
    this.rules = rules
    this.#clock = steadyClock(clock)
    this.#circuit = new Circuit({ ...rules, random }, this.#clock, (from, to, causes) => {
      publishTransition({ breaker: this, name, from, to, causes, shadow: this.isShadow })
    })
    this.#plainEnds = this.#endsOf(this.#circuit.generation)
  }

  /** The state at this moment. In shadow, the state it would have. */
  get state(): BreakerState {
    return this.#circuit.state
  }

  /** Milliseconds until a call may be let through; 0 when one would be now. */
  get retryAfter(): number {
    const retryAfter = this.#circuit.refusal()
    return this.#isEnforced ? retryAfter : 0
  }

  /** Whether it is closed and no call is in flight. */
  get idle(): boolean {
    return this.state === 'closed' && this.#circuit.inFlight + this.#abandoned === 0
  }

  /** Whether it is in shadow: it counts and tells what it would do, and refuses nothing. */
  get isShadow(): boolean {
    return this.#shadows > 0 || this.rules.mode === 'shadow'
  }

  snapshot(): BreakerSnapshot {
    const { name, state, isShadow, retryAfter } = this
    const { failures, counts, overdue, inFlight, openings, rampLimit } = this.#circuit
    return {
      name,
      state,
      shadow: isShadow,
      failures,
      window: counts && {
        judged: counts.judged,
        failures: counts.failures,
        slow: counts.slow,
        slowUnjudged: counts.slowUnjudged
      },
      overdue,
      inFlight,
      abandoned: this.#abandoned,
      openings,
      ramp: rampLimit,
      retryAfter
    }
  }

  /** Has every call refused, in shadow too, until the switch is released; then it closes. */
  isolate(): OperatorSwitch {
    this.#circuit.isolate()
    return operatorSwitch(() => this.#circuit.release())
  }

  /** Puts it in shadow until the switch is released: it counts as ever, and refuses nothing. */
  shadow(): OperatorSwitch {
    this.#shadows++
    return operatorSwitch(() => this.#shadows--)
  }

  /**
   * Asks to make a call. The permit must be given back when the call ends; `null` means that the
   * breaker refuses.
   *
   * @param answered asked when the lease of a probe is over, or the call has taken too long:
   * whether the dependency has answered well, and only the rest is still on its way (a long stream,
   * a slow reader). Then the probe counts as a success, and the call is not slow
   */
  tryAcquire(answered?: () => boolean): Permit | null {
    const retryAfter = this.#askCircuit()
    if (retryAfter > 0 && this.#isEnforced) return null
    return this.#admit(retryAfter, this.rules.resetTimeout, answered)
  }

  /**
   * Makes a call: `fn` may return anything, or a promise of it. What it throws or rejects with is a
   * failure, except the refusal of another breaker; `classify` may see it otherwise. Rejects with a
   * `CircuitOpenError` when the breaker refuses, with a `CircuitFullError` when `maxConcurrent`
   * calls run, and with a `CallTimeoutError` after `timeout`; otherwise settles as `fn` does. With a
   * `fallback`, that answers instead.
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
    if (options !== undefined) return this.#executeWith(fn, options)
    return this.#circuit.timeless ? this.#executePlainly(fn) : this.#executeWith(fn, NO_OPTIONS)
  }

  /** The way of nearly all calls: nothing is allocated for them that need not be. */
  #executePlainly<T>(fn: (call: Call) => T | PromiseLike<T>): Promise<T> {
    const circuit = this.#circuit
    const { generation } = circuit
    if (this.#plainEnds.generation !== generation) this.#plainEnds = this.#endsOf(generation)
    const { resolved, rejected } = this.#plainEnds
    circuit.begin()
    return started(fn, new EndlessCall()).then<T, never>(resolved, rejected)
  }

  #endsOf(generation: number): PlainEnds {
    const circuit = this.#circuit
    return {
      generation,
      resolved: (value) => {
        const outcome = this.#judgeValue(value)
        circuit.end(generation, outcome, value, outcome === 'failure' ? retryAfterOf(value) : 0)
        return value
      },
      rejected: (error) => {
        const outcome = this.#judgeError(error)
        circuit.end(generation, outcome, error, outcome === 'failure' ? retryAfterOf(error) : 0)
        throw error
      }
    }
  }

  #executeWith<T, Fallback>(
    fn: (call: Call) => T | PromiseLike<T>,
    options: ExecuteOptions<Fallback>
  ): Promise<T | Fallback> {
    let begun: Promise<T> | Error
    try {
      const bounds = resolveExecuteOptions(options)
      options.signal?.throwIfAborted()
      begun = this.#begin(fn, bounds, options.signal)
    } catch (error) {
      return Promise.reject(error)
    }
    const { fallback } = options
    if (fallback !== undefined) return this.#fallBack(begun, fallback, options.signal)
    return begun instanceof Error ? Promise.reject(begun) : begun
  }

  #fallBack<T, Fallback>(
    begun: Promise<T> | Error,
    fallback: NonNullable<ExecuteOptions<Fallback>['fallback']>,
    signal: AbortSignal | undefined
  ): Promise<T | Fallback> {
    const breaker = this.name
    if (begun instanceof Error) {
      return new Promise((resolve) => resolve(fallback(begun, { breaker, refused: true })))
    }
    return begun.catch((error: unknown) => {
      if (signal?.aborted === true) throw error
      return fallback(error, { breaker, refused: false })
    })
  }

  /** Makes a call, or returns why not. */
  #begin<T>(
    fn: (call: Call) => T | PromiseLike<T>,
    { timeout, maxConcurrent }: CallBounds,
    signal: AbortSignal | undefined
  ): Promise<T> | Error {
    const retryAfter = this.#askCircuit()
    if (retryAfter > 0 && this.#isEnforced) return new CircuitOpenError(this.name, retryAfter)
    if (this.#circuit.inFlight + this.#abandoned >= maxConcurrent) {
      publishRefusal(this, 'concurrency', 0, false)
      return new CircuitFullError(this.name, maxConcurrent)
    }
    const lease = timeout === Infinity ? this.rules.resetTimeout : timeout
    const permit = this.#admit(retryAfter, lease)
    if (timeout === Infinity && signal === undefined) return this.#runEndless(fn, permit)
    return new BoundedCall<T>(this.#keeper, permit, this.#clock, timeout, signal).run(fn)
  }

  #runEndless<T>(fn: (call: Call) => T | PromiseLike<T>, permit: Permit): Promise<T> {
    const keeper = this.#keeper
    return started(fn, new EndlessCall()).then(
      (value) => {
        keeper.resolved(permit, value)
        return value
      },
      (error: unknown) => {
        keeper.rejected(permit, error)
        throw error
      }
    )
  }

  readonly #keeper: CallObserver = {
    resolved: (permit, value) => give(permit, this.#judgeValue(value), value),
    rejected: (permit, error) => give(permit, this.#judgeError(error), error),
    timedOut: (permit, timeout) => {
      const error = new CallTimeoutError(this.name, timeout)
      this.#abandoned++
      give(permit, this.#judgeError(error), error)
      return error
    },
    left: (permit) => {
      this.#abandoned++
      permit.exclude()
    },
    over: () => {
      this.#abandoned--
    }
  }

  /** Milliseconds until the circuit lets a call through; a refusal is published. */
  #askCircuit(): number {
    const retryAfter = this.#circuit.refusal()
    if (retryAfter > 0) publishRefusal(this, 'state', retryAfter, !this.#isEnforced)
    return retryAfter
  }

  #admit(retryAfter: number, lease: number, answered?: () => boolean): Permit {
    const circuit = this.#circuit
    return retryAfter > 0 ? circuit.admitUncounted() : circuit.admit(lease, answered)
  }

  /** Whether a refusal is one: in shadow only an operator's is. */
  get #isEnforced(): boolean {
    return !this.isShadow || this.#circuit.state === 'isolated'
  }

  #judgeValue(value: unknown): CallOutcome {
    const { classify } = this.rules
    if (classify === undefined) return 'success'
    return judge(classify, { breaker: this.name, value }, 'success')
  }

  #judgeError(error: unknown): CallOutcome {
    const byDefault = outcomeOfError(error)
    if (byDefault === 'excluded') return byDefault
    return judge(this.rules.classify, { breaker: this.name, error }, byDefault)
  }
}

function give(permit: Permit, outcome: CallOutcome, cause: unknown): void {
  if (outcome === 'success') permit.success()
  else if (outcome === 'excluded') permit.exclude()
  else permit.failure(cause, retryAfterOf(cause))
}

function operatorSwitch(release: () => void): OperatorSwitch {
  let thrown = true
  const back = (): void => {
    if (thrown) release()
    thrown = false
  }
  return { release: back, [Symbol.dispose]: back }
}
