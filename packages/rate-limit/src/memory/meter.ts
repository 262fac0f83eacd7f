/**
 * One policy and the accounts of its clients: reads one, looks at it, charges it.
 */

import { type Decision, decisionOf } from '../decision.ts'
import type { Policy } from '../policy.ts'
import type { Ledger } from './client-table.ts'
import type { KeyHash } from './key-hash.ts'
import { OpenReservations, type ReservationMark, type ReservedAccount } from './reservations.ts'

/** Measures one client at a time; {@link read} says which. Moments are nanoseconds. */
export class Meter {
  readonly #ledger: Ledger
  readonly #claims: OpenReservations
  #policy: Policy
  #now = 0
  /** Whether the account reached further ahead than it can, and is taken for less. */
  #isCut = false
  /** By how much, and whose claims are worth less for that. */
  #cut = 0
  #claimed: ReservedAccount | undefined

  /** @param mostClaimed the most accounts of which something may be claimed */
  constructor(policy: Policy, ledger: Ledger, mostClaimed: number) {
    this.#policy = policy
    this.#ledger = ledger
    this.#claims = new OpenReservations(mostClaimed)
  }

  /** Reads the account of the key that was hashed last, under a policy that may differ by client. */
  read(key: KeyHash, now: number, policy: Policy): void {
    if (policy !== this.#policy) {
      this.#policy = policy
      this.#ledger.grow(policy.algorithm)
    }
    this.#now = now
    const { account } = this.#ledger
    this.#ledger.read(key, now)
    const stored = account.expiresAt
    policy.algorithm.advance(account, now)
    this.#isCut = stored > account.expiresAt
    if (this.#isCut) {
      this.#cut = stored - account.expiresAt
      // Of a window that was cut, what is claimed is not there any more.
      this.#claimed = policy.algorithm.counts ? undefined : this.#claims.find(key)
    }
  }

  /** Until `cost` would be admitted: 0 now, `Infinity` never. */
  wait(cost: number): number {
    return this.#policy.algorithm.wait(this.#ledger.account, cost, this.#now)
  }

  /** Takes `cost`, which must be there. */
  take(cost: number): void {
    this.#policy.algorithm.take(this.#ledger.account, cost, this.#now)
    this.#write()
  }

  /** Claims what was taken just now from the account of that key. */
  mark(key: KeyHash): ReservationMark {
    return this.#claims.open(key, this.#ledger.account.expiresAt, this.#now)
  }

  /** Ends a claim to the account that was read: `charged` was taken, and `actual` should have been. */
  settle(claim: ReservationMark, charged: number, actual: number): void {
    const { account } = this.#ledger
    const { algorithm } = this.#policy
    this.#moveCut()
    const mark = this.#claims.close(claim)
    if (actual > charged) {
      algorithm.penalize(account, actual - charged, this.#now)
    } else {
      const back = algorithm.refund(account, charged - actual, this.#now, mark)
      this.#claims.move(claim.account, back)
    }
    this.#write()
  }

  /** Forgets the account that was read, and all claims to it. */
  reset(key: KeyHash): void {
    this.#claims.void(key)
    this.#ledger.forget()
  }

  /** Counts a denied request. */
  penalize(cost: number): void {
    this.#policy.algorithm.penalize(this.#ledger.account, cost, this.#now)
    this.#write()
  }

  /**
   * Mends an account that reaches too far ahead, because the clock was set back or the limit is
   * another: without this its client would wait for the old time to come again.
   */
  repair(): void {
    if (this.#isCut) this.#write()
  }

  /** The account as it is now, as a decision about a request that would have to wait so long. */
  decision(wait: number): Decision {
    return decisionOf(this.#policy, this.#ledger.account, wait, this.#now)
  }

  #write(): void {
    this.#ledger.write(this.#now)
    this.#moveCut()
  }

  #moveCut(): void {
    if (!this.#isCut) return
    this.#isCut = false
    if (this.#claimed !== undefined) this.#claims.move(this.#claimed, this.#cut)
  }
}
