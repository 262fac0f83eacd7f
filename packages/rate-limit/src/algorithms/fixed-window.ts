/**
 * The fixed window: a client's first request opens it, and until it closes `max` are admitted.
 *
 * In a span as long as the window it admits up to twice `max`: one at its beginning and the rest at
 * the end of one window, and all of the next. Evenly spaced requests are never denied below the rate.
 */
import { type Account, type Algorithm, sharedCapacity } from './algorithm.ts'

/** The window's arithmetic. In its accounts `expiresAt` is the window's end. */
export class FixedWindowAlgorithm implements Algorithm {
  readonly name = 'fixed-window'
  readonly counts = true
  readonly capacity: number
  readonly span: number
  readonly lifetime: number

  /**
   * @param max requests in a window
   * @param window nanoseconds
   */
  constructor(max: number, window: number) {
    this.capacity = max
    this.span = window
    this.lifetime = window
  }

  advance(account: Account, now: number): void {
    if (account.expiresAt <= now || account.used === 0) {
      account.expiresAt = now
      account.used = 0
    } else if (account.expiresAt > now + this.lifetime) {
      account.expiresAt = now + this.lifetime
    }
  }

  adopt(account: Account, now: number): void {
    if (account.used > 0) account.expiresAt = now + this.span
  }

  available({ used }: Account): number {
    // A limit that was lowered meanwhile may have been exceeded already.
    return Math.max(0, this.capacity - used)
  }

  wait({ expiresAt, used }: Account, cost: number, now: number): number {
    if (cost === 0) return 0
    if (cost > this.capacity) return Infinity
    return used + cost <= this.capacity ? 0 : expiresAt - now
  }

  take(account: Account, cost: number, now: number): void {
    if (account.used === 0 && cost > 0) account.expiresAt = now + this.lifetime
    account.used += cost
  }

  refund(account: Account, cost: number, now: number, mark: number): number {
    if (account.expiresAt !== mark) return 0
    account.used = Math.max(0, account.used - cost)
    if (account.used === 0) account.expiresAt = now
    return 0
  }

  penalize(account: Account, cost: number, now: number): void {
    this.take(account, Math.min(cost, this.available(account)), now)
  }

  timeToFull({ expiresAt }: Account, now: number): number {
    return expiresAt - now
  }

  shareFor(processes: number): FixedWindowAlgorithm {
    return new FixedWindowAlgorithm(sharedCapacity(this.capacity, processes), this.span)
  }

  inUnits(nanoseconds: number): FixedWindowAlgorithm {
    return new FixedWindowAlgorithm(this.capacity, Math.ceil(this.span / nanoseconds))
  }
}
