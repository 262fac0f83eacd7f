/**
 * The fixed window: a client's first request opens it, and until it closes `max` are admitted.
 *
 * In a span as long as the window it admits up to twice `max`: one at its beginning and the rest at
 * the end of one window, and all of the next.
 */
import type { Account, Algorithm } from './algorithm.ts'

/** The window's arithmetic. In its accounts `until` is the window's end. */
export class FixedWindowAlgorithm implements Algorithm {
  readonly name = 'fixed-window'
  readonly counts = true
  /** Requests in a window. */
  readonly capacity: number
  /** The window in nanoseconds. */
  readonly horizon: number

  constructor(max: number, window: number) {
    this.capacity = max
    this.horizon = window
  }

  settle(account: Account, now: number): void {
    if (account.until <= now || account.used === 0) {
      account.until = now
      account.used = 0
    } else if (account.until > now + this.horizon) {
      account.until = now + this.horizon
    }
  }

  available({ used }: Account): number {
    // A limit that was lowered meanwhile may have been exceeded already.
    return Math.max(0, this.capacity - used)
  }

  wait({ until, used }: Account, cost: number, now: number): number {
    if (cost === 0) return 0
    if (cost > this.capacity) return Infinity
    return used + cost <= this.capacity ? 0 : until - now
  }

  take(account: Account, cost: number, now: number): void {
    if (account.used === 0 && cost > 0) account.until = now + this.horizon
    account.used += cost
  }

  restore(account: Account, cost: number, now: number, mark: number): number {
    if (account.until !== mark) return 0
    account.used = Math.max(0, account.used - cost)
    if (account.used === 0) account.until = now
    return 0
  }

  penalize(account: Account, cost: number, now: number): void {
    this.take(account, Math.min(cost, this.available(account)), now)
  }

  restored({ until }: Account, now: number): number {
    return until - now
  }
}
