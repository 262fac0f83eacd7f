/**
 * A limit in a store that is asked for several requests of a client in advance: the store then hears
 * of few of them.
 */
import { monotonicClock } from '@holdfast/core'
import type { Decision } from '../../decision.ts'
import type { MaybePromise } from '../../limit-options.ts'
import { type Lease, Leases } from '../../sharing/lease.ts'
import { clientName } from '../../sharing/names.ts'
import type { ClientCharge } from '../../store.ts'
import type { BackendReservation, Client, LimitBackend } from '../backend.ts'
import { isPromise, whenKnown } from '../when-known.ts'
import type { StoreBackend } from './store-backend.ts'

/** A charge that a lease can pay: one client, who pays the same under every policy. */
interface LeasableCharge extends ClientCharge {
  readonly keys: string
  readonly costs: number
}

/** Spends leases, and asks a store for more of them. */
export class LeasingBackend implements LimitBackend {
  readonly #store: StoreBackend
  readonly #leases: Leases
  /** Leases that are asked for or given back, until the store has answered. */
  readonly #pending = new Set<Promise<unknown>>()
  #isClosed = false

  /**
   * @param max the most to take in advance
   * @param instances how many processes share the limit
   */
  constructor(store: StoreBackend, max: number, instances: number) {
    this.#store = store
    this.#leases = new Leases(max, instances, ({ spent, settle }) => this.#await(settle(spent)))
  }

  check(charge: ClientCharge): MaybePromise<Decision> {
    if (isLeasable(charge)) return this.#checkLeased(charge)
    this.#release(charge)
    return this.#checkInStore(charge)
  }

  peek(charge: ClientCharge): MaybePromise<Decision> {
    const lease = this.#leaseOf(charge)
    if (lease !== undefined && isLeasable(charge)) {
      const decision = this.#leases.look(lease, charge.costs, monotonicClock())
      if (decision !== undefined) return decision
    }
    this.#release(charge)
    return this.#store.peek(charge)
  }

  reserve(charge: ClientCharge): MaybePromise<BackendReservation> {
    this.#release(charge)
    return this.#store.reserve(charge)
  }

  async reset(client: Client): Promise<void> {
    await this.#endingLease(client, () => this.#store.reset(client))
  }

  async ban(client: Client, duration: number): Promise<void> {
    await this.#endingLease(client, () => this.#store.ban(client, duration))
  }

  async banUnderAll(client: Client, duration: number): Promise<void> {
    await this.#endingLease(client, () => this.#store.banUnderAll(client, duration))
  }

  /** Gives back what was leased and is left. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#leases.endAll()
    while (this.#pending.size > 0) await Promise.all(this.#pending)
  }

  #checkLeased(charge: LeasableCharge): MaybePromise<Decision> {
    const { keys, costs: cost, policies } = charge
    const name = clientName(keys)
    const lease = this.#leases.find(name, policies)
    if (lease !== undefined) {
      const decision = this.#leases.spend(lease, cost, monotonicClock())
      if (decision !== undefined) {
        this.#store.charged(charge)
        return decision
      }
      // What is left is too old, or too little: it goes back first, so that it counts for this one.
      this.#leases.release(lease)
      // Whoever comes while more is asked for asks for itself: in the same call, if it is the same tick.
      if (lease.renewal !== undefined) return this.#checkInStore(charge)
    }
    if (cost === 0) return this.#checkInStore(charge)
    const size = this.#isClosed ? cost : this.#leases.size(lease, cost)
    if (lease !== undefined && size > cost) return this.#renew(lease, charge, size)
    return whenKnown(this.#store.check(charge), (decision) =>
      this.#leases.renew(name, policies, { decision, size: cost, cost }, monotonicClock())
    )
  }

  #renew(lease: Lease, charge: LeasableCharge, size: number): MaybePromise<Decision> {
    const { costs: cost } = charge
    const { key, policies } = lease
    const reserved = this.#store.reserveInAdvance(charge, size)
    const renewal = whenKnown(reserved, ({ decision, settle }) => {
      lease.renewal = undefined
      const isWanted = this.#leases.find(key, policies) === lease
      const grant = { decision, size: settle === undefined ? cost : size, cost, settle }
      const decided = this.#leases.renew(key, policies, grant, monotonicClock())
      // The client was banned or forgotten meanwhile, or the limit closed.
      if (!isWanted) this.#leases.end(key)
      return decided
    })
    if (isPromise(renewal)) {
      lease.renewal = renewal
      this.#await(renewal)
    }
    return renewal
  }

  #checkInStore(charge: ClientCharge): MaybePromise<Decision> {
    return whenKnown(this.#store.check(charge), (decision) => {
      return decision.allowed ? decision : this.#checkAgain(charge, decision)
    })
  }

  /** What was leased while a request was under way counts for it too. */
  #checkAgain(charge: ClientCharge, denied: Decision): MaybePromise<Decision> {
    const check = () => (this.#release(charge) ? this.#store.check(charge) : denied)
    const renewal = this.#leaseOf(charge)?.renewal
    return renewal === undefined ? check() : renewal.then(check)
  }

  async #endingLease({ keys }: Client, change: () => Promise<void>): Promise<void> {
    const end = () => {
      if (typeof keys === 'string') this.#leases.end(clientName(keys))
    }
    end()
    // Also what was answered meanwhile.
    await change().finally(end)
  }

  #leaseOf({ keys, policies }: Client): Lease | undefined {
    return typeof keys === 'string' ? this.#leases.find(clientName(keys), policies) : undefined
  }

  /** Gives back what a client has leased, so that it counts. Returns whether there was anything. */
  #release(client: Client): boolean {
    const lease = this.#leaseOf(client)
    return lease !== undefined && this.#leases.release(lease)
  }

  /** Closing the limit waits for this. */
  #await(promise: Promise<unknown>): void {
    this.#pending.add(promise)
    const end = (): void => {
      this.#pending.delete(promise)
    }
    promise.then(end, end)
  }
}

function isLeasable(charge: ClientCharge): charge is LeasableCharge {
  return typeof charge.keys === 'string' && typeof charge.costs === 'number'
}
