/**
 * The right to make one call, and what became of the call.
 */
import { reportOnce } from '@holdfast/core'

/** A call worked, it failed, or it says nothing about the dependency. */
export type Outcome = 'success' | 'failure' | 'excluded'

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

/** Hears of the ends of its tickets. */
export interface TicketOffice {
  answer(ticket: Ticket): void
  settle(ticket: Ticket, outcome: Outcome, cause: unknown, retryAfter: number): void
}

/** A permit, with what the circuit has to know of it. */
export class Ticket implements Permit {
  readonly generation: number
  /** By the breaker's clock, where slow calls count. */
  readonly startedAt: number
  readonly #office: TicketOffice
  readonly #hasAnswered: (() => boolean) | undefined
  #settled = false

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
  previous: Ticket | undefined
  next: Ticket | undefined

  constructor(
    office: TicketOffice,
    generation: number,
    startedAt: number,
    hasAnswered: (() => boolean) | undefined
  ) {
    this.#office = office
    this.generation = generation
    this.startedAt = startedAt
    this.#hasAnswered = hasAnswered
  }

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
    if (!this.#settled) this.#office.answer(this)
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

  #end(outcome: Outcome, cause: unknown, retryAfter: number): void {
    if (this.#settled) return
    this.#settled = true
    this.#office.settle(this, outcome, cause, retryAfter)
  }
}
