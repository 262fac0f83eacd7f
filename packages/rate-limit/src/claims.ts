/**
 * What was charged beforehand and is still to be settled.
 *
 * What an account owes comes back by itself, in the order in which it was taken. So of a claim there
 * is only left to give back what its account owes before the claim's mark: where the account's
 * `until` was just after the charge, less what was given back of other claims since. Given back
 * without regard to that, late claims would let more pass than the limit says.
 */

/** One charge to one account. */
export interface Claim {
  readonly account: ClaimedAccount
  /** Where `until` was after the charge, counted as if nothing had been given back before. */
  readonly mark: number
}

/** An account with claims to it. */
interface ClaimedAccount {
  readonly key: string
  /** Claims that are not settled. */
  open: number
  /** By how much what was given back has moved all marks. */
  moved: number
  /** The last moment at which any claim is worth something. */
  until: number
}

/** Looked at for every new claim, so that claims that are never settled do not pile up. */
const SWEPT = 2

/** The claims to the accounts of one policy. */
export class Claims {
  readonly #accounts = new Map<string, ClaimedAccount>()

  /** How many accounts have claims to them, or had until a moment ago. */
  get size(): number {
    return this.#accounts.size
  }

  /** Begins a claim, to an account whose `until` is that. */
  open(key: string, until: number, now: number): Claim {
    this.#sweep(now)
    let account = this.#accounts.get(key)
    if (account === undefined) {
      account = { key, open: 0, moved: 0, until }
      this.#accounts.set(key, account)
    }
    account.open++
    account.until = Math.max(account.until, until)
    return { account, mark: until + account.moved }
  }

  /** Ends a claim. Returns its mark as it is now. */
  close({ account, mark }: Claim): number {
    if (--account.open === 0) this.#forget(account)
    return mark - account.moved
  }

  /** The claims to the same account are worth that much less. */
  move({ account }: Claim, by: number): void {
    account.moved += by
  }

  /** What was claimed of an account is worth nothing any more. */
  void(key: string): void {
    const account = this.#accounts.get(key)
    if (account === undefined) return
    account.moved = Infinity
    this.#forget(account)
  }

  #forget(account: ClaimedAccount): void {
    if (this.#accounts.get(account.key) === account) this.#accounts.delete(account.key)
  }

  #sweep(now: number): void {
    let left = SWEPT
    for (const [key, account] of this.#accounts) {
      if (left-- === 0) return
      this.#accounts.delete(key)
      if (account.until > now) this.#accounts.set(key, account)
    }
  }
}
