/**
 * One policy and the clients it applies to.
 */
import { debtAt, priceOf, toNanoseconds } from './algorithms/token-bucket.ts'
import type { Ledger } from './client-table.ts'
import { type Decision, decide } from './decision.ts'
import type { Policy } from './policy.ts'

/** Decides about clients by their keys. */
export class Limiter {
  readonly policy: Policy
  readonly #ledger: Ledger

  constructor(policy: Policy, ledger: Ledger) {
    this.policy = policy
    this.#ledger = ledger
  }

  /**
   * Charges `cost` to the client when it can pay, else nothing.
   *
   * @param time milliseconds of a monotonic clock
   */
  check(key: string, cost: number, time: number): Decision {
    const { bucket } = this.policy
    const now = toNanoseconds(time)
    const fullAt = this.#ledger.read(key)
    const debt = debtAt(bucket, fullAt, now)
    const decision = decide(this.policy, debt, cost)
    if (decision.allowed) this.#ledger.write(key, now + debt + priceOf(bucket, cost), now)
    // The clock was set back: without this the client would wait for the old time to come again.
    else if (fullAt > now + debt) this.#ledger.write(key, now + debt, now)
    return decision
  }
}
