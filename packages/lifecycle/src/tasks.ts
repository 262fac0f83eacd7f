/**
 * Work that goes on after the answers: a mail to be sent, a file to be written. A shutdown waits
 * for it as it waits for requests.
 */
import { type Clock, leaveRing, printable, Ring, type RingItem } from '@holdfast/core'
import { PendingCount } from './pending-count.ts'

/** Work that was not done in time, as the log names it. */
export interface UnfinishedTask {
  readonly task: string
  /** Whole milliseconds since it was begun. */
  readonly age: number
}

const MAX_NAME_LENGTH = 256

interface Task extends RingItem {
  readonly name: string
  readonly startedAt: number
}

/** The work that is under way. */
export class Tasks {
  readonly #tasks = new Ring<Task>()
  /** Tasks alone. */
  #own = new PendingCount()
  /** Tasks and requests together. */
  readonly #pending: PendingCount
  readonly #clock: Clock
  readonly #onFailure: (name: string, error: unknown) => void

  /** @param onFailure told of work that fails, since nobody else is */
  constructor(
    pending: PendingCount,
    clock: Clock,
    onFailure: (name: string, error: unknown) => void
  ) {
    this.#pending = pending
    this.#clock = clock
    this.#onFailure = onFailure
  }

  /** Counts work in, and out when its promise settles. */
  add(name: string, work: PromiseLike<unknown>): void {
    const own = this.#own
    const startedAt = this.#clock()
    const task: Task = { name, startedAt, previous: undefined, next: undefined }
    this.#tasks.add(task)
    own.begin()
    this.#pending.begin()
    const end = (): void => {
      leaveRing(task)
      own.end()
      this.#pending.end()
    }
    // What only looks like a promise may throw, or settle twice; a promise does neither.
    Promise.resolve(work).then(end, (error) => {
      end()
      this.#onFailure(name, error)
    })
  }

  get count(): number {
    return this.#own.count
  }

  /** Resolves when no task is under way. */
  whenNone(): Promise<void> {
    return this.#own.whenNone()
  }

  /** Gives up the tasks under way, and returns them, the oldest first. */
  giveUp(): UnfinishedTask[] {
    const unfinished = this.unfinished()
    this.#tasks.clear()
    this.#own = new PendingCount()
    return unfinished
  }

  /** The tasks under way, the oldest first. */
  unfinished(): UnfinishedTask[] {
    const now = this.#clock()
    return Array.from(this.#tasks, ({ name, startedAt }) => ({
      task: printable(name, MAX_NAME_LENGTH),
      age: Math.round(now - startedAt)
    }))
  }
}
