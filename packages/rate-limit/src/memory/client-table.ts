/**
 * What is remembered of the clients: for each key and limit one account, bounded in all, without
 * timers. An account is forgotten only when it says nothing any more, which loses nothing. When
 * every slot that a new key may have is taken, the account that owes the least of what it could is
 * given up, and what it owed goes to a sketch, from which unknown keys start. So a flood of keys can
 * make the limit stricter for newcomers, but nobody's limit laxer.
 */
import { type Account, type Algorithm, emptyAccount } from '../algorithms/algorithm.ts'
import { DebtSketch } from './debt-sketch.ts'
import { KeyHash } from './key-hash.ts'
import { NOWHERE, SlotTable } from './slot-table.ts'

/** What a table tells whoever runs it. */
export interface TableListener {
  /** An account that still owed something was given up. */
  evicted(evictions: number, capacity: number): void
  /** About four fifths of a table that has reached its full size are taken. Told once. */
  nearlyFull(capacity: number): void
}

const NEARLY_FULL = 0.8
/** Slots for one cell of a sketch's row: both rows make 2 bytes a slot, and 2 more with counts. */
const SLOTS_PER_CELL = 8
/** A ledger's name in a slot has 16 bits. */
const MOST_LEDGERS = 0xffff

/** The table of one registration, shared by all its limits. */
export class ClientTable {
  /** Accounts given up that still owed something. */
  evictions = 0
  readonly #slots: SlotTable
  readonly #hash = new KeyHash()
  readonly #listener: TableListener | undefined
  /** By the name they have in a slot. The first is nobody's: an empty slot has it. */
  readonly #ledgers: (Ledger | undefined)[] = [undefined]
  readonly #sketches = new Map<string, DebtSketch>()
  readonly #victim = emptyAccount()
  #told = false

  /** @param maxKeys the most keys to remember, of all limits together, rounded up to a multiple of 4 */
  constructor(maxKeys: number, listener?: TableListener) {
    this.#listener = listener
    this.#slots = new SlotTable(maxKeys, {
      debtOf: (slot, now) => this.#debtOf(slot, now),
      evict: (slot, now) => this.#evict(slot, now)
    })
  }

  /** The most accounts that are remembered. */
  get capacity(): number {
    return this.#slots.capacity
  }

  /** How many accounts say something at that moment. Looks at each: not for every request. */
  size(now: number): number {
    return this.#slots.size(now)
  }

  /** Opens the ledger of one more limit. */
  open(algorithm: Algorithm): Ledger {
    const name = this.#ledgers.length
    if (name > MOST_LEDGERS) throw new RangeError(`more than ${MOST_LEDGERS} limits in one table`)
    const ledger = new Ledger(name, this, this.#slots, algorithm)
    this.#ledgers.push(ledger)
    return ledger
  }

  /** Hashes a key, for the ledgers to read. */
  hash(key: string): KeyHash {
    this.#hash.hash(key)
    return this.#hash
  }

  /** The key that was hashed last. */
  get lastHash(): KeyHash {
    return this.#hash
  }

  /** What was given up of accounts like the ledger's; `undefined` as long as nothing was. */
  sketchOf(ledger: Ledger): DebtSketch | undefined {
    return this.#sketches.get(ledger.kind)
  }

  /** Forgets everything. */
  clear(): void {
    this.#slots.clear()
    this.#sketches.clear()
  }

  /** Takes a slot for a new key. */
  allocate(low: number, high: number, now: number): number {
    const slot = this.#slots.insert(low, high, now)
    if (!this.#told && this.#slots.fullness >= NEARLY_FULL && this.#slots.isGrown) {
      this.#told = true
      this.#listener?.nearlyFull(this.capacity)
    }
    return slot
  }

  /** An account's debt as a share of the most it could owe. */
  #debtOf(slot: number, now: number): number {
    return this.#ledgerIn(slot).debtOf(this.#read(slot), now)
  }

  #evict(slot: number, now: number): void {
    const ledger = this.#ledgerIn(slot)
    const account = this.#read(slot)
    let sketch = this.#sketches.get(ledger.kind)
    if (sketch === undefined) {
      sketch = new DebtSketch(this.capacity / SLOTS_PER_CELL, ledger.counts)
      this.#sketches.set(ledger.kind, sketch)
    }
    sketch.lifetime = Math.max(sketch.lifetime, ledger.lifetime)
    // Where the clock was set back, what lies too far ahead must not get there.
    account.expiresAt = Math.min(account.expiresAt, now + ledger.lifetime)
    sketch.add(this.#slots.lowOf(slot), this.#slots.highOf(slot), account, now)
    this.evictions++
    this.#listener?.evicted(this.evictions, this.capacity)
  }

  #ledgerIn(slot: number): Ledger {
    return this.#ledgers[this.#slots.highOf(slot) >>> 16] as Ledger
  }

  #read(slot: number): Account {
    this.#victim.expiresAt = this.#slots.untilOf(slot)
    this.#slots.readCounts(slot, this.#victim)
    return this.#victim
  }
}

/** The accounts of one limit. Reads one at a time, and writes the one that was read last. */
export class Ledger {
  /** What was read last, and is written next. */
  readonly account: Account = emptyAccount()
  readonly counts: boolean
  /**
   * Whose given-up debts are kept together: those of one algorithm that weigh about the same, so
   * that one limit's flood does not make another's newcomers wait for hours.
   */
  readonly kind: string
  /** The longest that one of its accounts can say anything. */
  lifetime = 0
  readonly #name: number
  readonly #salt: number
  readonly #table: ClientTable
  readonly #slots: SlotTable
  #capacity = 0
  #low = 0
  #high = 0
  #slot = NOWHERE

  constructor(name: number, table: ClientTable, slots: SlotTable, algorithm: Algorithm) {
    this.#name = name << 16
    // Keys of several limits must not all fall into the same groups.
    this.#salt = Math.imul(name, 0x9e3779b1)
    this.#table = table
    this.#slots = slots
    this.counts = algorithm.counts
    const weight = algorithm.lifetime / Math.max(1, algorithm.capacity)
    this.kind = `${algorithm.name} ${Math.floor(Math.log2(weight) / 2)}`
    this.grow(algorithm)
  }

  /** Makes room for accounts of that algorithm, of the same name as the ledger's first. */
  grow({ lifetime, capacity }: Algorithm): void {
    if (lifetime > this.lifetime) this.lifetime = lifetime
    if (capacity > this.#capacity) this.#capacity = capacity
  }

  /** Reads the account of the key that was hashed last. */
  read({ low, high }: KeyHash, now: number): void {
    this.#low = low ^ this.#salt
    this.#high = (high & 0xffff) | this.#name
    this.#slot = this.#slots.find(this.#low, this.#high)
    const { account } = this
    if (this.#slot !== NOWHERE) {
      account.expiresAt = this.#slots.untilOf(this.#slot)
      if (this.counts) this.#slots.readCounts(this.#slot, account)
      return
    }
    account.expiresAt = -Infinity
    account.used = 0
    account.previous = 0
    this.#table.sketchOf(this)?.read(this.#low, this.#high, account, now)
  }

  /** Writes the account that was read last. One that says nothing needs no slot. */
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
    this.#slots.writeUntil(this.#slot, account.expiresAt)
    if (this.counts) this.#slots.writeCounts(this.#slot, account.used, account.previous)
  }

  /** Forgets the account that was read last, and what a sketch would start it from. */
  forget(): void {
    const { account } = this
    account.expiresAt = -Infinity
    account.used = 0
    account.previous = 0
    this.#slot = this.#slots.find(this.#low, this.#high)
    if (this.#slot !== NOWHERE) this.#slots.writeUntil(this.#slot, -Infinity)
    this.#table.sketchOf(this)?.forget(this.#low, this.#high)
  }

  /** An account's debt as a share of the most it could owe. */
  debtOf({ expiresAt, used, previous }: Account, now: number): number {
    if (this.counts) return (used + previous) / this.#capacity
    return (expiresAt - now) / this.lifetime
  }
}
