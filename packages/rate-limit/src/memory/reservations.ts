/**
 * What was charged beforehand and is still to be settled.
 *
 * What an account owes comes back by itself, in the order in which it was taken. So of a reservation
 * there is only left to give back what its account owes before the reservation's mark: the account's
 * `expiresAt` just after the charge, less what was given back of other reservations since. Given back
 * without regard to that, late settling would let more pass than the limit says.
 */
import type { KeyHash } from './key-hash.ts'

/** One charge to one account. */
export interface ReservationMark {
  readonly account: ReservedAccount
  /** The account's `expiresAt` after the charge, as if nothing had been given back before. */
  readonly mark: number
}

/** An account with open reservations. */
export interface ReservedAccount {
  readonly id: number
  /** Reservations that are not settled. */
  open: number
  /** The time by which what was given back has moved all marks. */
  moved: number
  /** The last moment at which any of the reservations is worth something. */
  expiresAt: number
}

/** Looked at for every new reservation, so that those that are never settled do not pile up. */
const SWEPT = 2

/**
 * The open reservations of the accounts of one ledger. Bounded: where there is no room, those of the
 * account that began first are void. Moments are nanoseconds.
 */
export class OpenReservations {
  readonly #maxAccounts: number
  readonly #accounts = new Map<number, ReservedAccount>()

  /** @param maxAccounts the most accounts with open reservations */
  constructor(maxAccounts: number) {
    this.#maxAccounts = maxAccounts
  }

  /** How many accounts have open reservations, or had until a moment ago. */
  get size(): number {
    return this.#accounts.size
  }

  /** Opens a reservation of an account that expires at that moment. */
  open(key: KeyHash, expiresAt: number, now: number): ReservationMark {
    this.#sweep(now)
    const id = idOf(key)
    let account = this.#accounts.get(id)
    if (account === undefined) {
      if (this.#accounts.size >= this.#maxAccounts) {
        this.#void(this.#accounts.values().next().value as ReservedAccount)
      }
      account = { id, open: 0, moved: 0, expiresAt }
      this.#accounts.set(id, account)
    }
    account.open++
    account.expiresAt = Math.max(account.expiresAt, expiresAt)
    return { account, mark: expiresAt + account.moved }
  }

  /** Closes a reservation. Returns its mark as it is now. */
  close({ account, mark }: ReservationMark): number {
    if (--account.open === 0) this.#forget(account)
    return mark - account.moved
  }

  /** Makes all reservations of an account worth that much less. */
  move(account: ReservedAccount, by: number): void {
    account.moved += by
  }

  /** The account, where it has open reservations. */
  find(key: KeyHash): ReservedAccount | undefined {
    return this.#accounts.size === 0 ? undefined : this.#accounts.get(idOf(key))
  }

  /** Makes all reservations of an account worth nothing. */
  void(key: KeyHash): void {
    const account = this.find(key)
    if (account !== undefined) this.#void(account)
  }

  #void(account: ReservedAccount): void {
    account.moved = Infinity
    this.#forget(account)
  }

  #forget(account: ReservedAccount): void {
    if (this.#accounts.get(account.id) === account) this.#accounts.delete(account.id)
  }

  #sweep(now: number): void {
    let left = SWEPT
    for (const [id, account] of this.#accounts) {
      if (left-- === 0) return
      this.#accounts.delete(id)
      if (account.expiresAt > now) this.#accounts.set(id, account)
    }
  }
}

/** As many bits of a hash as a number holds. */
function idOf({ low, high }: KeyHash): number {
  return (low >>> 0) + (high & 0x1fffff) * 2 ** 32
}
