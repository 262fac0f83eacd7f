/**
 * The calls under way, oldest first, so that one that takes too long is known at once and not when
 * it ends. A chain through the tickets themselves: each call joins and leaves without allocating.
 */
import type { TrackedPermit } from './permit.ts'

/** The running calls of one generation. */
export class RunningCalls {
  readonly #longest: number
  #oldest: TrackedPermit | undefined
  #youngest: TrackedPermit | undefined
  #overdue = 0

  /** @param longest how many milliseconds a call may take: at that it has taken too long */
  constructor(longest: number) {
    this.#longest = longest
  }

  /** Calls that have taken too long and still run. */
  get overdue(): number {
    return this.#overdue
  }

  /** Takes in a call that begins, no earlier than those before it. */
  add(ticket: TrackedPermit): void {
    ticket.running = true
    ticket.previous = this.#youngest
    if (this.#youngest === undefined) this.#oldest = ticket
    else this.#youngest.next = ticket
    this.#youngest = ticket
  }

  /** The rest of a call may take as long as it likes; one that is overdue stays so. */
  excuse(ticket: TrackedPermit): void {
    if (ticket.running) this.#unlink(ticket)
  }

  /** Lets go of a call that ended. */
  remove(ticket: TrackedPermit): void {
    if (ticket.overdue) this.#overdue--
    else this.excuse(ticket)
  }

  /**
   * Takes the oldest call that has become overdue by now, if one has. It is counted from then on.
   * Returns when that was.
   */
  takeOverdue(now: number): number | undefined {
    let ticket = this.#oldest
    while (ticket !== undefined && now >= ticket.startedAt + this.#longest) {
      this.#unlink(ticket)
      if (!ticket.isAnswered()) {
        ticket.overdue = true
        this.#overdue++
        return ticket.startedAt + this.#longest
      }
      ticket = this.#oldest
    }
    return undefined
  }

  clear(): void {
    this.#oldest = this.#youngest = undefined
    this.#overdue = 0
  }

  #unlink(ticket: TrackedPermit): void {
    const { previous, next } = ticket
    if (previous === undefined) this.#oldest = next
    else previous.next = next
    if (next === undefined) this.#youngest = previous
    else next.previous = previous
    ticket.previous = ticket.next = undefined
    ticket.running = false
  }
}
