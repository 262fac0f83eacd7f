/**
 * The memory of a table of accounts: groups of four slots in typed arrays, added one by one, so that
 * there is no object, string or timer for a key.
 *
 * A slot takes 16 bytes: 48 bits of the key's hash and 16 that name its ledger, and the moment at
 * which its account expires. Ledgers that count take 8 more. A slot whose moment has passed is free,
 * so nothing has to be swept.
 */
import type { Account } from '../algorithms/algorithm.ts'

/** Slots of a group. */
export const SLOTS = 4

/** No slot. */
export const NOWHERE = -1

/** Of a slot: two words of the key's hash, and as much again for the moment. */
const WORDS = 4
const MOMENTS = 2
/** Slots of a chunk. Memory is asked for by the chunk, and touched by the group. */
const CHUNK_SHIFT = 14
const CHUNK_MASK = (1 << CHUNK_SHIFT) - 1
/** Large memory begins 16 bytes into a page: from here on no group is in two lines of the cache. */
const PADDING = 48

/** Groups, and what is in their slots. Moments are nanoseconds. */
export class SlotGroups {
  /** The most groups. */
  readonly maxGroups: number
  /** Hashes of the keys. The chunk's moments are in the same memory, each behind its hash. */
  readonly #words: Int32Array[] = []
  readonly #moments: Float64Array[] = []
  /** Used and previous. Only where a ledger counts. */
  readonly #counts: (Uint32Array | undefined)[] = []
  #groups = 0

  /** @param maxKeys the most keys to hold, rounded up to a multiple of four */
  constructor(maxKeys: number) {
    this.maxGroups = Math.ceil(maxKeys / SLOTS)
  }

  /** How many groups there are. */
  get groups(): number {
    return this.#groups
  }

  /** The most keys that it holds. */
  get capacity(): number {
    return this.maxGroups * SLOTS
  }

  /** Whether the slot holds that key. A slot found earlier may have got another key since. */
  holds(slot: number, low: number, high: number): boolean {
    if (slot === NOWHERE) return false
    const words = this.#words[slot >> CHUNK_SHIFT] as Int32Array
    const at = wordAt(slot)
    return words[at] === low && words[at + 1] === high
  }

  /** The upper half of the hash in a slot, which names the ledger. */
  highOf(slot: number): number {
    return (this.#words[slot >> CHUNK_SHIFT] as Int32Array)[wordAt(slot) + 1] as number
  }

  /** The lower half of the hash in a slot. */
  lowOf(slot: number): number {
    return (this.#words[slot >> CHUNK_SHIFT] as Int32Array)[wordAt(slot)] as number
  }

  /** The moment at which the account in a slot expires. */
  expiryOf(slot: number): number {
    return (this.#moments[slot >> CHUNK_SHIFT] as Float64Array)[momentAt(slot)] as number
  }

  /** Reads the counts of a slot. */
  readCounts(slot: number, account: Account): void {
    const counts = this.#counts[slot >> CHUNK_SHIFT]
    const at = countAt(slot)
    account.used = counts?.[at] ?? 0
    account.previous = counts?.[at + 1] ?? 0
  }

  /** Writes the key of a slot. */
  writeKey(slot: number, low: number, high: number): void {
    const words = this.#words[slot >> CHUNK_SHIFT] as Int32Array
    const at = wordAt(slot)
    words[at] = low
    words[at + 1] = high
  }

  /** Writes the moment at which the account in a slot expires. */
  writeExpiry(slot: number, expiresAt: number): void {
    ;(this.#moments[slot >> CHUNK_SHIFT] as Float64Array)[momentAt(slot)] = expiresAt
  }

  /** Writes the counts of a slot. */
  writeCounts(slot: number, used: number, previous: number): void {
    const chunk = slot >> CHUNK_SHIFT
    let counts = this.#counts[chunk]
    if (counts === undefined) {
      counts = new Uint32Array((this.#words[chunk] as Int32Array).length / 2)
      this.#counts[chunk] = counts
    }
    const at = countAt(slot)
    counts[at] = used
    counts[at + 1] = previous
  }

  /** Moves what is in one slot to another. */
  move(from: number, to: number): void {
    this.writeKey(to, this.lowOf(from), this.highOf(from))
    this.writeExpiry(to, this.expiryOf(from))
    const counts = this.#counts[from >> CHUNK_SHIFT]
    if (counts !== undefined) {
      const source = countAt(from)
      this.writeCounts(to, counts[source] as number, counts[source + 1] as number)
    }
    this.erase(from)
  }

  /** Frees a slot, and makes its key impossible to find. */
  erase(slot: number): void {
    this.writeKey(slot, 0, 0)
    this.writeExpiry(slot, -Infinity)
  }

  /** The slot of a key in a group, or {@link NOWHERE}. */
  findIn(group: number, low: number, high: number): number {
    const slot = group * SLOTS
    const words = this.#words[slot >> CHUNK_SHIFT] as Int32Array
    const base = wordAt(slot)
    for (let index = 0; index < SLOTS; index++) {
      const at = base + index * WORDS
      if (words[at] === low && words[at + 1] === high) return slot + index
    }
    return NOWHERE
  }

  /** How many slots of a group are taken. */
  takenIn(group: number, now: number): number {
    const slot = group * SLOTS
    const moments = this.#moments[slot >> CHUNK_SHIFT] as Float64Array
    const base = momentAt(slot)
    let taken = 0
    for (let index = 0; index < SLOTS; index++) {
      if ((moments[base + index * MOMENTS] as number) > now) taken++
    }
    return taken
  }

  /** A free slot of a group, or {@link NOWHERE}. */
  freeIn(group: number, now: number): number {
    const slot = group * SLOTS
    const moments = this.#moments[slot >> CHUNK_SHIFT] as Float64Array
    const base = momentAt(slot)
    for (let index = 0; index < SLOTS; index++) {
      if ((moments[base + index * MOMENTS] as number) <= now) return slot + index
    }
    return NOWHERE
  }

  /** Adds a group. */
  addGroup(): void {
    const first = this.#groups * SLOTS
    if ((first & CHUNK_MASK) === 0) {
      const slots = Math.min(CHUNK_MASK + 1, this.capacity - first)
      // Zeroed by the system when it is first touched, and no sooner.
      const memory = new ArrayBuffer(PADDING + slots * WORDS * Int32Array.BYTES_PER_ELEMENT)
      this.#words.push(new Int32Array(memory, PADDING))
      this.#moments.push(new Float64Array(memory, PADDING))
      this.#counts.push(undefined)
    }
    this.#groups++
    for (let slot = first; slot < first + SLOTS; slot++) this.writeExpiry(slot, -Infinity)
  }

  /** Drops all groups, and gives their memory back. */
  dropGroups(): void {
    this.#words.length = 0
    this.#moments.length = 0
    this.#counts.length = 0
    this.#groups = 0
  }
}

function wordAt(slot: number): number {
  return (slot & CHUNK_MASK) * WORDS
}

function momentAt(slot: number): number {
  return (slot & CHUNK_MASK) * MOMENTS + 1
}

function countAt(slot: number): number {
  return (slot & CHUNK_MASK) * 2
}
