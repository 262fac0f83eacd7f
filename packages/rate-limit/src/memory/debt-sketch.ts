/**
 * What is remembered of accounts that the table evicted: a count-min sketch (Cormode and
 * Muthukrishnan) that keeps the largest debt in each cell instead of a sum.
 *
 * Each key has a cell in each of two rows. What it owed is kept in both, unless the cell has more
 * already; read back is the smaller of the two. So a key never gets back less debt than it had, and
 * sometimes somebody else's: it may be limited early, never late. A cell empties itself with time.
 */
import type { Account } from '../algorithms/algorithm.ts'

/** The debts of one kind of account. */
export class DebtSketch {
  /** The longest that any of its accounts lasts, in nanoseconds. */
  lifetime = 0
  readonly #shift: number
  /** The moment of each cell, at which what it keeps expires. */
  readonly #moments: Float64Array
  /** Used and previous of each cell, where they are of use. */
  readonly #counts: Uint32Array | undefined

  /**
   * @param cells in each row, rounded down to a power of two
   * @param counts whether the accounts have counts
   */
  constructor(cells: number, counts: boolean) {
    const bits = Math.max(1, Math.floor(Math.log2(cells)))
    this.#shift = 32 - bits
    this.#moments = new Float64Array(2 << bits).fill(-Infinity)
    if (counts) this.#counts = new Uint32Array(4 << bits)
  }

  /** Keeps what an account owes. */
  add(low: number, high: number, account: Account, now: number): void {
    this.#addTo(this.#first(low, high), account, now)
    this.#addTo(this.#second(low, high), account, now)
  }

  /** Reads what a key may owe. */
  read(low: number, high: number, account: Account, now: number): void {
    const first = this.#first(low, high)
    const second = this.#second(low, high)
    account.expiresAt = Math.min(this.#repair(first, now), this.#repair(second, now))
    const counts = this.#counts
    if (counts === undefined) return
    account.used = Math.min(counts[2 * first] as number, counts[2 * second] as number)
    account.previous = Math.min(counts[2 * first + 1] as number, counts[2 * second + 1] as number)
  }

  /**
   * Forgets what a key may owe. It is the smaller of two cells, so that one is enough: the one that
   * is smaller already, which says the least about others.
   */
  forget(low: number, high: number): void {
    const first = this.#first(low, high)
    const second = this.#second(low, high)
    const smaller =
      (this.#moments[first] as number) < (this.#moments[second] as number) ? first : second
    this.#moments[smaller] = -Infinity
    this.#counts?.fill(0, 2 * smaller, 2 * smaller + 2)
  }

  #addTo(cell: number, { expiresAt, used, previous }: Account, now: number): void {
    const stored = this.#moments[cell] as number
    const hasExpired = stored <= now
    this.#moments[cell] = Math.max(stored, expiresAt)
    const counts = this.#counts
    if (counts === undefined) return
    counts[2 * cell] = hasExpired ? used : Math.max(counts[2 * cell] as number, used)
    counts[2 * cell + 1] = hasExpired
      ? previous
      : Math.max(counts[2 * cell + 1] as number, previous)
  }

  /** The moment of a cell; brought back into reach where the clock was set back since. */
  #repair(cell: number, now: number): number {
    const moment = this.#moments[cell] as number
    if (moment <= now + this.lifetime) return moment
    this.#moments[cell] = now + this.lifetime
    return now + this.lifetime
  }

  #first(low: number, high: number): number {
    return Math.imul(low ^ Math.imul(high, 0x9e3779b1), 0x85ebca77) >>> this.#shift
  }

  #second(low: number, high: number): number {
    const cell = Math.imul(low ^ Math.imul(high, 0xc2b2ae3d), 0x27d4eb2f) >>> this.#shift
    return cell + this.#moments.length / 2
  }
}
