/**
 * The sliding-window counter: two adjacent windows, of which the past one counts for as much as it
 * still overlaps a window that ends now, in whole requests, rounded down. What was admitted comes back
 * evenly one window later.
 *
 * In a span as long as the window it admits up to twice `max`, but never more than `max` at once.
 * Evenly spaced requests are never denied below the rate; rounded up, every second one would be where
 * `max` is 1.
 */
import { type Account, type Algorithm, sharedCapacity } from './algorithm.ts'

/**
 * The counter's arithmetic. In its accounts `expiresAt` is two windows after the beginning of the
 * present one: then nothing that was counted matters any more.
 */
export class SlidingWindowAlgorithm implements Algorithm {
  readonly name = 'sliding-window'
  readonly counts = true
  readonly capacity: number
  readonly span: number
  /** Two windows. */
  readonly lifetime: number

  /**
   * @param max requests in a window
   * @param window nanoseconds
   */
  constructor(max: number, window: number) {
    this.capacity = max
    this.span = window
    this.lifetime = 2 * window
  }

  advance(account: Account, now: number): void {
    const { span: window } = this
    if (account.expiresAt > now + this.lifetime) account.expiresAt = now + this.lifetime
    if (account.expiresAt > now && account.expiresAt <= now + window) {
      account.previous = account.used
      account.used = 0
      account.expiresAt += window
    }
    if (account.expiresAt <= now || (account.used === 0 && account.previous === 0)) {
      account.expiresAt = now
      account.used = 0
      account.previous = 0
    }
  }

  adopt(): void {}

  available(account: Account, now: number): number {
    return Math.max(0, this.capacity - account.used - this.#past(account, now))
  }

  wait(account: Account, cost: number, now: number): number {
    const { used, previous, expiresAt } = account
    if (cost === 0) return 0
    if (cost > this.capacity) return Infinity
    const room = this.capacity - used - cost
    const left = expiresAt - this.span - now
    if (room < 0) return left + this.span - this.#overlap(this.capacity - cost, used)
    // Multiplied instead of divided, the comparison is exact.
    return previous * left < (room + 1) * this.span ? 0 : left - this.#overlap(room, previous)
  }

  take(account: Account, cost: number, now: number): void {
    if (account.expiresAt === now && cost > 0) account.expiresAt = now + this.lifetime
    account.used += cost
  }

  refund(account: Account, cost: number, now: number, mark: number): number {
    if (account.expiresAt === mark) account.used = Math.max(0, account.used - cost)
    else if (account.expiresAt === mark + this.span) {
      account.previous = Math.max(0, account.previous - cost)
    }
    this.advance(account, now)
    return 0
  }

  penalize(account: Account, cost: number, now: number): void {
    this.take(account, Math.min(cost, Math.max(0, this.capacity - account.used)), now)
  }

  timeToFull({ used, previous, expiresAt }: Account, now: number): number {
    const left = expiresAt - this.span - now
    if (used > 0) return left + this.span - this.#overlap(0, used)
    return previous === 0 ? 0 : Math.max(0, left - this.#overlap(0, previous))
  }

  shareFor(processes: number): SlidingWindowAlgorithm {
    return new SlidingWindowAlgorithm(sharedCapacity(this.capacity, processes), this.span)
  }

  inUnits(nanoseconds: number): SlidingWindowAlgorithm {
    return new SlidingWindowAlgorithm(this.capacity, Math.ceil(this.span / nanoseconds))
  }

  /** The requests that the past window still counts for. */
  #past({ previous, expiresAt }: Account, now: number): number {
    return previous === 0 ? 0 : Math.floor((previous * (expiresAt - this.span - now)) / this.span)
  }

  /** The longest overlap, up to a window, in which a past window of `count` counts for `room` at most. */
  #overlap(room: number, count: number): number {
    return Math.min(this.span, Math.ceil(((room + 1) * this.span) / count) - 1)
  }
}
