/**
 * A store that counts in this process: for tests, and for telling what a store should do.
 */
import { type Clock, monotonicClock } from '@holdfast/core'
import { ClientTable } from './client-table.ts'
import type { Decision } from './decision.ts'
import { Limiter } from './limiter.ts'
import type { Charge, Store, StoreAccount } from './store.ts'

/** What a {@link MemoryStore} is made of. */
export interface MemoryStoreOptions {
  /**
   * The most clients to remember, of all limits together.
   *
   * @default 2 ** 20
   */
  readonly maxKeys?: number
  /** @default monotonicClock */
  readonly clock?: Clock
}

/** Counts in this process, as the plugin does without a store. */
export class MemoryStore implements Store {
  readonly #table: ClientTable
  readonly #clock: Clock
  readonly #limiters = new Map<string, Limiter>()

  constructor({ maxKeys = 2 ** 20, clock = monotonicClock }: MemoryStoreOptions = {}) {
    this.#table = new ClientTable(maxKeys)
    this.#clock = clock
  }

  async check(charge: Charge): Promise<Decision> {
    const { key, cost, policies } = charge
    return this.#limiter(charge).check(key, cost, this.#clock(), policies)
  }

  async peek(charge: Charge): Promise<Decision> {
    const { key, cost, policies } = charge
    return this.#limiter(charge).peek(key, cost, this.#clock(), policies)
  }

  async refund(charge: Charge): Promise<void> {
    const { key, cost, policies } = charge
    this.#limiter(charge).refund(key, cost, this.#clock(), policies)
  }

  async reset(account: StoreAccount): Promise<void> {
    const { key, policies } = account
    // More than any account can owe.
    this.#limiter(account).refund(key, Number.MAX_SAFE_INTEGER, this.#clock(), policies)
  }

  #limiter({ limit, policies, countDenied }: StoreAccount): Limiter {
    let limiter = this.#limiters.get(limit)
    if (limiter === undefined) {
      limiter = new Limiter(policies, this.#table, { countDenied })
      this.#limiters.set(limit, limiter)
    }
    return limiter
  }
}
