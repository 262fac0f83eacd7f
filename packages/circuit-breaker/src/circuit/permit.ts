/**
 * The right to make one call, and what became of the call.
 */
import { reportOnce } from '@holdfast/core'

/** A call worked, it failed, or it says nothing about the dependency. */
export type CallOutcome = 'success' | 'failure' | 'excluded'

/**
 * The right to make one call. Give it back with exactly one of `success`, `failure` and `exclude`:
 * the first one counts, whatever is called later does nothing.
 */
export interface Permit {
  /** The call worked: the dependency is well. */
  success(): void
  /**
   * The call failed.
   *
   * @param cause of it only a short label is kept, for the counts that are told when the breaker
   * opens: an error's code or name, or the text itself
   * @param retryAfter how many milliseconds the dependency asked to be left alone for; 0 when it
   * did not ask. The breaker stays open at least that long, but never longer than `maxResetTimeout`
   */
  failure(cause?: unknown, retryAfter?: number): void
  /** The call says nothing about the dependency. It is given back and counted as neither. */
  exclude(): void
  /**
   * The dependency has answered, and only the rest of its answer is on the way (a long stream, a
   * slow reader): however long that takes, the call is not a slow one. The permit is still to be
   * given back.
   */
  answered(): void
}

/** A permit that passes on its end once. */
abstract class OneShotPermit implements Permit {
  #settled = false

  success(): void {
    this.#end('success', undefined, 0)
  }

  failure(cause?: unknown, retryAfter = 0): void {
    this.#end('failure', cause, retryAfter)
  }

  exclude(): void {
    this.#end('excluded', undefined, 0)
  }

  answered(): void {
    if (!this.#settled) this.answer()
  }

  #end(outcome: CallOutcome, cause: unknown, retryAfter: number): void {
    if (this.#settled) return
    this.#settled = true
    this.settle(outcome, cause, retryAfter)
  }

  protected abstract answer(): void
  protected abstract settle(outcome: CallOutcome, cause: unknown, retryAfter: number): void
}

/** Hears of the ends of calls by their generation, and of tickets. */
export interface PermitOwner {
  end(generation: number, outcome: CallOutcome, cause: unknown, retryAfter: number): void
  answer(ticket: TrackedPermit): void
  settle(ticket: TrackedPermit, outcome: CallOutcome, cause: unknown, retryAfter: number): void
}

/** A permit of which only the generation matters: time has no part in what becomes of it. */
export class UntrackedPermit extends OneShotPermit {
  readonly #office: PermitOwner
  readonly #generation: number

  constructor(office: PermitOwner, generation: number) {
    super()
    this.#office = office
    this.#generation = generation
  }

  protected answer(): void {}

  protected settle(outcome: CallOutcome, cause: unknown, retryAfter: number): void {
    this.#office.end(this.#generation, outcome, cause, retryAfter)
  }
}

/** A permit with what the circuit has to know of its call: a probe's, or one that may be slow. */
export class TrackedPermit extends OneShotPermit {
  readonly generation: number
  /** By the breaker's clock. */
  readonly startedAt: number
  readonly #office: PermitOwner
  readonly #hasAnswered: (() => boolean) | undefined

  /** When a probe counts as lost. */
  leaseEnds: number = Infinity
  /** What is known of a probe's failure, when its lease is over at the same time. */
  cause: unknown = undefined
  /** A probe whose lease is over: what becomes of it counts no more. */
  lost: boolean = false
  /** It is watched for taking too long; and it has. */
  running: boolean = false
  overdue: boolean = false
  /** Its neighbours among the running calls: older and younger. */
  previous: TrackedPermit | undefined
  next: TrackedPermit | undefined

  constructor(
    office: PermitOwner,
    generation: number,
    startedAt: number,
    hasAnswered: (() => boolean) | undefined
  ) {
    super()
    this.#office = office
    this.generation = generation
    this.startedAt = startedAt
    this.#hasAnswered = hasAnswered
  }

  /** Whether the dependency has answered well, asked when time has run out. */
  isAnswered(): boolean {
    const ask = this.#hasAnswered
    if (ask === undefined) return false
    try {
      return ask()
    } catch (error) {
      reportOnce(ask, 'tryAcquire(answered)', error)
      return false
    }
  }

  protected answer(): void {
    this.#office.answer(this)
  }

  protected settle(outcome: CallOutcome, cause: unknown, retryAfter: number): void {
    this.#office.settle(this, outcome, cause, retryAfter)
  }
}
