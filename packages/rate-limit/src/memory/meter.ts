/**
 * One policy in one window, and the accounts of its clients: reads one, looks at it, charges it.
 */
import { type Decision, decisionOf } from '../decision.ts'
import type { Policy } from '../policy.ts'
import type { KeyHash } from './key-hash.ts'
import type { Ledger } from './ledger.ts'
import { OpenReservations, type ReservationMark, type ReservedAccount } from './reservations.ts'

/** Measures one client at a time; {@link read} says which. Moments are nanoseconds. */
export class Meter {
  readonly #ledger: Ledger
  readonly #reservations: OpenReservations
  #policy: Policy
  #now = 0
  /** Whether the account expired later than it can, and is taken for less. */
  #isCut = false
  /** By how much, and whose reservations are worth less for that. */
  #cut = 0
  #reserved: ReservedAccount | undefined

  /** @param maxReserved the most accounts that may have open reservations */
  constructor(policy: Policy, ledger: Ledger, maxReserved: number) {
    this.#policy = policy
    this.#ledger = ledger
    this.#reservations = new OpenReservations(maxReserved)
  }

  /** Reads the account of a key, under a policy whose `max` and `burst` may differ by client. */
  read(key: KeyHash, now: number, policy: Policy): void {
    if (policy !== this.#policy) {
      this.#policy = policy
      this.#ledger.grow(policy.algorithm)
    }
    this.#now = now
    const { account } = this.#ledger
    this.#ledger.read(key, now)
    const stored = account.expiresAt
    policy.algorithm.advance(account, now, this.#ledger.lifetime)
    this.#isCut = stored > account.expiresAt
    if (this.#isCut) {
      this.#cut = stored - account.expiresAt
      // Of a window that was cut, what was reserved is not there any more.
      this.#reserved = policy.algorithm.counts ? undefined : this.#reservations.find(key)
    }
  }

  /** Nanoseconds until `cost` would be admitted: 0 now, `Infinity` never. */
  wait(cost: number): number {
    return this.#policy.algorithm.wait(this.#ledger.account, cost, this.#now)
  }

  /** Takes `cost`, which must be there. */
  take(cost: number): void {
    this.#adopt()
    this.#policy.algorithm.take(this.#ledger.account, cost, this.#now)
    this.#write()
  }

  /** Opens a reservation of what was taken just now from the account of that key. */
  reserve(key: KeyHash): ReservationMark {
    return this.#reservations.open(key, this.#ledger.account.expiresAt, this.#now)
  }

  /** Settles a reservation of the account that was read: `actual` in place of `charged`. */
  settle(reservation: ReservationMark, charged: number, actual: number): void {
    const { account } = this.#ledger
    const { algorithm } = this.#policy
    this.#moveCut()
    const mark = this.#reservations.close(reservation)
    if (actual > charged) {
      this.#adopt()
      algorithm.penalize(account, actual - charged, this.#now)
    } else {
      const back = algorithm.refund(account, charged - actual, this.#now, mark)
      this.#reservations.move(reservation.account, back)
    }
    this.#write()
  }

  /** Forgets the account of a key, and all its reservations. */
  reset(key: KeyHash, now: number): void {
    this.#reservations.void(key)
    this.#ledger.read(key, now)
    this.#ledger.forget()
  }

  /** Counts a denied request. */
  penalize(cost: number): void {
    this.#adopt()
    this.#policy.algorithm.penalize(this.#ledger.account, cost, this.#now)
    this.#write()
  }

  /**
   * Repairs an account that expires too late because the clock was set back: without this its client
   * would wait for the old time to come again.
   */
  repair(): void {
    if (this.#isCut) this.#write()
  }

  /** The account as it is now, as a decision about a request that would have to wait so long. */
  decision(wait: number): Decision {
    return decisionOf(this.#policy, this.#ledger.account, wait, this.#now)
  }

  #adopt(): void {
    if (!this.#ledger.isFromSketch) return
    this.#policy.algorithm.adopt(this.#ledger.account, this.#now)
  }

  #write(): void {
    this.#ledger.write(this.#now)
    this.#moveCut()
  }

  #moveCut(): void {
    if (!this.#isCut) return
    this.#isCut = false
    if (this.#reserved !== undefined) this.#reservations.move(this.#reserved, this.#cut)
  }
}
