/**
 * Counters in the memory of this process: one bounded table for all limits of a registration.
 */
import { FixedWindowAlgorithm } from '../algorithms/fixed-window.ts'
import { DEFAULT_MAX, DEFAULT_WINDOW } from '../limit-options.ts'
import { ClientTable, type TableListener } from '../memory/client-table.ts'
import type { Ledger } from '../memory/ledger.ts'
import type { Limits } from './limits.ts'
import type { Store } from './store.ts'
import { type Count, count, type Penalty, peek } from './window.ts'

/** A clock in milliseconds, since any moment. */
export type WallClock = () => number

/** Looks `Date` up each time: fake timers replace it. */
const wallClock: WallClock = () => Date.now()

/** The most ledgers, one for each different limit. Further limits share one: they may be made for every request. */
const MAX_LEDGERS = 1000

/** The memory of all limits of a registration. */
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

  /** The store of one limit. Limits of the same group share their counters. */
  storeFor(limits: Limits): LocalStore {
    const { max, timeWindow, groupId } = limits
    // A full table forgets first who owes least of the limit. What a function will return is not known.
    const numbers = [
      typeof max === 'number' ? max : DEFAULT_MAX,
      typeof timeWindow === 'number' ? timeWindow : DEFAULT_WINDOW
    ] as const
    if (groupId === undefined) {
      const ledger = this.#ledger(numbers.join('/'), numbers)
      return new LocalStore(this, ledger, `limit ${this.#stores++}`, limits)
    }
    const group = `group ${groupId}`
    return new LocalStore(this, this.#ledger(group, numbers), group, limits)
  }

  #ledger(name: string, [max, timeWindow]: readonly [max: number, timeWindow: number]): Ledger {
    const id = this.#ledgers.size < MAX_LEDGERS ? name : 'others'
    let ledger = this.#ledgers.get(name) ?? this.#ledgers.get(id)
    if (ledger === undefined) {
      ledger = this.table.open(new FixedWindowAlgorithm(Math.max(1, max), timeWindow))
      this.#ledgers.set(id, ledger)
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
    const now = this.#read(key)
    const { account } = ledger
    // What a full table kept may be another client's, whose window ends before one that begins now.
    if (ledger.isFromSketch && account.expiresAt > now) account.expiresAt = now + timeWindow
    const counted = count(account, now, timeWindow, max, this.#penalty)
    if (counted.ttl > ledger.lifetime) ledger.grow(new FixedWindowAlgorithm(1, counted.ttl))
    ledger.write(now)
    return counted
  }

  read(key: string, timeWindow: number, max: number): Count {
    const now = this.#read(key)
    return peek(this.#ledger.account, now, timeWindow, max, this.#penalty)
  }

  /** Reads the account of a key, and the clock. */
  #read(key: string): number {
    const now = this.#memory.clock()
    const { account, lifetime } = this.#ledger
    this.#ledger.read(this.#memory.table.hash(this.#prefix + key), now)
    // Where the clock was set back a window ends too late: no client waits longer than a whole one.
    account.expiresAt = Math.min(account.expiresAt, now + lifetime)
    return now
  }
}
