/**
 * A store under test, and the policies that it is tested with.
 */
import { randomUUID } from 'node:crypto'
import type { AlgorithmName } from '../algorithms/algorithm.ts'
import type { Decision } from '../decision.ts'
import type { PerPolicy } from '../per-policy.ts'
import { type Policies, policyOf } from '../policy.ts'
import type { Charge, LimitSubject, Store, StoreReservation } from '../store.ts'

/** What a store must do, as a sentence, and what rejects where it does not. */
export type Check = readonly [name: string, check: (subject: Subject) => Promise<void>]

export const HOUR = 3_600_000
export const ALGORITHMS: readonly AlgorithmName[] = [
  'token-bucket',
  'fixed-window',
  'sliding-window'
]

/** A store, asked under names that nobody else uses. */
export class Subject {
  readonly #store: Store
  readonly #limit = randomUUID()

  constructor(store: Store) {
    this.#store = store
  }

  check(policies: Policies, cost = 1, key = 'client'): Promise<Decision> {
    return this.#store.check(this.#charge(policies, cost, key))
  }

  peek(policies: Policies, cost = 1, key = 'client'): Promise<Decision> {
    return this.#store.peek(this.#charge(policies, cost, key))
  }

  reserve(policies: Policies, cost: number, key = 'client'): Promise<StoreReservation> {
    return this.#store.reserve(this.#charge(policies, cost, key))
  }

  reset(policies: Policies): Promise<void> {
    return this.#store.reset(this.#charge(policies, 0, 'client'))
  }

  ban(policies: Policies, duration: number, key = 'client'): Promise<void> {
    return this.#store.ban(this.#charge(policies, 0, key), duration)
  }

  /** Charges clients that are told by name for each policy, each its own cost. */
  apart(policies: Policies, keys: readonly string[], costs: PerPolicy<number>): Promise<Decision> {
    return this.#store.check({ ...this.#apart(policies, keys), costs })
  }

  reserveApart(
    policies: Policies,
    keys: readonly string[],
    costs: PerPolicy<number>
  ): Promise<StoreReservation> {
    return this.#store.reserve({ ...this.#apart(policies, keys), costs })
  }

  banApart(policies: Policies, keys: readonly string[], duration: number): Promise<void> {
    return this.#store.ban(this.#apart(policies, keys), duration)
  }

  #apart(policies: Policies, keys: readonly string[]): LimitSubject {
    return { limit: `${this.#limit}:apart`, keys, policies, countDenied: false }
  }

  /** Charges a client of another limit, or of one that counts what it denies. */
  other(policies: Policies, cost: number, name: string, countDenied = false): Promise<Decision> {
    const charge = this.#charge(policies, cost, 'client')
    return this.#store.check({ ...charge, limit: `${charge.limit}:${name}`, countDenied })
  }

  #charge(policies: Policies, costs: number, keys: string): Charge {
    const limit = `${this.#limit}:${policies.map(({ name }) => name).join()}`
    return { limit, keys, policies, costs, countDenied: false }
  }
}

/** One policy for each algorithm, of so many in an hour: nothing comes back while a check runs. */
export function each(max: number): Policies[] {
  return ALGORITHMS.map((algorithm) => [policyOf(algorithm, { max, timeWindow: HOUR, algorithm })])
}
