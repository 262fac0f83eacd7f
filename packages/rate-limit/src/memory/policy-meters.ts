/**
 * The meters of one policy: one for each window that it is asked with, because what a client took in
 * one window does not count in another.
 */
import type { Policy } from '../policy.ts'
import type { ClientTable } from './client-table.ts'
import { Meter } from './meter.ts'

/** Meters by window. There are as many as the policy has windows, which its owner bounds. */
export class PolicyMeters {
  readonly #table: ClientTable
  readonly #meters = new Map<number, Meter>()
  #window: number
  #current: Meter

  constructor(policy: Policy, table: ClientTable) {
    this.#table = table
    this.#window = policy.timeWindow
    this.#current = this.#open(policy)
  }

  /** The meter that was asked for last. */
  get current(): Meter {
    return this.#current
  }

  /** The meter of the policy's window. */
  of(policy: Policy): Meter {
    if (policy.timeWindow === this.#window) return this.#current
    this.#window = policy.timeWindow
    this.#current = this.#meters.get(policy.timeWindow) ?? this.#open(policy)
    return this.#current
  }

  /** The meters of all windows. */
  all(): Iterable<Meter> {
    return this.#meters.values()
  }

  #open(policy: Policy): Meter {
    const meter = new Meter(policy, this.#table.open(policy.algorithm), this.#table.capacity)
    this.#meters.set(policy.timeWindow, meter)
    return meter
  }
}
