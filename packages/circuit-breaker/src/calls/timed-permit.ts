/**
 * How long a call took, for those who listen.
 */
import type { Clock } from '@holdfast/core'
import { type CallOutcome, OneShotPermit, type Permit } from '../circuit/permit.ts'

/** Told that a call has ended, and how many milliseconds it took. */
export type TimedEnd = (outcome: CallOutcome, duration: number) => void

/** A permit that tells how long its call took. */
export class TimedPermit extends OneShotPermit {
  readonly #permit: Permit
  readonly #clock: Clock
  readonly #ended: TimedEnd
  readonly #startedAt: number

  constructor(permit: Permit, clock: Clock, ended: TimedEnd) {
    super()
    this.#permit = permit
    this.#clock = clock
    this.#ended = ended
    this.#startedAt = clock()
  }

  override run<T>(fn: () => T): T {
    return this.#permit.run(fn)
  }

  protected passOnAnswer(): void {
    this.#permit.answered()
  }

  protected passOnEnd(outcome: CallOutcome, cause: unknown, retryAfter: number): void {
    const duration = this.#clock() - this.#startedAt
    this.#permit.end(outcome, cause, retryAfter)
    this.#ended(outcome, duration)
  }
}
