/**
 * One bounded hash table of accounts, in groups of four slots.
 *
 * Each key has two groups, and goes where there is more room. The table grows a group at a time
 * (linear hashing), by splitting the next one in turn, until it has the groups it may have. When both
 * groups of a new key are full an entry is moved to its other group; only when that is full too, for
 * all eight, one is evicted: the owner of the table chooses, and keeps what it owed.
 */
import { NOWHERE, SLOTS, SlotGroups } from './slot-groups.ts'

/** What a table asks of its owner. */
export interface SlotOwner {
  /** How much the entry in a slot owes, of what it could: the one with the least is evicted. */
  debtOf(slot: number, now: number): number
  /** The entry in a slot is about to be evicted. */
  evict(slot: number, now: number): void
}

/** Of the slots of two groups, how many are taken when the table grows. */
const CROWDED = 5
const FIRST_GROUPS = 64
/** The most groups that an estimate looks at. */
const MAX_SAMPLED = 1024

/** The accounts of all ledgers of an app. */
export class SlotTable extends SlotGroups {
  /** How full the table is where new keys come to: 0 to 1, as an average over the last hundreds. */
  fullness = 0
  readonly #owner: SlotOwner
  /** The last new key found so little room that the next one should find more. */
  #crowded = false
  /** The groups as of the last time they had doubled, less one. */
  #mask = 0

  /** @param maxKeys the most keys to hold, rounded up to a multiple of four */
  constructor(maxKeys: number, owner: SlotOwner) {
    super(maxKeys)
    this.#owner = owner
    this.clear()
  }

  /** Whether it has grown as large as it may. */
  get isGrown(): boolean {
    return this.groups === this.maxGroups
  }

  /** Empties the table, and gives its memory back. */
  clear(): void {
    this.dropGroups()
    this.#crowded = false
    this.fullness = 0
    const first = Math.min(FIRST_GROUPS, this.maxGroups)
    while (this.groups < first) this.addGroup()
    this.#mask = (1 << (31 - Math.clz32(first))) - 1
  }

  /** The slot of a key, or {@link NOWHERE}. */
  find(low: number, high: number): number {
    const slot = this.findIn(this.#groupOf(low), low, high)
    return slot === NOWHERE ? this.findIn(this.#groupOf(otherHash(low, high)), low, high) : slot
  }

  /**
   * Makes a slot for a key that has none. Its moment and counts are still to be written. Slots that
   * were found before may have moved.
   */
  insert(low: number, high: number, now: number): number {
    if (this.#crowded) this.#split(now)
    const slot = this.#roomFor(low, high, now)
    this.writeKey(slot, low, high)
    return slot
  }

  /** How many slots are taken. Looks at every one. */
  size(now: number): number {
    let size = 0
    for (let group = 0; group < this.groups; group++) size += this.takenIn(group, now)
    return size
  }

  /** The same, told from groups that are spread evenly over the table; exact where they are all of them. */
  estimate(now: number): number {
    const step = Math.ceil(this.groups / MAX_SAMPLED)
    let taken = 0
    let sampled = 0
    for (let group = 0; group < this.groups; group += step) {
      taken += this.takenIn(group, now)
      sampled++
    }
    return Math.round((taken * this.groups) / sampled)
  }

  #groupOf(hash: number): number {
    const group = hash & (2 * this.#mask + 1)
    return group < this.groups ? group : group & this.#mask
  }

  #roomFor(low: number, high: number, now: number): number {
    const first = this.#groupOf(low)
    const second = this.#groupOf(otherHash(low, high))
    const inFirst = this.takenIn(first, now)
    const inSecond = this.takenIn(second, now)
    this.#crowded = inFirst + inSecond >= CROWDED && !this.isGrown
    this.fullness += ((inFirst + inSecond) / (2 * SLOTS) - this.fullness) / 256
    const free = this.freeIn(inFirst <= inSecond ? first : second, now)
    if (free !== NOWHERE) return free
    const vacated = this.#vacate(first, second, now)
    return vacated === NOWHERE ? this.#evict(first, second, now) : vacated
  }

  /** Moves an entry of two full groups to its other group, if one can be moved. */
  #vacate(first: number, second: number, now: number): number {
    for (const group of [first, second]) {
      for (let slot = group * SLOTS; slot < (group + 1) * SLOTS; slot++) {
        const free = this.freeIn(this.#otherGroup(slot, group), now)
        if (free !== NOWHERE) {
          this.move(slot, free)
          return slot
        }
      }
    }
    return NOWHERE
  }

  /** Evicts the entry of two full groups that owes the least. */
  #evict(first: number, second: number, now: number): number {
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

  /** Adds the next group, and moves there what belongs there now. */
  #split(now: number): void {
    const group = this.groups
    this.addGroup()
    if (group > 2 * this.#mask + 1) this.#mask = 2 * this.#mask + 1
    const old = group & this.#mask
    for (let slot = old * SLOTS; slot < (old + 1) * SLOTS; slot++) {
      if (this.expiryOf(slot) <= now) {
        // Its key may be looked for elsewhere from now on, and must not be found twice.
        this.erase(slot)
      } else {
        const home = this.#groupOf(this.lowOf(slot))
        const other = this.#groupOf(otherHash(this.lowOf(slot), this.highOf(slot)))
        if (home !== old && other !== old) this.move(slot, this.freeIn(group, now))
      }
    }
  }
}

/** From one hash to the other: what a slot keeps of its key is enough to find both its groups. */
function otherHash(low: number, high: number): number {
  const mixed = Math.imul(low ^ Math.imul(high, 0x85ebca6b), 0xc2b2ae35)
  return mixed ^ (mixed >>> 15)
}
