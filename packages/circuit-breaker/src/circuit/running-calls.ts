/**
 * The calls that are running, oldest first, so that one that takes too long is known at once and
 * not when it ends.
 */
import { leaveRing, Ring } from '@holdfast/core'
import type { TrackedPermit } from './permit.ts'

/** The running calls of one generation. */
export class RunningCalls {
  readonly #maxDuration: number
  readonly #calls = new Ring<TrackedPermit>()
  #overdue = 0

  /** @param maxDuration milliseconds: a call that takes as long or longer has taken too long */
  constructor(maxDuration: number) {
    this.#maxDuration = maxDuration
  }

  /** Calls that have taken too long and are still running. */
  get overdue(): number {
    return this.#overdue
  }

  /** Takes in a call that begins, no earlier than those before it. */
  add(permit: TrackedPermit): void {
    this.#calls.add(permit)
  }

  /** Excuses the rest of a call, however long it takes. A call that is overdue stays so. */
  excuse(permit: TrackedPermit): void {
    leaveRing(permit)
  }

  /** Lets go of a call that ended. */
  remove(permit: TrackedPermit): void {
    if (permit.overdue) this.#overdue--
    else leaveRing(permit)
  }

  /**
   * Takes the oldest call that is overdue by now and was not before. Returns the time since when;
   * `undefined` when there is none.
   */
  takeOverdue(now: number): number | undefined {
    let permit = this.#calls.first
    while (permit !== undefined && now >= permit.startedAt + this.#maxDuration) {
      leaveRing(permit)
      if (!permit.isAnswered()) {
        permit.overdue = true
        this.#overdue++
        return permit.startedAt + this.#maxDuration
      }
      permit = this.#calls.first
    }
    return undefined
  }

  clear(): void {
    this.#calls.clear()
    this.#overdue = 0
  }
}
