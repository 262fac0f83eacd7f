/**
 * One limit that several processes keep together, in a store: asked as seldom as is right, and done
 * without while it does not answer.
 */
import { monotonicClock } from '@holdfast/core'
import type { Decision } from '../../decision.ts'
import { StoreUnavailableError } from '../../errors.ts'
import type { MaybePromise } from '../../limit-options.ts'
import type { ClientTable } from '../../memory/client-table.ts'
import type { SharedOptions } from '../../options.ts'
import type { PerPolicy } from '../../per-policy.ts'
import type { Policies } from '../../policy.ts'
import { DenyCache } from '../../sharing/deny-cache.ts'
import { type Lease, type LeaseGrant, type LeaseRemainder, Leases } from '../../sharing/lease.ts'
import { clientNames } from '../../sharing/names.ts'
import type { Charge, LimitSubject, Store, StoreReservation } from '../../store.ts'
import { type BackendReservation, type LimitBackend, nothingReserved } from '../backend.ts'
import type { GuardedStore } from './guarded-store.ts'
import { FallbackBackend } from './local-fallback.ts'

/** What a limit in a store is made of. */
export interface SharedLimit {
  readonly limit: string
  readonly policies: Policies
  readonly countDenied: boolean
  readonly store: GuardedStore
  readonly table: ClientTable
  readonly options: SharedOptions
}

/** A charge that can be leased in advance: one client, who pays the same under every policy. */
interface SimpleCharge extends Charge {
  readonly keys: string
  readonly costs: number
}

/** What a store decided, and where it was asked for more how to give back the rest. */
type Taken = Pick<LeaseGrant, 'decision' | 'settle'>

/** Keeps a limit in a store. */
export class StoreBackend implements LimitBackend {
  readonly #shared: SharedLimit
  readonly #local: FallbackBackend
  readonly #denied: DenyCache | undefined
  readonly #leases: Leases | undefined
  /** What was asked for in advance, and what is given back, before it is answered. */
  readonly #underWay = new Set<Promise<unknown>>()
  /** How often clients were banned or forgotten: what was asked before says nothing after it. */
  #changes = 0
  #isClosed = false

  constructor(shared: SharedLimit) {
    this.#shared = shared
    const { policies, table, countDenied, options } = shared
    this.#local = new FallbackBackend(policies, table, { ...options, countDenied })
    // Where denied requests count, the store has to see each of them.
    if (countDenied) return
    this.#denied = new DenyCache()
    const { leaseMax, instances } = options
    const giveBack = (remainder: LeaseRemainder): void => this.#giveBack(remainder)
    if (leaseMax > 1) this.#leases = new Leases(leaseMax, instances, giveBack)
  }

  check(
    keys: PerPolicy<string>,
    costs: PerPolicy<number>,
    policies: Policies
  ): MaybePromise<Decision> {
    const charge = this.#charge(keys, costs, policies)
    if (this.#leases !== undefined && isSimple(charge)) {
      return this.#checkLeased(this.#leases, charge)
    }
    const denied = this.#denied?.find(charge, monotonicClock())
    if (denied !== undefined) return denied
    this.#releaseLeaseOf(charge)
    return this.#check(charge)
  }

  peek(
    keys: PerPolicy<string>,
    costs: PerPolicy<number>,
    policies: Policies
  ): MaybePromise<Decision> {
    const charge = this.#charge(keys, costs, policies)
    const lease = this.#leaseOf(charge)
    const now = monotonicClock()
    const known =
      (lease && isSimple(charge) ? this.#leases?.look(lease, charge.costs, now) : undefined) ??
      this.#denied?.find(charge, now)
    if (known !== undefined) return known
    this.#releaseLeaseOf(charge)
    const asked = this.#shared.store.ask(charge, (store) => store.peek(charge))
    const instead = () => this.#local.peek(charge.keys, costs, policies)
    return asked === undefined ? instead() : asked.then((decision) => decision ?? instead())
  }

  reserve(
    keys: PerPolicy<string>,
    costs: PerPolicy<number>,
    policies: Policies
  ): MaybePromise<BackendReservation> {
    const charge = this.#charge(keys, costs, policies)
    const denied = this.#denied?.find(charge, monotonicClock())
    if (denied !== undefined) return nothingReserved(denied)
    this.#releaseLeaseOf(charge)
    const note = this.#noting(charge)
    const asked = this.#shared.store.ask(charge, (store) => store.reserve(charge))
    const instead = () => this.#local.reserve(charge.keys, costs, policies)
    if (asked === undefined) return instead()
    return asked.then((reserved) => {
      if (reserved === undefined) return instead()
      note(reserved.decision)
      return this.#held(charge, reserved)
    })
  }

  async reset(keys: PerPolicy<string>, policies: Policies): Promise<void> {
    const names = clientNames(keys)
    this.#local.reset(names, policies)
    await this.#change('reset', names, policies, (store, account) => store.reset(account))
  }

  async ban(keys: PerPolicy<string>, duration: number, policies: Policies): Promise<void> {
    const names = clientNames(keys)
    // Also in this process, for as long as the store may be away.
    this.#local.ban(names, duration)
    await this.#change('ban', names, policies, (store, account) => store.ban(account, duration))
  }

  /** Gives back what was leased and is left. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#leases?.endAll()
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
  }

  #account(keys: PerPolicy<string>, policies: Policies): LimitSubject {
    const { limit, countDenied } = this.#shared
    return { limit, keys, policies, countDenied }
  }

  #charge(keys: PerPolicy<string>, costs: PerPolicy<number>, policies: Policies): Charge {
    const { limit, countDenied } = this.#shared
    return { limit, keys: clientNames(keys), policies, countDenied, costs }
  }

  #check(charge: Charge, isFirst = true): MaybePromise<Decision> {
    const note = this.#noting(charge)
    const asked = this.#shared.store.ask(charge, (store) => store.check(charge))
    if (asked === undefined) return this.#checkInstead(charge)
    return asked.then((decision): MaybePromise<Decision> => {
      if (decision === undefined) return this.#checkInstead(charge)
      if (!decision.allowed && isFirst && this.#hasLeased(charge)) {
        return this.#checkAgain(charge, decision)
      }
      note(decision)
      return decision
    })
  }

  /** What was leased while a request was under way counts for it too. */
  async #checkAgain(charge: Charge, denied: Decision): Promise<Decision> {
    await this.#leaseOf(charge)?.renewal
    return this.#releaseLeaseOf(charge) ? this.#check(charge, false) : denied
  }

  #checkInstead({ keys, costs, policies }: Charge): Decision {
    return this.#local.check(keys, costs, policies)
  }

  /** Takes note of a decision: of a denial, if nothing done since makes it untrue and no lease is to blame. */
  #noting(charge: Charge): (decision: Decision) => void {
    const changes = this.#changes
    return (decision) => {
      if (decision.allowed) this.#denied?.charged(charge.keys)
      else if (changes === this.#changes && !this.#hasLeased(charge)) {
        this.#denied?.add(charge, decision, monotonicClock())
      }
    }
  }

  #held(charge: Charge, { decision, settle }: StoreReservation): BackendReservation {
    if (!decision.allowed) return nothingReserved(decision)
    return {
      decision,
      settle: async (actual) => {
        const settled = this.#shared.store.ask(charge, () => settle(actual))
        this.#denied?.forget(charge.keys)
        await settled
        // Also what was denied meanwhile.
        this.#denied?.forget(charge.keys)
      }
    }
  }

  async #change(
    what: string,
    keys: PerPolicy<string>,
    policies: Policies,
    change: (store: Store, account: LimitSubject) => Promise<void>
  ): Promise<void> {
    this.#changes++
    this.#forget(keys)
    const account = this.#account(keys, policies)
    const isDone = await this.#shared.store.ask(account, async (store) => {
      await change(store, account)
      return true
    })
    // Also what was answered meanwhile.
    this.#changes++
    this.#forget(keys)
    if (isDone !== true) throw new StoreUnavailableError(what)
  }

  #forget(keys: PerPolicy<string>): void {
    this.#denied?.forget(keys)
    if (typeof keys === 'string') this.#leases?.end(keys)
  }

  #leaseOf({ keys, policies }: Charge): Lease | undefined {
    return typeof keys === 'string' ? this.#leases?.find(keys, policies) : undefined
  }

  /** Whether a client has leased anything, or is about to. */
  #hasLeased(charge: Charge): boolean {
    const lease = this.#leaseOf(charge)
    return lease !== undefined && (lease.tokens > 0 || lease.renewal !== undefined)
  }

  /** Gives back what a client has leased, so that it counts. Returns whether there was anything. */
  #releaseLeaseOf(charge: Charge): boolean {
    const lease = this.#leaseOf(charge)
    return lease !== undefined && this.#leases?.release(lease) === true
  }

  #checkLeased(leases: Leases, charge: SimpleCharge): MaybePromise<Decision> {
    const { keys, costs, policies } = charge
    const now = monotonicClock()
    const lease = leases.find(keys, policies)
    const spent = lease && leases.spend(lease, costs, now)
    if (spent !== undefined) {
      this.#denied?.charged(keys)
      return spent
    }
    const denied = this.#denied?.find(charge, now)
    if (denied !== undefined) return denied
    // Whoever comes while more is asked for asks for itself: in the same call, if it is the same turn.
    if (lease?.renewal !== undefined) return this.#check(charge)
    // What is left is too old, or too little for this request: so that it counts for it, it goes first.
    if (lease !== undefined) leases.release(lease)
    if (costs === 0) return this.#check(charge)
    return this.#renew(leases, lease, charge, leases.size(lease, costs))
  }

  #renew(
    leases: Leases,
    lease: Lease | undefined,
    charge: SimpleCharge,
    size: number
  ): MaybePromise<Decision> {
    const { keys, costs: cost, policies } = charge
    const changes = this.#changes
    const note = this.#noting(charge)
    const renewing = size > cost ? lease : undefined
    const asked = renewing ? this.#takeInAdvance(charge, size) : this.#take(charge)
    if (asked === undefined) return this.#checkInstead(charge)
    const renewed = asked.then((taken): MaybePromise<Decision> => {
      if (renewing) renewing.renewal = undefined
      if (taken === undefined) return this.#checkInstead(charge)
      const { decision, settle } = taken
      const decided = leases.renew(
        keys,
        policies,
        { decision, settle, size, cost },
        monotonicClock()
      )
      if (this.#isClosed || changes !== this.#changes) leases.end(keys)
      else if (decision.allowed || size === cost) note(decision)
      // What is not there for more may be there for this one.
      return decision.allowed || size === cost ? decided : this.#check(charge)
    })
    if (renewing) renewing.renewal = renewed
    this.#waitFor(renewed)
    return renewed
  }

  #take(charge: SimpleCharge): Promise<Taken | undefined> | undefined {
    const asked = this.#shared.store.ask(charge, (store) => store.check(charge))
    return asked?.then((decision) => (decision === undefined ? undefined : { decision }))
  }

  /** What is taken in advance is reserved, so that the rest can be given back. */
  #takeInAdvance(charge: SimpleCharge, size: number): Promise<Taken | undefined> | undefined {
    const more = { ...charge, costs: size }
    return this.#shared.store.ask(more, (store) => store.reserve(more))
  }

  #giveBack({ key, policies, spent, settle }: LeaseRemainder): void {
    const account = this.#account(key, policies)
    const asked = this.#shared.store.ask(account, () => settle(spent))
    this.#denied?.forget(key)
    this.#waitFor(asked?.then(() => this.#denied?.forget(key)))
  }

  /** What has to be over before the limit is closed. */
  #waitFor(promise: Promise<unknown> | undefined): void {
    if (promise === undefined) return
    this.#underWay.add(promise)
    const isOver = (): void => {
      this.#underWay.delete(promise)
    }
    promise.then(isOver, isOver)
  }
}

function isSimple(charge: Charge): charge is SimpleCharge {
  return typeof charge.keys === 'string' && typeof charge.costs === 'number'
}
