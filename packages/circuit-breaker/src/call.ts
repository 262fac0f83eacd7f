/**
 * One call under a breaker: how long it may take, and the signal that tells it to stop.
 */
import type { Clock } from '@holdfast/core'

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

// setTimeout takes a longer delay for 1 ms.
const LONGEST_TIMER = 2 ** 31 - 1

/** A call, and the power to end it. */
export class BoundedCall implements Call {
  readonly #clock: Clock
  readonly #deadline: number
  readonly #timeout: number
  readonly #callersSignal: AbortSignal | undefined
  #controller: AbortController | undefined
  #ended: { readonly reason: unknown } | undefined

  /** @param timeout milliseconds, `Infinity` for none */
  constructor(clock: Clock, timeout: number, callersSignal: AbortSignal | undefined) {
    this.#clock = clock
    this.#timeout = timeout
    this.#deadline = timeout === Infinity ? Infinity : clock() + timeout
    this.#callersSignal = callersSignal
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#ended !== undefined) this.#controller.abort(this.#ended.reason)
    }
    return this.#controller.signal
  }

  get remaining(): number {
    return this.#deadline === Infinity ? Infinity : Math.max(0, this.#deadline - this.#clock())
  }

  /**
   * Runs `fn` and settles as it does, or before that with the reason to stop it: `timeoutError()`
   * or the caller's. What `fn` does later is ignored.
   */
  async run<T>(fn: (call: Call) => T | PromiseLike<T>, timeoutError: () => Error): Promise<T> {
    if (this.#timeout === Infinity && this.#callersSignal === undefined) return fn(this)
    const signal = this.#callersSignal
    let timer: NodeJS.Timeout | undefined
    let stopWithCaller: (() => void) | undefined
    try {
      return await new Promise<T>((resolve, reject) => {
        const stop = (reason: unknown): void => {
          reject(reason)
          this.#abort(reason)
        }
        if (this.#timeout !== Infinity) {
          const delay = Math.min(this.#timeout, LONGEST_TIMER)
          timer = setTimeout(() => stop(timeoutError()), delay).unref()
        }
        stopWithCaller = () => stop(signal?.reason)
        signal?.addEventListener('abort', stopWithCaller, { once: true })
        // Not resolve(fn(this)): a promise that adopted another can no longer be rejected.
        Promise.resolve(fn(this)).then(resolve, reject)
      })
    } finally {
      clearTimeout(timer)
      if (stopWithCaller !== undefined) signal?.removeEventListener('abort', stopWithCaller)
    }
  }

  #abort(reason: unknown): void {
    this.#ended = { reason }
    this.#controller?.abort(reason)
  }
}
