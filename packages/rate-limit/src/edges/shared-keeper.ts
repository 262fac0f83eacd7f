/**
 * One limit that several processes keep together, in a store: asked as seldom as is right, and done
 * without while it does not answer.
 */
import { monotonicClock } from '@holdfast/core'
import type { MaybePromise } from '../budget-options.ts'
import type { ClientTable } from '../client-table.ts'
import type { Decision } from '../decision.ts'
import { DenyCache } from '../deny-cache.ts'
import type { Each } from '../each.ts'
import { StoreUnavailableError } from '../errors.ts'
import { type Grant, type Lease, Leases } from '../lease.ts'
import type { SharedOptions } from '../options.ts'
import type { Policies } from '../policy.ts'
import type { Charge, Store, StoreAccount, StoreReservation } from '../store.ts'
import type { GuardedStore } from './guarded-store.ts'
import { type Held, type Keeper, nothingHeld } from './keeper.ts'
import { LocalPart } from './local-part.ts'

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

/** Keeps a limit in a store. */
export class SharedKeeper implements Keeper {
  readonly #shared: SharedLimit
  readonly #local: LocalPart
  readonly #denied: DenyCache | undefined
  readonly #leases: Leases | undefined

  constructor(shared: SharedLimit) {
    this.#shared = shared
    const { policies, table, countDenied, options } = shared
    this.#local = new LocalPart(policies, table, { ...options, countDenied })
    // Where denied requests count, the store has to see each of them.
    if (countDenied) return
    this.#denied = new DenyCache()
    const { leaseMax, instances } = options
    if (leaseMax > 1) this.#leases = new Leases(leaseMax, instances)
  }

  check(keys: Each<string>, costs: Each<number>, policies: Policies): MaybePromise<Decision> {
    const now = monotonicClock()
    const charge = this.#charge(keys, costs, policies)
    const leases = this.#leases
    if (leases !== undefined && isSimple(charge)) return this.#checkLeased(leases, charge, now)
    return this.#denied?.find(keys, costs, policies, now) ?? this.#check(charge)
  }

  peek(keys: Each<string>, costs: Each<number>, policies: Policies): MaybePromise<Decision> {
    const now = monotonicClock()
    const charge = this.#charge(keys, costs, policies)
    const known =
      (isSimple(charge) ? this.#lookAtLease(charge, now) : undefined) ??
      this.#denied?.find(keys, costs, policies, now)
    if (known !== undefined) return known
    const asked = this.#shared.store.ask(charge, (store) => store.peek(charge))
    const instead = () => this.#local.peek(keys, costs, policies)
    return asked === undefined ? instead() : asked.then((decision) => decision ?? instead())
  }

  reserve(keys: Each<string>, costs: Each<number>, policies: Policies): MaybePromise<Held> {
    const denied = this.#denied?.find(keys, costs, policies, monotonicClock())
    if (denied !== undefined) return nothingHeld(denied)
    const charge = this.#charge(keys, costs, policies)
    const asked = this.#shared.store.ask(charge, (store) => store.reserve(charge))
    const instead = () => this.#local.reserve(keys, costs, policies)
    if (asked === undefined) return instead()
    return asked.then((reserved) =>
      reserved === undefined ? instead() : this.#held(charge, reserved)
    )
  }

  async reset(keys: Each<string>, policies: Policies): Promise<void> {
    this.#local.reset(keys, policies)
    await this.#change('reset', keys, policies, (store, account) => store.reset(account))
  }

  async ban(keys: Each<string>, duration: number, policies: Policies): Promise<void> {
    // Also in this process, for as long as the store may be away.
    this.#local.ban(keys, duration)
    await this.#change('ban', keys, policies, (store, account) => store.ban(account, duration))
  }

  /** Gives back what was leased and is left. */
  async close(): Promise<void> {
    const left = this.#leases?.end(monotonicClock()) ?? []
    const settled = left.map(({ key, policies, spent, settle }) =>
      this.#shared.store.ask(this.#account(key, policies), () => settle(spent))
    )
    await Promise.all(settled)
  }

  #account(keys: Each<string>, policies: Policies): StoreAccount {
    const { limit, countDenied } = this.#shared
    return { limit, keys, policies, countDenied }
  }

  #charge(keys: Each<string>, costs: Each<number>, policies: Policies): Charge {
    const { limit, countDenied } = this.#shared
    return { limit, keys, policies, countDenied, costs }
  }

  #check(charge: Charge): MaybePromise<Decision> {
    const asked = this.#shared.store.ask(charge, (store) => store.check(charge))
    if (asked === undefined) return this.#checkInstead(charge)
    return asked.then((decision) => this.#decided(charge, decision))
  }

  #checkInstead({ keys, costs, policies }: Charge): Decision {
    return this.#local.check(keys, costs, policies)
  }

  #decided(charge: Charge, decision: Decision | undefined): Decision {
    if (decision === undefined) return this.#checkInstead(charge)
    if (!decision.allowed) {
      const { keys, costs, policies } = charge
      this.#denied?.add(keys, costs, policies, decision, monotonicClock())
    }
    return decision
  }

  #held(charge: Charge, { decision, settle }: StoreReservation): Held {
    if (!decision.allowed) return nothingHeld(this.#decided(charge, decision))
    return {
      decision,
      settle: async (actual) => {
        await this.#shared.store.ask(charge, () => settle(actual))
        this.#denied?.forget(charge.keys)
      }
    }
  }

  async #change(
    what: string,
    keys: Each<string>,
    policies: Policies,
    change: (store: Store, account: StoreAccount) => Promise<void>
  ): Promise<void> {
    this.#denied?.forget(keys)
    if (typeof keys === 'string') this.#leases?.forget(keys)
    const account = this.#account(keys, policies)
    const isDone = await this.#shared.store.ask(account, async (store) => {
      await change(store, account)
      return true
    })
    if (isDone !== true) throw new StoreUnavailableError(what)
  }

  #lookAtLease({ keys, costs, policies }: SimpleCharge, now: number): Decision | undefined {
    const lease = this.#leases?.find(keys, policies)
    return lease === undefined ? undefined : this.#leases?.look(lease, costs, now)
  }

  #checkLeased(leases: Leases, charge: SimpleCharge, now: number): MaybePromise<Decision> {
    const { keys, costs, policies } = charge
    const lease = leases.find(keys, policies)
    const known =
      (lease === undefined ? undefined : leases.spend(lease, costs, now)) ??
      this.#denied?.find(keys, costs, policies, now)
    if (known !== undefined) return known
    // Whoever comes while more is asked for asks for itself: in the same call, if it is the same turn.
    if (lease?.isRenewed === true) return this.#check(charge)
    const size = leases.size(lease, costs)
    const asked =
      lease === undefined || size === costs
        ? this.#take(charge)
        : this.#takeInAdvance(lease, charge, size)
    if (asked === undefined) return this.#checkInstead(charge)
    return asked.then((granted) => {
      if (granted === undefined) return this.#checkInstead(charge)
      const grant: Grant = { ...granted, size, cost: costs }
      const decision = leases.renew(keys, policies, grant, monotonicClock())
      // What is not there for more may be there for this one.
      const isDecided = decision.allowed || size === costs
      return isDecided ? this.#decided(charge, decision) : this.#check(charge)
    })
  }

  #take(charge: SimpleCharge): Promise<Taken | undefined> | undefined {
    const asked = this.#shared.store.ask(charge, (store) => store.check(charge))
    return asked?.then((decision) => (decision === undefined ? undefined : { decision }))
  }

  /** What is taken in advance is reserved, so that the rest can be given back. */
  #takeInAdvance(
    lease: Lease,
    charge: SimpleCharge,
    size: number
  ): Promise<Taken | undefined> | undefined {
    const more = { ...charge, costs: size }
    const asked = this.#shared.store.ask(more, (store) => store.reserve(more))
    if (asked === undefined) return undefined
    lease.isRenewed = true
    return asked.finally(() => {
      lease.isRenewed = false
    })
  }
}

/** What a store decided, and where it was asked for more how to give back the rest. */
type Taken = Pick<Grant, 'decision' | 'settle'>

function isSimple(charge: Charge): charge is SimpleCharge {
  return typeof charge.keys === 'string' && typeof charge.costs === 'number'
}
