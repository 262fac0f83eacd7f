/**
 * One policy and the accounts of its clients: reads one, looks at it, charges it.
 */
import { type Claim, Claims } from './claims.ts'
import type { Ledger } from './client-table.ts'
import { type Decision, decisionOf } from './decision.ts'
import type { KeyHash } from './key-hash.ts'
import type { Policy } from './policy.ts'

/** Measures one client at a time; {@link read} says which. Moments are nanoseconds. */
export class Meter {
  readonly #ledger: Ledger
  readonly #claims = new Claims()
  #policy: Policy
  #now = 0
  #stored = 0

  constructor(policy: Policy, ledger: Ledger) {
    this.#policy = policy
    this.#ledger = ledger
  }

  /** Reads the account of the key that was hashed last, under a policy that may differ by client. */
  read(key: KeyHash, now: number, policy: Policy): void {
    if (policy !== this.#policy) {
      this.#policy = policy
      this.#ledger.fit(policy.algorithm)
    }
    this.#now = now
    const { account } = this.#ledger
    this.#ledger.read(key, now)
    this.#stored = account.until
    policy.algorithm.settle(account, now)
  }

  /** Until `cost` would be admitted: 0 now, `Infinity` never. */
  wait(cost: number): number {
    return this.#policy.algorithm.wait(this.#ledger.account, cost, this.#now)
  }

  /** Takes `cost`, which must be there. */
  take(cost: number): void {
    this.#policy.algorithm.take(this.#ledger.account, cost, this.#now)
    this.#ledger.write(this.#now)
  }

  /** Claims what was taken just now from the account of that key. */
  claim(key: string): Claim {
    return this.#claims.open(key, this.#ledger.account.until, this.#now)
  }

  /** Ends a claim to the account that was read: `charged` was taken, and `actual` should have been. */
  settle(claim: Claim, charged: number, actual: number): void {
    const mark = this.#claims.close(claim)
    const { account } = this.#ledger
    const { algorithm } = this.#policy
    if (actual > charged) algorithm.penalize(account, actual - charged, this.#now)
    else this.#claims.move(claim, algorithm.restore(account, charged - actual, this.#now, mark))
    this.#ledger.write(this.#now)
  }

  /** Forgets the account that was read, and all claims to it. */
  reset(key: string): void {
    this.#claims.void(key)
    this.#ledger.forget()
  }

  /** Counts a denied request. */
  penalize(cost: number): void {
    this.#policy.algorithm.penalize(this.#ledger.account, cost, this.#now)
    this.#ledger.write(this.#now)
  }

  /**
   * Mends an account that reaches too far ahead, because the clock was set back: without this its
   * client would wait for the old time to come again.
   */
  heal(): void {
    if (this.#stored > this.#ledger.account.until) this.#ledger.write(this.#now)
  }

  /** The account as it is now, as a decision about a request that would have to wait so long. */
  decision(wait: number): Decision {
    return decisionOf(this.#policy, this.#ledger.account, wait, this.#now)
  }
}
