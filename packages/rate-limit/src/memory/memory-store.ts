/**
 * A store that counts in this process: for tests, and for telling what a store should do.
 */
import { type Clock, monotonicClock } from '@holdfast/core'
import { check, checkOptions, type OptionShape } from '@holdfast/core/options'
import type { Decision } from '../decision.ts'
import type { PerPolicy } from '../per-policy.ts'
import type { Charge, LimitSubject, Store, StoreReservation } from '../store.ts'
import { ClientTable } from './client-table.ts'
import { Limiter } from './limiter.ts'

/** The options of a {@link MemoryStore}. */
export interface MemoryStoreOptions {
  /**
   * The most clients to remember, of all limits together.
   *
   * @default 2 ** 20
   */
  readonly maxKeys?: number | undefined
  /** @default monotonicClock */
  readonly clock?: Clock | undefined
}

const SHAPE: OptionShape = { maxKeys: check.integer({ min: 1, max: 2 ** 24 }), clock: check.func }

/** Counts in this process, as the plugin does without a store. */
export class MemoryStore implements Store {
  readonly #table: ClientTable
  readonly #clock: Clock
  readonly #limiters = new Map<string, Limiter>()

  /** @throws UnknownOptionError, InvalidOptionError */
  constructor(options: MemoryStoreOptions = {}) {
    checkOptions('MemoryStore', options, SHAPE)
    const { maxKeys = 2 ** 20, clock = monotonicClock } = options
    this.#table = new ClientTable(maxKeys)
    this.#clock = clock
  }

  async check(charge: Charge): Promise<Decision> {
    const { keys, costs, policies } = charge
    return this.#limiter(charge).check(keys, costs, this.#clock(), policies)
  }

  async peek(charge: Charge): Promise<Decision> {
    const { keys, costs, policies } = charge
    return this.#limiter(charge).peek(keys, costs, this.#clock(), policies)
  }

  async reserve(charge: Charge): Promise<StoreReservation> {
    const { keys, costs, policies } = charge
    const limiter = this.#limiter(charge)
    const decision = limiter.check(keys, costs, this.#clock(), policies)
    let reservation = decision.allowed ? limiter.reservation(keys, costs, policies) : undefined
    const settle = async (actual: PerPolicy<number>): Promise<void> => {
      if (reservation !== undefined) limiter.settle(reservation, actual, this.#clock())
      reservation = undefined
    }
    return { decision, settle }
  }

  async reset(subject: LimitSubject): Promise<void> {
    this.#limiter(subject).reset(subject.keys, this.#clock())
  }

  async ban(subject: LimitSubject, duration: number): Promise<void> {
    this.#limiter(subject).ban(subject.keys, duration, this.#clock())
  }

  #limiter({ limit, policies, countDenied }: LimitSubject): Limiter {
    let limiter = this.#limiters.get(limit)
    if (limiter === undefined) {
      limiter = new Limiter(policies, this.#table, { countDenied })
      this.#limiters.set(limit, limiter)
    }
    return limiter
  }
}
