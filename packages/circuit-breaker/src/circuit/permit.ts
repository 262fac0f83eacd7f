/**
 * The right to make one call, and how the call ended.
 */
import { guardedCall, type RingItem } from '@holdfast/core'

/** A call worked, it failed, or it says nothing about the dependency. */
export type CallOutcome = 'success' | 'failure' | 'excluded'

/**
 * The right to make one call. End it with exactly one of `success`, `failure`, `exclude` and `end`:
 * the first one counts, a later one does nothing.
 */
export interface Permit {
  /** The call worked: the dependency is healthy. */
  success(): void
  /**
   * The call failed.
   *
   * @param cause why. Only a short label of it is kept, for the counts that are published when the
   * breaker opens: an error's code or name, or the text itself
   * @param retryAfter how many milliseconds the dependency asked to be left alone for; 0 when it
   * did not ask. The breaker stays open at least that long, but never longer than `maxResetTimeout`
   */
  failure(cause?: unknown, retryAfter?: number): void
  /** The call says nothing about the dependency, and counts as neither. */
  exclude(): void
  /** The call ended with this outcome. `cause` and `retryAfter` are those of {@link failure}. */
  end(outcome: CallOutcome, cause?: unknown, retryAfter?: number): void
  /**
   * The dependency has answered, and only the rest of its answer is on the way (a long stream, a
   * slow reader): however long that takes, the call is not a slow one. The permit must still be
   * ended.
   */
  answered(): void
  /**
   * Runs `fn`, and returns what it returns. While the breaker lets only some calls through, calls
   * through the same breaker that `fn` makes take part in this permit: they are let through, and a
   * failure of theirs ends it. At other times they ask for permits of their own.
   */
  run<T>(fn: () => T): T
}

/** Where the end of a call is told. `retryAfter` is in milliseconds, 0 for none. */
export interface CallEnd {
  end(outcome: CallOutcome, cause: unknown, retryAfter: number): void
}

/** A permit that passes on its end once. */
export abstract class OneShotPermit implements Permit, CallEnd {
  #hasEnded = false

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  success(): void {
    this.end('success')
  }

  failure(cause?: unknown, retryAfter?: number): void {
    this.end('failure', cause, retryAfter)
  }

  exclude(): void {
    this.end('excluded')
  }

  end(outcome: CallOutcome, cause: unknown = undefined, retryAfter: number = 0): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.passOnEnd(outcome, cause, retryAfter)
  }

  answered(): void {
    if (!this.#hasEnded) this.passOnAnswer()
  }

  run<T>(fn: () => T): T {
    return fn()
  }

  protected abstract passOnAnswer(): void
  protected abstract passOnEnd(outcome: CallOutcome, cause: unknown, retryAfter: number): void
}

/** Who hands out permits, and is told what becomes of them. */
export interface PermitOwner {
  endUntracked(generation: number, outcome: CallOutcome, cause: unknown, retryAfter: number): void
  endTracked(permit: TrackedPermit, outcome: CallOutcome, cause: unknown, retryAfter: number): void
  answer(permit: TrackedPermit): void
}

/**
 * The calls of one generation that time has no part in: their ends are all that counts. Each of
 * them must be ended once.
 */
export class UntrackedCalls implements CallEnd {
  readonly #owner: PermitOwner
  readonly #generation: number

  constructor(owner: PermitOwner, generation: number) {
    this.#owner = owner
    this.#generation = generation
  }

  end(outcome: CallOutcome, cause: unknown, retryAfter: number): void {
    this.#owner.endUntracked(this.#generation, outcome, cause, retryAfter)
  }
}

/** The permit of one of the {@link UntrackedCalls}. */
export class UntrackedPermit extends OneShotPermit {
  readonly #calls: UntrackedCalls

  constructor(calls: UntrackedCalls) {
    super()
    this.#calls = calls
  }

  protected passOnAnswer(): void {}

  protected passOnEnd(outcome: CallOutcome, cause: unknown, retryAfter: number): void {
    this.#calls.end(outcome, cause, retryAfter)
  }
}

/** A permit with what the circuit must know of its call: a probe's, or one that may be slow. */
export class TrackedPermit extends OneShotPermit implements RingItem {
  readonly generation: number
  /** When the call began, by the time of calls. */
  readonly startedAt: number
  readonly #owner: PermitOwner
  readonly #hasAnswered: (() => boolean) | undefined

  /** When a probe counts as lost, by the time of calls. */
  leaseEnds: number = Infinity
  /** The cause of a probe's failure, when its lease ends at the same time. */
  cause: unknown = undefined
  /** Whether the lease of a probe has ended: its outcome does not count any more. */
  lost: boolean = false
  /** Whether the call has taken too long. */
  overdue: boolean = false
  /** Its links among the running calls. */
  previous: RingItem | undefined = undefined
  next: RingItem | undefined = undefined

  constructor(
    owner: PermitOwner,
    generation: number,
    startedAt: number,
    hasAnswered: (() => boolean) | undefined
  ) {
    super()
    this.#owner = owner
    this.generation = generation
    this.startedAt = startedAt
    this.#hasAnswered = hasAnswered
  }

  /** Whether the dependency has answered well; asked when the time is over. */
  isAnswered(): boolean {
    const ask = this.#hasAnswered
    return ask !== undefined && guardedCall(ask, 'tryAcquire(answered)') === true
  }

  protected passOnAnswer(): void {
    this.#owner.answer(this)
  }

  protected passOnEnd(outcome: CallOutcome, cause: unknown, retryAfter: number): void {
    this.#owner.endTracked(this, outcome, cause, retryAfter)
  }
}
