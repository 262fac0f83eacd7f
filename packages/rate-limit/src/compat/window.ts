/**
 * The arithmetic of a window that a client's first request opens. All requests are counted until it
 * closes, denied ones too. All times are whole milliseconds.
 */
import type { Account } from '../algorithms/algorithm.ts'

/** A store's answer: the requests in the window, and the milliseconds until it closes. */
export interface Count {
  readonly current: number
  readonly ttl: number
}

/** What happens to the window when its limit is exceeded. */
export interface Penalty {
  /** It starts again with every denied request. */
  readonly continueExceeding: boolean
  /** It starts again with every denied request, twice as long each time. */
  readonly exponentialBackoff: boolean
}

/** The most requests that an account counts. */
const MAX_COUNT = 0xffff_ffff

const NOTHING: Count = { current: 0, ttl: 0 }

/** Counts a request. The account's `expiresAt` is the end of the window. */
export function count(
  account: Account,
  now: number,
  timeWindow: number,
  max: number,
  penalty: Penalty
): Count {
  const current = isOpen(account, now) ? Math.min(account.used + 1, MAX_COUNT) : 1
  const isRestarted = current > max && (penalty.continueExceeding || penalty.exponentialBackoff)
  const ttl =
    current === 1 || isRestarted
      ? spanOf(current, timeWindow, max, penalty)
      : account.expiresAt - now
  account.used = current
  account.expiresAt = now + ttl
  return { current, ttl }
}

/**
 * Reads a count. Where the window grows with every denied request, it is read as if it were as long
 * as the first one.
 */
export function peek(
  account: Account,
  now: number,
  timeWindow: number,
  max: number,
  penalty: Penalty
): Count {
  if (!isOpen(account, now)) return NOTHING
  const { used: current, expiresAt } = account
  const ttl = expiresAt - spanOf(current, timeWindow, max, penalty) + timeWindow - now
  return ttl > 0 ? { current, ttl } : NOTHING
}

function isOpen({ expiresAt, used }: Account, now: number): boolean {
  return expiresAt > now && used > 0
}

function spanOf(current: number, timeWindow: number, max: number, penalty: Penalty): number {
  const { continueExceeding, exponentialBackoff } = penalty
  if (!exponentialBackoff || continueExceeding || current <= max) return timeWindow
  const span = timeWindow * 2 ** (current - max - 1)
  return Number.isSafeInteger(span) ? span : Number.MAX_SAFE_INTEGER
}
