/**
 * What is remembered of the clients: for each key one number, bounded in all, without timers.
 *
 * A key is forgotten only when its bucket is full again, which loses nothing. When every key still
 * owes, none is forgotten: further new keys of a policy share one bucket, its overflow. A key that
 * is not known starts from the state of the overflow, because it may have taken from it. So a flood
 * of keys can make the limit stricter for newcomers, but nobody's limit laxer.
 */
import { FULL } from './algorithms/token-bucket.ts'

/** How many old keys a new one makes us look at: enough to keep pace, and more when there is no room. */
const LOOKS = 2
const LOOKS_WHEN_FULL = 64

/** The table of one registration, shared by all its policies. */
export class ClientTable {
  readonly #maxKeys: number
  readonly #ledgers: Ledger[] = []
  #size = 0
  #round = this.#visitAll()

  /** @param maxKeys the most keys to remember, of all policies together */
  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys
  }

  /** The keys remembered, of all policies together. */
  get size(): number {
    return this.#size
  }

  /** Opens the ledger of one more policy. */
  open(): Ledger {
    const ledger = new Ledger((now) => this.#claim(now))
    this.#ledgers.push(ledger)
    return ledger
  }

  /** Forgets everything. */
  clear(): void {
    for (const ledger of this.#ledgers) ledger.clear()
    this.#size = 0
    // A round that stopped midway holds on to the keys as they were.
    this.#round = this.#visitAll()
  }

  /** Takes the room for one more key, if there is any. */
  #claim(now: number): boolean {
    for (let looked = 0; looked < (this.#isFull() ? LOOKS_WHEN_FULL : LOOKS); looked++) {
      if (this.#round.next(now).done) this.#round = this.#visitAll()
    }
    if (this.#isFull()) return false
    this.#size++
    return true
  }

  #isFull(): boolean {
    return this.#size >= this.#maxKeys
  }

  /** Visits every key, one a step, and forgets those that owe nothing at the time of the step. */
  *#visitAll(): Generator<undefined, void, number> {
    for (const ledger of this.#ledgers) {
      for (const key of ledger.keys()) {
        const now = yield
        if (ledger.forget(key, now)) this.#size--
      }
    }
  }
}

/** The clients of one policy. Moments are nanoseconds: when a client's bucket is full again. */
export class Ledger {
  readonly #moments = new Map<string, number>()
  readonly #claim: (now: number) => boolean
  #overflow = FULL

  /** @param claim asks the table for room for one more key */
  constructor(claim: (now: number) => boolean) {
    this.#claim = claim
  }

  /** When the client's bucket is full again. */
  read(key: string): number {
    return this.#moments.get(key) ?? this.#overflow
  }

  /** Keeps the moment for the client, or for the overflow when there is no room for a new one. */
  write(key: string, fullAt: number, now: number): void {
    if (this.#moments.has(key)) this.#moments.set(key, fullAt)
    else if (this.#claim(now)) this.#moments.set(copyOf(key), fullAt)
    else this.#overflow = fullAt
  }

  /** The keys that are remembered. */
  keys(): Iterable<string> {
    return this.#moments.keys()
  }

  /** Forgets a key that owes nothing. Returns whether it did. */
  forget(key: string, now: number): boolean {
    return this.read(key) <= now && this.#moments.delete(key)
  }

  /** Forgets everything. */
  clear(): void {
    this.#moments.clear()
    this.#overflow = FULL
  }
}

/** A key is often a slice of a header, and a slice keeps the whole header alive. */
function copyOf(key: string): string {
  return JSON.parse(JSON.stringify(key)) as string
}
