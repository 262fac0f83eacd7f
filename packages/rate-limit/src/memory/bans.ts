/**
 * The banned clients, and when their bans end. Bounded like the table of clients, and made the same
 * way. When there are more bans than it holds, one of those that end soonest is forgotten: nobody is
 * banned in another's place.
 */
import { toMilliseconds, toNanoseconds } from '../algorithms/nanoseconds.ts'
import { KeyHash } from './key-hash.ts'
import { NOWHERE } from './slot-groups.ts'
import { SlotTable } from './slot-table.ts'

/** Bans by key. Times are milliseconds of a monotonic clock. */
export class Bans {
  readonly #hash = new KeyHash()
  readonly #slots: SlotTable
  /** The end of the last ban, in nanoseconds: after that, nobody has to be looked up. */
  #last = -Infinity

  /** @param maxBans the most bans at the same time, rounded up to a multiple of four */
  constructor(maxBans: number) {
    this.#slots = new SlotTable(maxBans, {
      debtOf: (slot, now) => this.#slots.expiryOf(slot) - now,
      evict: () => {}
    })
  }

  /** Bans a key for so long from now, in place of a ban there is; 0 ends that. */
  ban(key: string, duration: number, time: number): void {
    const now = toNanoseconds(time)
    const end = now + toNanoseconds(duration)
    const { low, high } = this.#hashed(key)
    let slot = this.#slots.find(low, high)
    if (slot === NOWHERE) {
      if (duration === 0) return
      slot = this.#slots.insert(low, high, now)
    }
    this.#slots.writeExpiry(slot, end)
    this.#last = Math.max(this.#last, end)
  }

  /** Milliseconds until the key's ban ends; 0 where there is none. */
  left(key: string, time: number): number {
    const now = toNanoseconds(time)
    if (now >= this.#last) return 0
    const { low, high } = this.#hashed(key)
    const slot = this.#slots.find(low, high)
    return slot === NOWHERE ? 0 : toMilliseconds(Math.max(0, this.#slots.expiryOf(slot) - now))
  }

  #hashed(key: string): KeyHash {
    this.#hash.hash(key)
    return this.#hash
  }
}
