/**
 * One limit that several processes keep together, in a store: not asked again about who was denied
 * before the time that it gave, and done without while it does not answer.
 */
import { monotonicClock } from '@holdfast/core'
import type { Decision } from '../../decision.ts'
import { StoreUnavailableError } from '../../errors.ts'
import type { MaybePromise } from '../../limit-options.ts'
import type { PerPolicy } from '../../per-policy.ts'
import { DenyCache } from '../../sharing/deny-cache.ts'
import { clientNames } from '../../sharing/names.ts'
import type { Charge, ClientCharge, LimitSubject, Store, StoreReservation } from '../../store.ts'
import {
  type BackendReservation,
  type Client,
  type LimitBackend,
  nothingReserved
} from '../backend.ts'
import { whenKnown } from '../when-known.ts'
import type { BanRegister } from './ban-register.ts'
import type { FallbackBackend } from './fallback-backend.ts'
import type { GuardedStore } from './guarded-store.ts'

/** What a limit in a store is made of. */
export interface SharedLimit {
  readonly limit: string
  readonly countDenied: boolean
  readonly store: GuardedStore
  /** Decides while the store does not answer. */
  readonly fallback: FallbackBackend
  /** Asked about each client; `undefined` where the limit hears of all bans itself. */
  readonly bans: BanRegister | undefined
}

/** A charge in a store that is still to be settled. */
interface SharedReservation extends BackendReservation {
  settle(actual: PerPolicy<number>): Promise<void>
}

/** What was decided, and, where more was charged than was asked for, how to give back the rest. */
export interface AdvanceReservation {
  readonly decision: Decision
  readonly settle?: SharedReservation['settle']
}

/** Keeps a limit in a store. */
export class StoreBackend implements LimitBackend {
  readonly #shared: SharedLimit
  /** Where denied requests count the store has to see each of them: none is remembered. */
  readonly #denials: DenyCache | undefined
  /** Bans and resets so far. A denial that was asked for before one is not remembered after it. */
  #changes = 0

  constructor(shared: SharedLimit) {
    this.#shared = shared
    if (!shared.countDenied) this.#denials = new DenyCache()
  }

  check(asked: ClientCharge): MaybePromise<Decision> {
    const charge = this.#charge(asked)
    return this.#known(charge) ?? this.#check(charge)
  }

  peek(asked: ClientCharge): MaybePromise<Decision> {
    const charge = this.#charge(asked)
    const known = this.#known(charge)
    if (known !== undefined) return known
    const { store, fallback } = this.#shared
    const answer = store.ask(charge, (store) => this.#orBanned(store, charge, store.peek(charge)))
    if (answer === undefined) return fallback.peek(charge)
    return answer.then((decision) => decision ?? fallback.peek(charge))
  }

  reserve(asked: ClientCharge): MaybePromise<BackendReservation> {
    const charge = this.#charge(asked)
    const known = this.#known(charge)
    if (known !== undefined) return nothingReserved(known)
    const { store, fallback } = this.#shared
    const changes = this.#changes
    const answer = store.ask(charge, (store) => this.#reserveIn(store, charge))
    if (answer === undefined) return fallback.reserve(charge)
    return answer.then((reserved) => {
      if (reserved === undefined) return fallback.reserve(charge)
      this.#note(charge, reserved.decision, changes)
      return reserved.decision.allowed
        ? this.#reservation(charge, reserved)
        : nothingReserved(reserved.decision)
    })
  }

  /**
   * Charges `size` in place of what is asked for, which is a part of it, for requests to come. Where
   * that much is not left, or the store does not answer, charges what is asked for alone.
   */
  reserveInAdvance(asked: ClientCharge, size: number): MaybePromise<AdvanceReservation> {
    const charge = this.#charge(asked)
    const known = this.#known(charge)
    if (known !== undefined) return { decision: known }
    const more = { ...charge, costs: size }
    const { store, fallback } = this.#shared
    const answer = store.ask(more, (store) => this.#reserveIn(store, more))
    if (answer === undefined) return { decision: fallback.check(charge) }
    return answer.then((reserved): MaybePromise<AdvanceReservation> => {
      if (reserved === undefined) return { decision: fallback.check(charge) }
      if (!reserved.decision.allowed) {
        return whenKnown(this.#check(charge), (decision) => ({ decision }))
      }
      this.#note(charge, reserved.decision, this.#changes)
      return this.#reservation(charge, reserved)
    })
  }

  /** Takes note that a client was charged for whom something was reserved in advance. */
  charged({ keys }: Client): void {
    this.#denials?.charged(clientNames(keys))
  }

  async reset(client: Client): Promise<void> {
    const subject = this.#subject(client)
    this.#shared.fallback.reset(subject)
    await this.#change('reset', subject, (store) => store.reset(subject))
  }

  async ban(client: Client, duration: number): Promise<void> {
    const subject = this.#subject(client)
    // Also in this process, for as long as the store may be away.
    this.#shared.fallback.ban(subject, duration)
    await this.#change('ban', subject, (store) => store.ban(subject, duration))
  }

  /** A limit that asks the register of bans leaves the ban to it: it is ended there, whoever ends it. */
  async banUnderAll(client: Client, duration: number): Promise<void> {
    if (this.#shared.bans === undefined) {
      await this.ban(client, duration)
      return
    }
    const subject = this.#subject(client)
    this.#shared.fallback.banUnderAll(subject, duration)
    this.#forget(subject)
  }

  #subject({ keys, policies }: Client): LimitSubject {
    const { limit, countDenied } = this.#shared
    return { limit, keys: clientNames(keys), policies, countDenied }
  }

  #charge({ keys, costs, policies }: ClientCharge): Charge {
    const { limit, countDenied } = this.#shared
    return { limit, keys: clientNames(keys), policies, countDenied, costs }
  }

  /** The decision about a request that is denied for certain. */
  #known(charge: Charge): Decision | undefined {
    return this.#denials?.find(charge, monotonicClock())
  }

  #check(charge: Charge): MaybePromise<Decision> {
    const { store, fallback } = this.#shared
    const changes = this.#changes
    const answer = store.ask(charge, (store) => this.#orBanned(store, charge, store.check(charge)))
    if (answer === undefined) return fallback.check(charge)
    return answer.then((decision) => {
      if (decision === undefined) return fallback.check(charge)
      this.#note(charge, decision, changes)
      return decision
    })
  }

  #orBanned(store: Store, charge: Charge, decided: Promise<Decision>): Promise<Decision> {
    return this.#shared.bans?.check(store, charge, decided) ?? decided
  }

  #reserveIn(store: Store, charge: Charge): Promise<StoreReservation> {
    const reserved = store.reserve(charge)
    return this.#shared.bans?.reserve(store, charge, reserved) ?? reserved
  }

  /** @param changes how many there had been when the store was asked */
  #note(charge: Charge, decision: Decision, changes: number): void {
    if (decision.allowed) this.#denials?.charged(charge.keys)
    else if (changes === this.#changes) this.#denials?.add(charge, decision, monotonicClock())
  }

  #reservation(charge: Charge, { decision, settle }: StoreReservation): SharedReservation {
    return {
      decision,
      settle: async (actual: PerPolicy<number>) => {
        const settled = this.#shared.store.ask(charge, () => settle(actual))
        this.#denials?.forget(charge.keys)
        await settled
        // Also what was denied meanwhile.
        this.#denials?.forget(charge.keys)
      }
    }
  }

  async #change(
    what: 'reset' | 'ban',
    subject: LimitSubject,
    change: (store: Store) => Promise<void>
  ): Promise<void> {
    this.#forget(subject)
    const isDone = await this.#shared.store.ask(subject, async (store) => {
      await change(store)
      return true
    })
    // Also what was answered meanwhile.
    this.#forget(subject)
    if (isDone !== true) throw new StoreUnavailableError(what)
  }

  #forget({ keys }: LimitSubject): void {
    this.#changes++
    this.#denials?.forget(keys)
  }
}
