/**
 * One bounded hash table of accounts, in typed arrays: no object, string or timer for a key.
 *
 * Groups of four slots; each key has two groups, and goes where there is more room. A slot is free
 * as soon as its account says nothing any more, so nothing has to be swept. The table grows a group
 * at a time (linear hashing), by splitting the next one in turn, until it has the groups it may have.
 * When both groups of a new key are full an entry is moved to its other group; only when that is
 * full too, for all eight, one is given up: the owner of the table chooses, and keeps what it owed.
 *
 * A slot takes 16 bytes: 48 bits of the key's hash and 16 that name its ledger, and the moment until
 * which it matters. Ledgers that count take 8 more.
 */
import type { Account } from '../algorithms/algorithm.ts'

/** What a table asks of its owner. */
export interface SlotOwner {
  /** How much the entry in a slot owes, of what it could: the one with the least is given up. */
  debtOf(slot: number, now: number): number
  /** The entry in a slot is about to be given up. */
  evict(slot: number, now: number): void
}

const SLOTS = 4
/** Of a slot: two words of the key's hash, and as much again for the moment. */
const WORDS = 4
const MOMENTS = 2
/** Slots of a chunk. Memory is asked for by the chunk, and touched by the group. */
const CHUNK_SHIFT = 14
const CHUNK_MASK = (1 << CHUNK_SHIFT) - 1
/** Of the slots of two groups, how many are taken when the table grows. */
const CROWDED = 5
const FIRST_GROUPS = 64
/** Large memory begins 16 bytes into a page: from here on no group is in two lines of the cache. */
const PADDING = 48

/** No slot. */
export const NOWHERE = -1

/** The accounts of all ledgers of an app. */
export class SlotTable {
  /** How full the table is where new keys come to: 0 to 1, as an average over the last hundreds. */
  fullness = 0
  readonly #owner: SlotOwner
  readonly #limit: number
  /** Hashes of the keys. The chunk's moments are in the same memory, each behind its hash. */
  readonly #words: Int32Array[] = []
  readonly #moments: Float64Array[] = []
  /** Used and previous. Only where somebody counts. */
  readonly #counts: (Uint32Array | undefined)[] = []
  /** The last new key found so little room that the next one should find more. */
  #crowded = false
  #groups = 0
  /** The groups as of the last time they had doubled, less one. */
  #mask = 0

  /** @param maxKeys the most keys to hold, rounded up to a multiple of four */
  constructor(maxKeys: number, owner: SlotOwner) {
    this.#limit = Math.ceil(maxKeys / SLOTS)
    this.#owner = owner
    this.clear()
  }

  /** The most keys that it holds. */
  get capacity(): number {
    return this.#limit * SLOTS
  }

  /** Whether it has grown as large as it may. */
  get isGrown(): boolean {
    return this.#groups === this.#limit
  }

  /** Empties the table, and gives its memory back. */
  clear(): void {
    this.#words.length = 0
    this.#moments.length = 0
    this.#counts.length = 0
    this.#groups = 0
    this.#crowded = false
    this.fullness = 0
    const first = Math.min(FIRST_GROUPS, this.#limit)
    while (this.#groups < first) this.#open()
    this.#mask = (1 << (31 - Math.clz32(first))) - 1
  }

  /** The slot of a key, or {@link NOWHERE}. */
  find(low: number, high: number): number {
    const first = this.#groupOf(low)
    const slot = this.#findIn(first, low, high)
    return slot === NOWHERE ? this.#findIn(this.#groupOf(otherHash(low, high)), low, high) : slot
  }

  /** Whether the slot holds that key. A slot found earlier may have got another entry since. */
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

  /** The moment in a slot. */
  untilOf(slot: number): number {
    return (this.#moments[slot >> CHUNK_SHIFT] as Float64Array)[momentAt(slot)] as number
  }

  /** Reads the counts of a slot. */
  readCounts(slot: number, account: Account): void {
    const counts = this.#counts[slot >> CHUNK_SHIFT]
    const at = countAt(slot)
    account.used = counts?.[at] ?? 0
    account.previous = counts?.[at + 1] ?? 0
  }

  /** Writes the moment of a slot. */
  writeUntil(slot: number, until: number): void {
    ;(this.#moments[slot >> CHUNK_SHIFT] as Float64Array)[momentAt(slot)] = until
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

  /**
   * Makes a slot for a key that has none. Its moment and counts are still to be written. Slots that
   * were found before may have moved.
   */
  insert(low: number, high: number, now: number): number {
    if (this.#crowded) this.#split(now)
    const slot = this.#roomFor(low, high, now)
    const words = this.#words[slot >> CHUNK_SHIFT] as Int32Array
    const at = wordAt(slot)
    words[at] = low
    words[at + 1] = high
    return slot
  }

  /** How many slots are taken. Looks at every one. */
  size(now: number): number {
    let size = 0
    for (let group = 0; group < this.#groups; group++) size += this.#liveIn(group, now)
    return size
  }

  #groupOf(hash: number): number {
    const group = hash & (2 * this.#mask + 1)
    return group < this.#groups ? group : group & this.#mask
  }

  #findIn(group: number, low: number, high: number): number {
    const slot = group * SLOTS
    const words = this.#words[slot >> CHUNK_SHIFT] as Int32Array
    const base = wordAt(slot)
    for (let index = 0; index < SLOTS; index++) {
      const at = base + index * WORDS
      if (words[at] === low && words[at + 1] === high) return slot + index
    }
    return NOWHERE
  }

  #liveIn(group: number, now: number): number {
    const slot = group * SLOTS
    const moments = this.#moments[slot >> CHUNK_SHIFT] as Float64Array
    const base = momentAt(slot)
    let live = 0
    for (let index = 0; index < SLOTS; index++) {
      if ((moments[base + index * MOMENTS] as number) > now) live++
    }
    return live
  }

  #freeIn(group: number, now: number): number {
    const slot = group * SLOTS
    const moments = this.#moments[slot >> CHUNK_SHIFT] as Float64Array
    const base = momentAt(slot)
    for (let index = 0; index < SLOTS; index++) {
      if ((moments[base + index * MOMENTS] as number) <= now) return slot + index
    }
    return NOWHERE
  }

  #roomFor(low: number, high: number, now: number): number {
    const first = this.#groupOf(low)
    const second = this.#groupOf(otherHash(low, high))
    const inFirst = this.#liveIn(first, now)
    const inSecond = this.#liveIn(second, now)
    this.#crowded = inFirst + inSecond >= CROWDED && !this.isGrown
    this.fullness += ((inFirst + inSecond) / (2 * SLOTS) - this.fullness) / 256
    const free = this.#freeIn(inFirst <= inSecond ? first : second, now)
    if (free !== NOWHERE) return free
    const vacated = this.#vacate(first, second, now)
    return vacated === NOWHERE ? this.#giveUp(first, second, now) : vacated
  }

  /** Moves an entry of two full groups to its other group, if one can be moved. */
  #vacate(first: number, second: number, now: number): number {
    for (const group of [first, second]) {
      for (let slot = group * SLOTS; slot < (group + 1) * SLOTS; slot++) {
        const free = this.#freeIn(this.#otherGroup(slot, group), now)
        if (free !== NOWHERE) {
          this.#move(slot, free)
          return slot
        }
      }
    }
    return NOWHERE
  }

  /** Gives up the entry of two full groups that owes the least. */
  #giveUp(first: number, second: number, now: number): number {
    let least = Infinity
    let victim = NOWHERE
    for (const group of [first, second]) {
      for (let slot = group * SLOTS; slot < (group + 1) * SLOTS; slot++) {
        const debt = this.#owner.debtOf(slot, now)
        if (debt < least) {
          least = debt
          victim = slot
        }
      }
    }
    this.#owner.evict(victim, now)
    return victim
  }

  #otherGroup(slot: number, group: number): number {
    const low = this.lowOf(slot)
    const home = this.#groupOf(low)
    return home === group ? this.#groupOf(otherHash(low, this.highOf(slot))) : home
  }

  /** Opens the next group, and moves there what belongs there now. */
  #split(now: number): void {
    const group = this.#groups
    this.#open()
    if (group > 2 * this.#mask + 1) this.#mask = 2 * this.#mask + 1
    const old = group & this.#mask
    for (let slot = old * SLOTS; slot < (old + 1) * SLOTS; slot++) {
      if (this.untilOf(slot) <= now) {
        // Its key may be looked for elsewhere from now on, and must not be found twice.
        this.#erase(slot)
      } else {
        const home = this.#groupOf(this.lowOf(slot))
        const other = this.#groupOf(otherHash(this.lowOf(slot), this.highOf(slot)))
        if (home !== old && other !== old) this.#move(slot, this.#freeIn(group, now))
      }
    }
  }

  #move(from: number, to: number): void {
    const words = this.#words[to >> CHUNK_SHIFT] as Int32Array
    const at = wordAt(to)
    words[at] = this.lowOf(from)
    words[at + 1] = this.highOf(from)
    this.writeUntil(to, this.untilOf(from))
    const counts = this.#counts[from >> CHUNK_SHIFT]
    if (counts !== undefined) {
      const source = countAt(from)
      this.writeCounts(to, counts[source] as number, counts[source + 1] as number)
    }
    this.#erase(from)
  }

  #erase(slot: number): void {
    const words = this.#words[slot >> CHUNK_SHIFT] as Int32Array
    const at = wordAt(slot)
    words[at] = 0
    words[at + 1] = 0
    this.writeUntil(slot, -Infinity)
  }

  #open(): void {
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
    for (let slot = first; slot < first + SLOTS; slot++) this.writeUntil(slot, -Infinity)
  }
}

/** From one hash to the other: what a slot keeps of its key is enough to find both its groups. */
function otherHash(low: number, high: number): number {
  const mixed = Math.imul(low ^ Math.imul(high, 0x85ebca6b), 0xc2b2ae35)
  return mixed ^ (mixed >>> 15)
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
