/**
 * One call under a breaker: how long it may take, and the signal that tells it to stop.
 */
import { type Clock, monotonicClock } from '@holdfast/core'
import type { Permit } from '../circuit/permit.ts'
import { type Timed, unwatch, watch } from './deadlines.ts'

/** What the function given to `execute` is called with. */
export interface Call {
  /**
   * Aborts when the call should stop: its timeout passed, or the caller's `signal` aborted. Hand it
   * to `fetch` or a driver. Made when it is first read.
   */
  readonly signal: AbortSignal
  /** Milliseconds left to the call's timeout: at least 0, and `Infinity` when it has none. */
  readonly remaining: number
}

/** A call that nothing ends but itself. */
export class EndlessCall implements Call {
  #controller: AbortController | undefined

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    return this.#controller.signal
  }

  get remaining(): number {
    return Infinity
  }
}

/** Whom calls tell what becomes of them: one of the first four, and `over` after the last two. */
export interface CallObserver {
  resolved(permit: Permit, value: unknown): void
  rejected(permit: Permit, error: unknown): void
  /** Its time was up, and it was given up. Returns the error for that. */
  timedOut(permit: Permit, timeout: number): Error
  /** The caller left, and it was given up. */
  left(permit: Permit): void
  /** A call that was given up has ended after all. */
  over(): void
}

/** A call that is given up when its time is up, or when the caller leaves. */
export class BoundedCall<T> implements Call, Timed {
  readonly #keeper: CallObserver
  readonly #permit: Permit
  readonly #clock: Clock
  readonly #timeout: number
  readonly #deadline: number
  readonly #callersSignal: AbortSignal | undefined
  #resolve!: (value: T) => void
  #reject!: (reason: unknown) => void
  #controller: AbortController | undefined
  #givenUp: { readonly reason: unknown } | undefined
  due = 0
  previous: Timed | undefined
  next: Timed | undefined

  /** @param timeout milliseconds, `Infinity` for none */
  constructor(
    keeper: CallObserver,
    permit: Permit,
    clock: Clock,
    timeout: number,
    callersSignal: AbortSignal | undefined
  ) {
    this.#keeper = keeper
    this.#permit = permit
    this.#clock = clock
    this.#timeout = timeout
    this.#deadline = timeout === Infinity ? Infinity : clock() + timeout
    this.#callersSignal = callersSignal
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#givenUp !== undefined) this.#controller.abort(this.#givenUp.reason)
    }
    return this.#controller.signal
  }

  get remaining(): number {
    return this.#deadline === Infinity ? Infinity : Math.max(0, this.#deadline - this.#clock())
  }

  /**
   * Runs `fn` and settles as it does, or before that with the reason it was given up for. What `fn`
   * does later is ignored, but for its end.
   */
  run(fn: (call: Call) => T | PromiseLike<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      if (this.#timeout !== Infinity) {
        const isMonotonic = this.#clock === monotonicClock
        watch(this, this.#timeout, isMonotonic ? this.#deadline : monotonicClock() + this.#timeout)
      }
      this.#callersSignal?.addEventListener('abort', this)
      started(fn, this).then(
        (value) => this.#fulfilled(value),
        (error: unknown) => this.#rejected(error)
      )
    })
  }

  timedOut(): void {
    this.#giveUp(this.#keeper.timedOut(this.#permit, this.#timeout))
  }

  /** The caller's signal has aborted. */
  handleEvent(): void {
    this.#keeper.left(this.#permit)
    this.#giveUp(this.#callersSignal?.reason)
  }

  #fulfilled(value: T): void {
    if (this.#isOver()) return
    this.#keeper.resolved(this.#permit, value)
    this.#resolve(value)
  }

  #rejected(error: unknown): void {
    if (this.#isOver()) return
    this.#keeper.rejected(this.#permit, error)
    this.#reject(error)
  }

  /** The call has ended. Returns whether it had been given up before. */
  #isOver(): boolean {
    if (this.#givenUp === undefined) {
      this.#letGo()
      return false
    }
    this.#keeper.over()
    return true
  }

  #giveUp(reason: unknown): void {
    this.#givenUp = { reason }
    this.#letGo()
    this.#reject(reason)
    this.#controller?.abort(reason)
  }

  #letGo(): void {
    if (this.next !== undefined) unwatch(this)
    this.#callersSignal?.removeEventListener('abort', this)
  }
}

/** Runs `fn` and returns a promise of what it returns or throws. */
export function started<T>(fn: (call: Call) => T | PromiseLike<T>, call: Call): Promise<T> {
  try {
    return Promise.resolve(fn(call))
  } catch (error) {
    return Promise.reject(error)
  }
}
