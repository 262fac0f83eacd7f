/**
 * What is remembered of the clients: for each key and limit one account, bounded in all, without
 * timers. An account is forgotten only when it has expired, which loses nothing. When every slot that
 * a new key may have is taken, the account that owes the least of what it could is evicted, and what
 * it owed goes to a sketch, from which unknown keys start. So a flood of keys can make the limit
 * stricter for newcomers, but nobody's limit laxer.
 */
import { type Account, type Algorithm, emptyAccount } from '../algorithms/algorithm.ts'
import type { TableState } from '../state.ts'
import { DebtSketch } from './debt-sketch.ts'
import { KeyHash } from './key-hash.ts'
import { Ledger, type LedgerTable } from './ledger.ts'
import { SlotTable } from './slot-table.ts'

/** What a table tells whoever runs it. */
export interface TableListener {
  /** An account that still owed something was evicted. */
  evicted(evictions: number, capacity: number): void
  /** About four fifths of a table that has reached its full size are taken. Told once. */
  nearlyFull(capacity: number): void
}

const NEARLY_FULL = 0.8
/** Slots for one cell of a sketch's row: both rows make 2 bytes a slot, and 2 more with counts. */
const SLOTS_PER_CELL = 8
/** A ledger's id in a slot has 16 bits. */
const MAX_LEDGERS = 0xffff

/** The table of one registration, shared by all its limits. */
export class ClientTable implements LedgerTable {
  /** How many accounts were evicted that still owed something. */
  evictions = 0
  readonly slots: SlotTable
  readonly #hash = new KeyHash()
  readonly #listener: TableListener | undefined
  /** By the id they have in a slot. The first is nobody's: an empty slot has it. */
  readonly #ledgers: (Ledger | undefined)[] = [undefined]
  readonly #sketches = new Map<string, DebtSketch>()
  readonly #victim = emptyAccount()
  #isTold = false

  /** @param maxKeys the most keys to remember, of all limits together, rounded up to a multiple of 4 */
  constructor(maxKeys: number, listener?: TableListener) {
    this.#listener = listener
    this.slots = new SlotTable(maxKeys, {
      debtOf: (slot, now) => this.#ledgerIn(slot).debtOf(this.#read(slot), now),
      evict: (slot, now) => this.#evict(slot, now)
    })
  }

  /** The most accounts that are remembered. */
  get capacity(): number {
    return this.slots.capacity
  }

  /** How full the table is at that moment. */
  read(now: number): TableState {
    return { keys: this.slots.estimate(now), maxKeys: this.capacity, evictions: this.evictions }
  }

  /** How many accounts have not expired at that moment. Looks at each: not for every request. */
  size(now: number): number {
    return this.slots.size(now)
  }

  /**
   * Opens one more ledger.
   *
   * @throws RangeError when there are 65,535
   */
  open(algorithm: Algorithm): Ledger {
    const id = this.#ledgers.length
    if (id > MAX_LEDGERS) throw new RangeError(`more than ${MAX_LEDGERS} limits in one table`)
    const ledger = new Ledger(id, this, algorithm)
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

  sketchOf(ledger: Ledger): DebtSketch | undefined {
    return this.#sketches.get(ledger.kind)
  }

  /** Forgets everything. */
  clear(): void {
    this.slots.clear()
    this.#sketches.clear()
  }

  allocate(low: number, high: number, now: number): number {
    const slot = this.slots.insert(low, high, now)
    if (!this.#isTold && this.slots.fullness >= NEARLY_FULL && this.slots.isGrown) {
      this.#isTold = true
      this.#listener?.nearlyFull(this.capacity)
    }
    return slot
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
    sketch.add(this.slots.lowOf(slot), this.slots.highOf(slot), account, now)
    this.evictions++
    this.#listener?.evicted(this.evictions, this.capacity)
  }

  #ledgerIn(slot: number): Ledger {
    return this.#ledgers[this.slots.highOf(slot) >>> 16] as Ledger
  }

  #read(slot: number): Account {
    this.#victim.expiresAt = this.slots.expiryOf(slot)
    this.slots.readCounts(slot, this.#victim)
    return this.#victim
  }
}
