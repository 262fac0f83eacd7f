/**
 * Policies that are asked together, and the clients they apply to: a request is charged to all of
 * them, or, when one denies it, to none.
 */
import type { ClientTable } from './client-table.ts'
import { type Decision, jointly } from './decision.ts'
import { Meter } from './meter.ts'
import { toNanoseconds } from './nanoseconds.ts'
import type { Policies, Policy } from './policy.ts'

/** Decides about clients by their keys. Times are milliseconds of a monotonic clock. */
export class Limiter {
  /** Whether a denied request counts, too. */
  readonly #countDenied: boolean
  readonly #table: ClientTable
  readonly #policies: Policies
  readonly #meters: readonly Meter[]
  readonly #first: Meter

  constructor(
    policies: Policies,
    table: ClientTable,
    { countDenied = false }: { readonly countDenied?: boolean } = {}
  ) {
    this.#countDenied = countDenied
    this.#table = table
    this.#policies = policies
    this.#meters = policies.map((policy) => new Meter(policy, table.open(policy.algorithm)))
    this.#first = this.#meters[0] as Meter
  }

  /**
   * Charges `cost` to the client when it can pay, else nothing.
   *
   * @param policies those to apply, where they differ by client: as many, of the same algorithms
   */
  check(key: string, cost: number, time: number, policies: Policies = this.#policies): Decision {
    if (policies.length > 1) return this.#checkAll(key, cost, time, policies)
    const meter = this.#first
    meter.read(this.#table.hash(key), toNanoseconds(time), policies[0])
    const wait = meter.wait(cost)
    if (wait > 0) return meter.decision(this.#deny(meter, cost, wait))
    meter.take(cost)
    return meter.decision(0)
  }

  /** What {@link check} would answer. Charges nothing. */
  peek(key: string, cost: number, time: number, policies: Policies = this.#policies): Decision {
    this.#read(key, time, policies)
    return this.#decision(this.#meters.map((meter) => meter.wait(cost)))
  }

  /** Gives back `cost` that was charged before. */
  refund(key: string, cost: number, time: number, policies: Policies = this.#policies): void {
    this.#read(key, time, policies)
    for (const meter of this.#meters) meter.refund(cost)
  }

  #checkAll(key: string, cost: number, time: number, policies: Policies): Decision {
    this.#read(key, time, policies)
    const waits = this.#meters.map((meter) => meter.wait(cost))
    if (waits.some((wait) => wait > 0)) {
      const after = (meter: Meter, index: number) => this.#deny(meter, cost, waits[index] as number)
      return this.#decision(this.#meters.map(after))
    }
    for (const meter of this.#meters) meter.take(cost)
    return this.#decision(waits)
  }

  #read(key: string, time: number, policies: Policies): void {
    const hash = this.#table.hash(key)
    const now = toNanoseconds(time)
    this.#meters.forEach((meter, index) => {
      meter.read(hash, now, policies[index] as Policy)
    })
  }

  /** Leaves a request uncharged, or charges it as far as it goes. Returns how long it has to wait. */
  #deny(meter: Meter, cost: number, wait: number): number {
    if (this.#countDenied && wait > 0) {
      meter.penalize(cost)
      return meter.wait(cost)
    }
    meter.heal()
    return wait
  }

  #decision(waits: readonly number[]): Decision {
    return jointly(this.#meters.map((meter, index) => meter.decision(waits[index] as number)))
  }
}
