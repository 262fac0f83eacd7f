/**
 * The clients that are banned under all limits, kept in the store like a limit. It is for limits that
 * are made after the app is ready, such as those of routes declared before the plugin: the process
 * that bans a client may not know them, so they ask here.
 */
import { banned, type Decision } from '../../decision.ts'
import { StoreUnavailableError } from '../../errors.ts'
import { type Policies, policyOf } from '../../policy.ts'
import { clientName } from '../../sharing/names.ts'
import type { Charge, LimitSubject, Store, StoreReservation } from '../../store.ts'
import type { GuardedStore } from './guarded-store.ts'

/** Nothing is ever charged under it. */
const POLICIES: Policies = [policyOf('ban', { max: 1, timeWindow: 1000 })]

/** The bans of one registration. */
export class BanRegister {
  readonly #limit: string
  readonly #store: GuardedStore

  /** @param limit names the register among the limits in the store */
  constructor(limit: string, store: GuardedStore) {
    this.#limit = limit
    this.#store = store
  }

  /**
   * Bans the client of a key for so many milliseconds from now; 0 ends that.
   *
   * @throws StoreUnavailableError
   */
  async ban(key: string, duration: number): Promise<void> {
    const subject = this.#subject(clientName(key))
    const isDone = await this.#store.ask(subject, async (store) => {
      await store.ban(subject, duration)
      return true
    })
    if (isDone !== true) throw new StoreUnavailableError('banClient')
  }

  /** What a store decides about a charge, or that the client is banned. */
  async check(store: Store, charge: Charge, decided: Promise<Decision>): Promise<Decision> {
    const [decision, left] = await Promise.all([decided, this.#left(store, charge)])
    return left === 0 ? decision : banned(charge.policies[0], left)
  }

  /** What a store reserves for a charge: nothing where the client is banned. */
  async reserve(
    store: Store,
    charge: Charge,
    reserved: Promise<StoreReservation>
  ): Promise<StoreReservation> {
    const [reservation, left] = await Promise.all([reserved, this.#left(store, charge)])
    if (left === 0) return reservation
    await reservation.settle(0)
    return { ...reservation, decision: banned(charge.policies[0], left) }
  }

  /** Milliseconds until the last ban of a client ends, under any of its keys; 0 where there is none. */
  async #left(store: Store, { keys }: Charge): Promise<number> {
    const names = new Set([keys].flat())
    const decisions = await Promise.all(
      [...names].map((name) => store.check({ ...this.#subject(name), costs: 0 }))
    )
    return Math.max(
      ...decisions.map(({ reason, retryAfter }) => (reason === 'banned' ? retryAfter : 0))
    )
  }

  #subject(keys: string): LimitSubject {
    return { limit: this.#limit, keys, policies: POLICIES, countDenied: false }
  }
}
