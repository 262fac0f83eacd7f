/**
 * Policies that are asked together, and the clients they apply to: a request is charged to all of
 * them, or, when one denies it, to none.
 */
import { toNanoseconds } from '../algorithms/nanoseconds.ts'
import { banned, combineDecisions, type Decision } from '../decision.ts'
import { forPolicy, type PerPolicy } from '../per-policy.ts'
import type { Policies, Policy } from '../policy.ts'
import type { ClientCharge } from '../store.ts'
import { Bans } from './bans.ts'
import type { ClientTable } from './client-table.ts'
import type { Meter } from './meter.ts'
import { PolicyMeters } from './policy-meters.ts'
import type { ReservationMark } from './reservations.ts'

/** A charge that may still turn out to have been too much, or too little. */
export interface Reservation extends ClientCharge {
  /** The reservations of the client's accounts, policy by policy. */
  readonly marks: readonly ReservationMark[]
}

/** Decides about clients by their keys. Times are milliseconds of a monotonic clock. */
export class Limiter {
  readonly #countDenied: boolean
  readonly #table: ClientTable
  readonly #policies: Policies
  readonly #meters: readonly PolicyMeters[]
  readonly #first: PolicyMeters
  /** The nanoseconds that the request which is being decided has to wait for each policy. */
  readonly #waits: number[]
  /** `undefined` as long as nobody was ever banned. */
  #bans: Bans | undefined

  /** @param options `countDenied`: a denied request takes its cost too, as far as it goes */
  constructor(
    policies: Policies,
    table: ClientTable,
    { countDenied = false }: { readonly countDenied?: boolean } = {}
  ) {
    this.#countDenied = countDenied
    this.#table = table
    this.#policies = policies
    this.#meters = policies.map((policy) => new PolicyMeters(policy, table))
    this.#first = this.#meters[0] as PolicyMeters
    this.#waits = policies.map(() => 0)
  }

  /**
   * Charges `costs` to the client when it can pay them all, else nothing.
   *
   * @param policies those to apply, where their numbers differ by client: as many, of the same
   *   names and algorithms
   */
  check(
    keys: PerPolicy<string>,
    costs: PerPolicy<number>,
    time: number,
    policies: Policies = this.#policies
  ): Decision {
    const left = this.#banLeft(keys, time)
    if (left > 0) return banned(policies[0], left)
    if (policies.length > 1) return this.#checkAll(keys, costs, time, policies)
    const meter = this.#first.of(policies[0])
    const cost = forPolicy(costs, 0)
    meter.read(this.#table.hash(forPolicy(keys, 0)), toNanoseconds(time), policies[0])
    const wait = meter.wait(cost)
    if (wait > 0) return meter.decision(this.#deny(meter, cost, wait))
    meter.take(cost)
    return meter.decision(0)
  }

  /** What {@link check} would answer. Charges nothing. */
  peek(
    keys: PerPolicy<string>,
    costs: PerPolicy<number>,
    time: number,
    policies: Policies = this.#policies
  ): Decision {
    const left = this.#banLeft(keys, time)
    if (left > 0) return banned(policies[0], left)
    this.#read(keys, time, policies)
    this.#wait(costs)
    return this.#decision()
  }

  /** The reservation of what {@link check} charged just now, for {@link settle}. */
  reservation(
    keys: PerPolicy<string>,
    costs: PerPolicy<number>,
    policies: Policies = this.#policies
  ): Reservation {
    const marks = this.#meters.map(({ current }, index) =>
      current.reserve(this.#table.hash(forPolicy(keys, index)))
    )
    return { keys, costs, policies, marks }
  }

  /**
   * Charges `actual` in place of what was charged: of the rest gives back what has not come back by
   * itself, and takes what is missing as far as there is anything left. Once for each charge.
   */
  settle(
    { keys, costs, policies, marks }: Reservation,
    actual: PerPolicy<number>,
    time: number
  ): void {
    this.#read(keys, time, policies)
    this.#meters.forEach(({ current }, index) => {
      current.settle(
        marks[index] as ReservationMark,
        forPolicy(costs, index),
        forPolicy(actual, index)
      )
    })
  }

  /** Forgets all that is known of a client in any window, a ban included. */
  reset(keys: PerPolicy<string>, time: number): void {
    this.ban(keys, 0, time)
    const now = toNanoseconds(time)
    this.#meters.forEach((meters, index) => {
      const hash = this.#table.hash(forPolicy(keys, index))
      for (const meter of meters.all()) meter.reset(hash, now)
    })
  }

  /** Denies all requests of a client for so many milliseconds from now; 0 ends that. */
  ban(keys: PerPolicy<string>, duration: number, time: number): void {
    if (duration > 0) this.#bans ??= new Bans(this.#table.capacity)
    for (const key of banKeysOf(keys)) this.#bans?.ban(key, duration, time)
  }

  #banLeft(keys: PerPolicy<string>, time: number): number {
    const bans = this.#bans
    if (bans === undefined) return 0
    if (typeof keys === 'string') return bans.left(keys, time)
    return Math.max(...banKeysOf(keys).map((key) => bans.left(key, time)))
  }

  #checkAll(
    keys: PerPolicy<string>,
    costs: PerPolicy<number>,
    time: number,
    policies: Policies
  ): Decision {
    this.#read(keys, time, policies)
    const denied = this.#wait(costs)
    for (let index = 0; index < policies.length; index++) {
      const meter = this.#meterOf(index)
      const cost = forPolicy(costs, index)
      if (denied) this.#waits[index] = this.#deny(meter, cost, this.#waits[index] as number)
      else meter.take(cost)
    }
    return this.#decision()
  }

  /** The meter of a policy, for the request that is being decided. */
  #meterOf(index: number): Meter {
    return (this.#meters[index] as PolicyMeters).current
  }

  #read(keys: PerPolicy<string>, time: number, policies: Policies): void {
    const now = toNanoseconds(time)
    let hashed: string | undefined
    for (let index = 0; index < policies.length; index++) {
      const key = forPolicy(keys, index)
      const hash = key === hashed ? this.#table.lastHash : this.#table.hash(key)
      hashed = key
      const policy = policies[index] as Policy
      ;(this.#meters[index] as PolicyMeters).of(policy).read(hash, now, policy)
    }
  }

  /** Finds out how long each policy makes the request wait, and whether any does. */
  #wait(costs: PerPolicy<number>): boolean {
    let denied = false
    for (let index = 0; index < this.#meters.length; index++) {
      const wait = this.#meterOf(index).wait(forPolicy(costs, index))
      this.#waits[index] = wait
      if (wait > 0) denied = true
    }
    return denied
  }

  /** Leaves a request uncharged, or charges it as far as it goes. Returns how long it has to wait. */
  #deny(meter: Meter, cost: number, wait: number): number {
    if (this.#countDenied && wait > 0) {
      meter.penalize(cost)
      return meter.wait(cost)
    }
    meter.repair()
    return wait
  }

  #decision(): Decision {
    if (this.#meters.length === 1) return this.#meterOf(0).decision(this.#waits[0] as number)
    const each: Decision[] = []
    for (let index = 0; index < this.#meters.length; index++) {
      each.push(this.#meterOf(index).decision(this.#waits[index] as number))
    }
    return combineDecisions(each)
  }
}

/** One key for all policies; or for each a key of its own, since it may mean another client. */
function banKeysOf(keys: PerPolicy<string>): readonly string[] {
  return typeof keys === 'string' ? [keys] : keys.map((key, index) => `${index} ${key}`)
}
