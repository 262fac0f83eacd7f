/**
 * Work that goes on behind the answers: a mail to be sent, a file to be written. A shutdown waits
 * for it as it waits for requests.
 */
import type { Clock } from '@holdfast/core'
import { Busy } from './busy.ts'
import { Chain } from './chain.ts'

/** Work that was not done in time, as the log names it. */
export interface UnfinishedTask {
  readonly task: string
  /** Whole milliseconds since it was begun. */
  readonly age: number
}

interface Task {
  readonly name: string
  readonly startedAt: number
}

/** The work that is under way. */
export class Tasks {
  #tasks = new Chain<Task>()
  /** Of this work alone. */
  #own = new Busy()
  readonly #busy: Busy
  readonly #clock: Clock
  readonly #onFailure: (name: string, error: unknown) => void

  /** @param onFailure told of work that fails: it is nobody's error otherwise */
  constructor(busy: Busy, clock: Clock, onFailure: (name: string, error: unknown) => void) {
    this.#busy = busy
    this.#clock = clock
    this.#onFailure = onFailure
  }

  /** Counts work in, and out when its promise settles. */
  add(name: string, work: PromiseLike<unknown>): void {
    const tasks = this.#tasks
    const own = this.#own
    const link = tasks.add({ name, startedAt: this.#clock() })
    own.begin()
    this.#busy.begin()
    const end = (): void => {
      tasks.remove(link)
      own.end()
      this.#busy.end()
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

  /** Resolves when nothing of it is under way. */
  whenDone(): Promise<void> {
    return this.#own.whenIdle()
  }

  /** Waits for what is under way no longer, and returns it, the oldest first. */
  giveUp(): UnfinishedTask[] {
    const unfinished = this.unfinished()
    this.#tasks = new Chain()
    this.#own = new Busy()
    return unfinished
  }

  /** What is under way, the oldest first. */
  unfinished(): UnfinishedTask[] {
    const now = this.#clock()
    return [...this.#tasks]
      .reverse()
      .map(({ name, startedAt }) => ({ task: name, age: Math.round(now - startedAt) }))
  }
}
