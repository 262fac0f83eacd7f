/**
 * Calls within calls of the same breaker. While a breaker lets only some calls through, the outer
 * call holds the permit that the inner one would ask for: so the inner call takes part in that
 * permit, and asks for none.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { type CallOutcome, OneShotPermit, type Permit } from '../circuit/permit.ts'

/** The permit that runs in the present async context, innermost first. */
const storage = new AsyncLocalStorage<EnclosingPermit>()
/** How many permits run functions. */
let running = 0

/** A permit in which calls of the same breaker take part, when they are made within its `run`. */
export class EnclosingPermit extends OneShotPermit {
  /** The permit of the circuit. */
  readonly permit: Permit
  readonly #breaker: object
  readonly #outer: EnclosingPermit | undefined = storage.getStore()
  #runs = false

  constructor(breaker: object, permit: Permit) {
    super()
    this.#breaker = breaker
    this.permit = permit
  }

  override run<T>(fn: () => T): T {
    if (this.hasEnded) return fn()
    if (!this.#runs) running++
    this.#runs = true
    return storage.run(this, fn)
  }

  /** The innermost of these permits that is the breaker's and has not ended. */
  find(breaker: object): EnclosingPermit | undefined {
    if (this.#breaker === breaker && !this.hasEnded) return this
    return this.#outer?.find(breaker)
  }

  protected passOnAnswer(): void {
    this.permit.answered()
  }

  protected passOnEnd(outcome: CallOutcome, cause: unknown, retryAfter: number): void {
    if (this.#runs) running--
    // On Node 20 and 22 a storage in use makes every promise of the process slower.
    if (running === 0) storage.disable()
    this.permit.end(outcome, cause, retryAfter)
  }
}

/** The permit of a call within another one: its failure is that of the outer call. */
export class InnerPermit extends OneShotPermit {
  readonly #outer: EnclosingPermit

  constructor(outer: EnclosingPermit) {
    super()
    this.#outer = outer
  }

  protected passOnAnswer(): void {}

  protected passOnEnd(outcome: CallOutcome, cause: unknown, retryAfter: number): void {
    if (outcome === 'failure') this.#outer.end(outcome, cause, retryAfter)
  }
}

/** The permit of the breaker that the present call is made within; `undefined` when there is none. */
export function enclosingPermitOf(breaker: object): EnclosingPermit | undefined {
  return storage.getStore()?.find(breaker)
}
