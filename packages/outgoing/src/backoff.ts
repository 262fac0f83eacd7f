/**
 * How long to wait before a try is repeated. All callers of an upstream that has failed would come back
 * at once, so the wait is random from 0 on ("full jitter"): nothing spreads them better.
 */

/** Milliseconds: the bound of the first wait, which doubles, and the largest bound. */
const FIRST = 50
const MAX = 1000

/**
 * Returns how many milliseconds to wait before a retry.
 *
 * @param retry which retry it is, from 1
 * @param retryAfter the milliseconds that the upstream asked for, 0 for none: the wait is never shorter
 * @param random a number from 0 to below 1
 */
export function waitBefore(retry: number, retryAfter: number, random: number): number {
  if (retryAfter > 0) return retryAfter + random * Math.min(MAX, retryAfter / 2)
  return random * Math.min(MAX, FIRST * 2 ** (retry - 1))
}
