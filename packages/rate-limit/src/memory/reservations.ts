/**
 * What was charged beforehand and is still to be settled.
 *
 * What an account owes comes back by itself, in the order in which it was taken. So of a claim there
 * is only left to give back what its account owes before the claim's mark: where the account's
 * `until` was just after the charge, less what was given back of other claims since. Given back
 * without regard to that, late claims would let more pass than the limit says.
 */
import type { KeyHash } from './key-hash.ts'

/** One charge to one account. */
export interface ReservationMark {
  readonly account: ReservedAccount
  /** Where `until` was after the charge, counted as if nothing had been given back before. */
  readonly mark: number
}

/** An account with claims to it. */
export interface ReservedAccount {
  readonly name: number
  /** Claims that are not settled. */
  open: number
  /** By how much what was given back has moved all marks. */
  moved: number
  /** The last moment at which any claim is worth something. */
  until: number
}

/** Looked at for every new claim, so that claims that are never settled do not pile up. */
const SWEPT = 2

/** The claims to the accounts of one policy. Bounded: claims that there is no room for are void. */
export class OpenReservations {
  readonly #most: number
  readonly #accounts = new Map<number, ReservedAccount>()

  /** @param most the most accounts with claims to them */
  constructor(most: number) {
    this.#most = most
  }

  /** How many accounts have claims to them, or had until a moment ago. */
  get size(): number {
    return this.#accounts.size
  }

  /** Begins a claim, to an account whose `until` is that. */
  open(key: KeyHash, until: number, now: number): ReservationMark {
    this.#sweep(now)
    const name = nameOf(key)
    let account = this.#accounts.get(name)
    if (account === undefined) {
      if (this.#accounts.size >= this.#most) {
        this.#void(this.#accounts.values().next().value as ReservedAccount)
      }
      account = { name, open: 0, moved: 0, until }
      this.#accounts.set(name, account)
    }
    account.open++
    account.until = Math.max(account.until, until)
    return { account, mark: until + account.moved }
  }

  /** Ends a claim. Returns its mark as it is now. */
  close({ account, mark }: ReservationMark): number {
    if (--account.open === 0) this.#forget(account)
    return mark - account.moved
  }

  /** All claims to an account are worth that much less. */
  move(account: ReservedAccount, by: number): void {
    account.moved += by
  }

  /** The account with claims to it, where there are any. */
  find(key: KeyHash): ReservedAccount | undefined {
    return this.#accounts.size === 0 ? undefined : this.#accounts.get(nameOf(key))
  }

  /** What was claimed of an account is worth nothing any more. */
  void(key: KeyHash): void {
    const account = this.find(key)
    if (account !== undefined) this.#void(account)
  }

  #void(account: ReservedAccount): void {
    account.moved = Infinity
    this.#forget(account)
  }

  #forget(account: ReservedAccount): void {
    if (this.#accounts.get(account.name) === account) this.#accounts.delete(account.name)
  }

  #sweep(now: number): void {
    let left = SWEPT
    for (const [name, account] of this.#accounts) {
      if (left-- === 0) return
      this.#accounts.delete(name)
      if (account.until > now) this.#accounts.set(name, account)
    }
  }
}

/** As many bits of a hash as a number holds. */
function nameOf({ low, high }: KeyHash): number {
  return (low >>> 0) + (high & 0x1fffff) * 2 ** 32
}
