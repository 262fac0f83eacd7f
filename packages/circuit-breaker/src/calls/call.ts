/**
 * One call under a breaker: how long it may take, and the signal that tells it to stop.
 */
import { AsyncResource } from 'node:async_hooks'
import {
  type AnyRequest,
  type CallersCall,
  type Clock,
  listenTo,
  monotonicClock,
  type SignalEntry,
  type Timed,
  unwatchDeadline,
  watchDeadline
} from '@holdfast/core'
import type { CallEnd } from '../circuit/permit.ts'

/** What the function given to `execute` is called with. */
export interface Call {
  /**
   * Aborts when the call should stop: its timeout has passed, or the caller's `signal` has aborted.
   * Pass it to `fetch` or a driver. Created when it is first read.
   */
  readonly signal: AbortSignal
  /** Milliseconds left to the call's timeout: at least 0, and `Infinity` when it has none. */
  readonly remaining: number
}

/** A call that only ends by itself. */
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

/** What calls report their ends to, each with the {@link CallEnd} of the call. */
export interface CallObserver {
  resolved(end: CallEnd, value: unknown): void
  rejected(end: CallEnd, error: unknown): void
  /** Its `timeout` in milliseconds has passed: it is given up. Returns the error for that. */
  timedOut(end: CallEnd, timeout: number): Error
  /** The caller has left: it is given up. */
  callerLeft(end: CallEnd): void
  /** A call that was given up has ended after all. */
  abandonedEnded(): void
  /** A fallback has answered for a call. */
  fellBack(request: AnyRequest | undefined): void
}

/**
 * A call that is given up when its time is over, or when the caller leaves. Whatever happens then
 * happens in the async context of the call, not in that of the timer or of the caller's signal.
 */
export class BoundedCall<T> implements Call, CallersCall, Timed {
  readonly #observer: CallObserver
  readonly #end: CallEnd
  readonly #clock: Clock
  readonly #timeout: number
  readonly #deadline: number
  readonly #callersSignal: AbortSignal | undefined
  readonly #context = new AsyncResource('HOLDFAST_CALL')
  #signalEntry: SignalEntry | undefined
  #resolve!: (value: T) => void
  #reject!: (reason: unknown) => void
  #controller: AbortController | undefined
  #givenUp: { readonly reason: unknown } | undefined
  due = 0
  timeout = 0
  position = -1

  /** @param timeout in milliseconds, `Infinity` for none */
  constructor(
    observer: CallObserver,
    end: CallEnd,
    clock: Clock,
    timeout: number,
    callersSignal: AbortSignal | undefined
  ) {
    this.#observer = observer
    this.#end = end
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
   * Runs `fn` and settles as it does, or earlier with the reason why the call was given up. Of what
   * `fn` does after that, only its end counts.
   */
  run(fn: (call: Call) => T | PromiseLike<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      if (this.#timeout !== Infinity) {
        const isMonotonic = this.#clock === monotonicClock
        const due = isMonotonic ? this.#deadline : monotonicClock() + this.#timeout
        watchDeadline(this, this.#timeout, due)
      }
      if (this.#callersSignal !== undefined) this.#signalEntry = listenTo(this.#callersSignal, this)
      start(fn, this).then(
        (value) => this.#fulfilled(value),
        (error: unknown) => this.#rejected(error)
      )
    })
  }

  timedOut(): void {
    this.#context.runInAsyncScope(() => {
      this.#giveUp(this.#observer.timedOut(this.#end, this.#timeout))
    })
  }

  callerLeft(): void {
    this.#context.runInAsyncScope(() => {
      this.#observer.callerLeft(this.#end)
      this.#giveUp(this.#callersSignal?.reason)
    })
  }

  #fulfilled(value: T): void {
    if (this.#wasGivenUp()) return
    this.#observer.resolved(this.#end, value)
    this.#resolve(value)
  }

  #rejected(error: unknown): void {
    if (this.#wasGivenUp()) return
    this.#observer.rejected(this.#end, error)
    this.#reject(error)
  }

  /** Notes that the call has ended. Returns whether it had been given up before. */
  #wasGivenUp(): boolean {
    if (this.#givenUp === undefined) {
      this.#letGo()
      return false
    }
    this.#observer.abandonedEnded()
    return true
  }

  #giveUp(reason: unknown): void {
    this.#givenUp = { reason }
    this.#letGo()
    this.#reject(reason)
    this.#controller?.abort(reason)
  }

  #letGo(): void {
    unwatchDeadline(this)
    this.#signalEntry?.leave()
  }
}

/** Runs `fn` and returns a promise of what it returns or throws. */
export function start<T>(fn: (call: Call) => T | PromiseLike<T>, call: Call): Promise<T> {
  try {
    return Promise.resolve(fn(call))
  } catch (error) {
    return Promise.reject(error)
  }
}
