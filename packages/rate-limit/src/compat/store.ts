/**
 * What counts requests: a store in this process, in Redis, or the user's own.
 */
import type { MaybePromise } from '../limit-options.ts'
import type { FastifyRateLimitStore } from './options.ts'
import type { Count } from './window.ts'

/** The counters of one limit. */
export interface Store {
  /** Whether it is the store of a group, whose routes share their counters. */
  readonly isGroup: boolean
  /** Counts a request. Rejects or throws when it fails. */
  increment(key: string, timeWindow: number, max: number): MaybePromise<Count>
  /** Whether {@link read} works. */
  readonly canRead: boolean
  /** Reads a count. */
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
