/**
 * Counters in the memory of this process: one bounded table for all limits of a registration.
 */
import { FixedWindowAlgorithm } from '../algorithms/fixed-window.ts'
import { DEFAULT_MAX, DEFAULT_WINDOW } from '../limit-options.ts'
import { ClientTable, type Ledger, type TableListener } from '../memory/client-table.ts'
import type { Limits } from './options.ts'
import type { Store } from './store.ts'
import { type Count, count, type Penalty, peek } from './window.ts'

/** Milliseconds since 1970, or wherever else the clock begins. */
export type WallClock = () => number

/** Follows whoever replaces the global `Date`, as fake timers do. */
const wallClock: WallClock = () => Date.now()

/** Of different limits. Limits may be made for every request: further ones share an account book. */
const MOST_LEDGERS = 1000

/** What all limits of a registration remember of their clients. */
export class LocalMemory {
  readonly clock: WallClock
  readonly table: ClientTable
  readonly #ledgers = new Map<string, Ledger>()
  #stores = 0

  /** @param maxKeys the most clients to remember, of all limits together */
  constructor(maxKeys: number, listener?: TableListener, clock: WallClock = wallClock) {
    this.table = new ClientTable(maxKeys, listener)
    this.clock = clock
  }

  /** The store of one limit. Those of a group are the same. */
  storeFor(limits: Limits): LocalStore {
    const { max, timeWindow, groupId } = limits
    // What is known of a limit says how much a client owes; what a function answers is not known.
    const terms = [
      typeof max === 'number' ? max : DEFAULT_MAX,
      typeof timeWindow === 'number' ? timeWindow : DEFAULT_WINDOW
    ] as const
    if (groupId === undefined) {
      const ledger = this.#ledger(terms.join('/'), terms)
      return new LocalStore(this, ledger, `limit ${this.#stores++}`, limits)
    }
    const group = `group ${groupId}`
    return new LocalStore(this, this.#ledger(group, terms), group, limits)
  }

  #ledger(name: string, [max, timeWindow]: readonly [max: number, timeWindow: number]): Ledger {
    const kept = this.#ledgers.size < MOST_LEDGERS ? name : 'others'
    let ledger = this.#ledgers.get(name) ?? this.#ledgers.get(kept)
    if (ledger === undefined) {
      ledger = this.table.open(new FixedWindowAlgorithm(Math.max(1, max), timeWindow))
      this.#ledgers.set(kept, ledger)
    }
    return ledger
  }
}

/** The counters of one limit. Never waits, and never fails. */
export class LocalStore implements Store {
  readonly isGroup: boolean
  readonly canRead = true
  readonly #memory: LocalMemory
  readonly #ledger: Ledger
  readonly #prefix: string
  readonly #penalty: Penalty

  constructor(memory: LocalMemory, ledger: Ledger, name: string, limits: Limits) {
    this.isGroup = limits.groupId !== undefined
    this.#memory = memory
    this.#ledger = ledger
    this.#prefix = `${name}\0`
    this.#penalty = limits
  }

  increment(key: string, timeWindow: number, max: number): Count {
    const ledger = this.#ledger
    const now = this.#look(key)
    const counted = count(ledger.account, now, timeWindow, max, this.#penalty)
    if (counted.ttl > ledger.lifetime) ledger.grow(new FixedWindowAlgorithm(1, counted.ttl))
    ledger.write(now)
    return counted
  }

  read(key: string, timeWindow: number, max: number): Count {
    const now = this.#look(key)
    return peek(this.#ledger.account, now, timeWindow, max, this.#penalty)
  }

  /** Reads the account of a key, and the clock. */
  #look(key: string): number {
    const now = this.#memory.clock()
    const { account, lifetime } = this.#ledger
    this.#ledger.read(this.#memory.table.hash(this.#prefix + key), now)
    // Where the clock was set back a window reaches too far: nobody waits for longer than a whole one.
    account.expiresAt = Math.min(account.expiresAt, now + lifetime)
    return now
  }
}
