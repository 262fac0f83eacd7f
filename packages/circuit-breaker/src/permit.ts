/**
 * What became of a call: it worked, it failed, or it says nothing about the dependency.
 */
export type Outcome = 'success' | 'failure' | 'excluded'

/** Hears of a permit's end. One function per breaker, shared by its permits. */
export type SettlePermit = (generation: number, outcome: Outcome, cause: unknown) => void

/**
 * The right to make one call. Give it back with exactly one of its three methods: the first one
 * counts, whatever is called later does nothing.
 */
export class Permit {
  readonly #settle: SettlePermit
  readonly #generation: number
  #settled = false

  /** Made by `CircuitBreaker.tryAcquire()`. */
  constructor(settle: SettlePermit, generation: number) {
    this.#settle = settle
    this.#generation = generation
  }

  /** The call worked: the dependency is well. */
  success(): void {
    this.#end('success', undefined)
  }

  /**
   * The call failed. Of `cause` only a short label is kept, for the counts that are told when the
   * breaker opens: an error's code or name, or the text itself.
   */
  failure(cause?: unknown): void {
    this.#end('failure', cause)
  }

  /** The call says nothing about the dependency. It is given back and counted as neither. */
  exclude(): void {
    this.#end('excluded', undefined)
  }

  #end(outcome: Outcome, cause: unknown): void {
    if (this.#settled) return
    this.#settled = true
    this.#settle(this.#generation, outcome, cause)
  }
}
