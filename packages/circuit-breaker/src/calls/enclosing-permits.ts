/**
 * Calls within calls of the same breaker. While a breaker lets only some calls through, the outer
 * call holds the permit that the inner one would ask for: so the inner call takes part in that
 * permit, and asks for none.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { CallTotals } from '../circuit/call-totals.ts'
import { type CallOutcome, OneShotPermit, type Permit } from '../circuit/permit.ts'

/** The permit that runs in the present async context, innermost first. */
const storage = new AsyncLocalStorage<EnclosingPermit>()
/** How many permits run functions. */
let running = 0

/** A permit in which calls of the same breaker take part, when they are made within its `run`. */
export class EnclosingPermit extends OneShotPermit {
  readonly #breaker: object
  readonly #outer: EnclosingPermit | undefined = storage.getStore()
  /** The permit of the circuit, until it ends: an async context may outlive it by far. */
  #permit: Permit | undefined
  #runs = false

  constructor(breaker: object, permit: Permit) {
    super()
    this.#breaker = breaker
    this.#permit = permit
  }

  override run<T>(fn: () => T): T {
    if (this.hasEnded) return fn()
    if (!this.#runs) running++
    this.#runs = true
    return storage.run(this, fn)
  }

  /** The innermost of these permits that is the breaker's, and of which `isValid` holds. */
  find(breaker: object, isValid: (permit: Permit) => boolean): EnclosingPermit | undefined {
    const permit = this.#permit
    if (this.#breaker === breaker && permit !== undefined && isValid(permit)) return this
    return this.#outer?.find(breaker, isValid)
  }

  protected passOnAnswer(): void {
    this.#permit?.answered()
  }

  protected passOnEnd(outcome: CallOutcome, cause: unknown, retryAfter: number): void {
    const permit = this.#permit
    this.#permit = undefined
    if (this.#runs) running--
    // On Node 20 and 22 a storage in use makes every promise of the process slower.
    if (running === 0) storage.disable()
    permit?.end(outcome, cause, retryAfter)
  }
}

/** The permit of a call within another one: its failure is that of the outer call. */
export class InnerPermit extends OneShotPermit {
  readonly #outer: EnclosingPermit
  readonly #totals: CallTotals

  constructor(outer: EnclosingPermit, totals: CallTotals) {
    super()
    this.#outer = outer
    this.#totals = totals
  }

  protected passOnAnswer(): void {}

  protected passOnEnd(outcome: CallOutcome, cause: unknown, retryAfter: number): void {
    this.#totals.countCall(outcome)
    if (outcome === 'failure') this.#outer.end(outcome, cause, retryAfter)
  }
}

/**
 * The permit of the breaker that the present call is made within; `undefined` when there is none.
 *
 * @param isValid whether a permit of the circuit still counts
 */
export function enclosingPermitOf(
  breaker: object,
  isValid: (permit: Permit) => boolean
): EnclosingPermit | undefined {
  return storage.getStore()?.find(breaker, isValid)
}
