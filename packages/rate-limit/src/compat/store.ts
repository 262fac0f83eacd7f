/**
 * Where requests are counted: in this process, in Redis, or wherever the user's store does.
 */
import type { MaybePromise } from '../limit-options.ts'
import type { FastifyRateLimitStore } from './options.ts'
import type { Count } from './window.ts'

/** The counters of one limit. */
export interface Store {
  /** Whether its routes are those of a group: then nothing has to tell their clients apart. */
  readonly isGroup: boolean
  /** Counts a request. Rejects or throws where it cannot. */
  increment(key: string, timeWindow: number, max: number): MaybePromise<Count>
  /** Whether {@link read} is of use. */
  readonly canRead: boolean
  /** What was counted, without counting. */
  read(key: string, timeWindow: number, max: number): MaybePromise<Count>
}

/** A user's store, with callbacks. */
export class CustomStore implements Store {
  readonly isGroup = false
  readonly canRead: boolean
  readonly #store: FastifyRateLimitStore

  constructor(store: FastifyRateLimitStore) {
    this.#store = store
    this.canRead = typeof store.read === 'function'
  }

  increment(key: string, timeWindow: number, max: number): Promise<Count> {
    return this.#ask('incr', key, timeWindow, max)
  }

  read(key: string, timeWindow: number, max: number): Promise<Count> {
    return this.#ask('read', key, timeWindow, max)
  }

  #ask(method: 'incr' | 'read', key: string, timeWindow: number, max: number): Promise<Count> {
    return new Promise((resolve, reject) => {
      const answered = (error: Error | null, count?: Count): void => {
        if (error) reject(error)
        else resolve(count as Count)
      }
      this.#store[method]?.(key, answered, timeWindow, max)
    })
  }
}
