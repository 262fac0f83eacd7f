/**
 * The accounts of one limit in one window, in the table that all limits share.
 */
import { type Account, type Algorithm, emptyAccount } from '../algorithms/algorithm.ts'
import type { DebtSketch } from './debt-sketch.ts'
import type { KeyHash } from './key-hash.ts'
import { NOWHERE } from './slot-groups.ts'
import type { SlotTable } from './slot-table.ts'

/** What a ledger asks of the table that it is part of. */
export interface LedgerTable {
  readonly slots: SlotTable
  /** Takes a slot for a new key. */
  allocate(low: number, high: number, now: number): number
  /** What was evicted of accounts like the ledger's; `undefined` as long as nothing was. */
  sketchOf(ledger: Ledger): DebtSketch | undefined
}

/** Reads one account at a time, and writes the one that was read last. Moments are nanoseconds. */
export class Ledger {
  /** What was read last, and is written next. */
  readonly account: Account = emptyAccount()
  readonly counts: boolean
  /**
   * The accounts whose evicted debts are kept together: those of one algorithm that weigh about the
   * same, so that one limit's flood does not make another's newcomers wait for hours.
   */
  readonly kind: string
  /** The longest that one of its accounts lasts. */
  lifetime = 0
  /** Whether the account that was read last comes from the sketch, and may be another client's. */
  isFromSketch = false
  readonly #id: number
  readonly #salt: number
  readonly #table: LedgerTable
  readonly #slots: SlotTable
  /** The most that an account owes under the numbers seen so far: requests, or nanoseconds of a bucket. */
  #fullDebt = 1
  #low = 0
  #high = 0
  #slot = NOWHERE

  /** @param id a whole number of 16 bits, which no other ledger of the table has */
  constructor(id: number, table: LedgerTable, algorithm: Algorithm) {
    this.#id = id << 16
    // Keys of several limits must not all fall into the same groups.
    this.#salt = Math.imul(id, 0x9e3779b1)
    this.#table = table
    this.#slots = table.slots
    this.counts = algorithm.counts
    this.kind = `${algorithm.name} ${Math.floor(Math.log2(weightOf(algorithm)) / 2)}`
    this.grow(algorithm)
  }

  /** Makes room for accounts of that algorithm, of the same name as the ledger's first. */
  grow({ lifetime, capacity, span }: Algorithm): void {
    if (lifetime > this.lifetime) this.lifetime = lifetime
    const fullDebt = this.counts ? capacity : capacity * span
    if (fullDebt > this.#fullDebt) this.#fullDebt = fullDebt
  }

  /** Reads the account of a key. */
  read({ low, high }: KeyHash, now: number): void {
    this.#low = low ^ this.#salt
    this.#high = (high & 0xffff) | this.#id
    this.#slot = this.#slots.find(this.#low, this.#high)
    const { account } = this
    if (this.#slot !== NOWHERE) {
      account.expiresAt = this.#slots.expiryOf(this.#slot)
      if (this.counts) this.#slots.readCounts(this.#slot, account)
      this.isFromSketch = false
      return
    }
    account.expiresAt = -Infinity
    account.used = 0
    account.previous = 0
    const sketch = this.#table.sketchOf(this)
    sketch?.read(this.#low, this.#high, account, now)
    this.isFromSketch = sketch !== undefined
  }

  /** Writes the account that was read last. One that has expired needs no slot. */
  write(now: number): void {
    const { account } = this
    if (!this.#slots.holds(this.#slot, this.#low, this.#high)) {
      // What other ledgers wrote meanwhile may have moved it.
      this.#slot = this.#slots.find(this.#low, this.#high)
      if (this.#slot === NOWHERE) {
        if (account.expiresAt <= now) return
        this.#slot = this.#table.allocate(this.#low, this.#high, now)
      }
    }
    this.#slots.writeExpiry(this.#slot, account.expiresAt)
    if (this.counts) this.#slots.writeCounts(this.#slot, account.used, account.previous)
  }

  /** Forgets the account that was read last, and what a sketch would start it from. */
  forget(): void {
    const { account } = this
    account.expiresAt = -Infinity
    account.used = 0
    account.previous = 0
    this.#slot = this.#slots.find(this.#low, this.#high)
    if (this.#slot !== NOWHERE) this.#slots.writeExpiry(this.#slot, -Infinity)
    this.#table.sketchOf(this)?.forget(this.#low, this.#high)
  }

  /** An account's debt as a share of the most it could owe. */
  debtOf({ expiresAt, used, previous }: Account, now: number): number {
    return (this.counts ? used + previous : expiresAt - now) / this.#fullDebt
  }
}

/** The time for which one request counts. */
function weightOf({ name, capacity, span }: Algorithm): number {
  return name === 'token-bucket' ? span : span / Math.max(1, capacity)
}
