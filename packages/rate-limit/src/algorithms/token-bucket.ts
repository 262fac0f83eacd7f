/**
 * The token bucket, kept as one number: the moment at which it will be full again. That is the
 * generic cell rate algorithm (GCRA, ITU-T I.371), whose name for the number is the theoretical
 * arrival time. A bucket whose moment has passed is full: forgetting it loses nothing.
 *
 * Moments and spans are whole nanoseconds, so that sums carry no rounding error (for 104 days from
 * the clock's zero; then to two nanoseconds). The time a token takes is rounded up to the next one.
 */
import { type Clock, describe, InvalidOptionError, monotonicClock } from '@holdfast/core'

/** What makes a bucket, apart from how full it is. */
export interface Bucket {
  /** Tokens in a full bucket: what may be taken at once. */
  readonly capacity: number
  /** Nanoseconds that one token takes to come back: the emission interval. */
  readonly interval: number
  /** Nanoseconds from empty to full: the tolerance. */
  readonly depth: number
}

/** The state of a bucket nobody has taken from. */
export const FULL: number = -Infinity

const NANOSECONDS = 1e6

/** Milliseconds of a clock as whole nanoseconds. */
export function toNanoseconds(milliseconds: number): number {
  return Math.round(milliseconds * NANOSECONDS)
}

/** Nanoseconds as milliseconds. */
export function toMilliseconds(nanoseconds: number): number {
  return nanoseconds / NANOSECONDS
}

/** The bucket that holds `capacity` tokens and gets `tokens` back in every `milliseconds`. */
export function bucketOf(tokens: number, milliseconds: number, capacity: number): Bucket {
  const interval = Math.max(1, Math.ceil((milliseconds * NANOSECONDS) / tokens))
  return { capacity, interval, depth: capacity * interval }
}

/**
 * How far from full the bucket is at `now`, in nanoseconds from 0 to its depth.
 *
 * @param fullAt the bucket's state: when it is full again. More than the bucket's depth ahead can
 * only mean that the clock was set back, and counts as empty.
 */
export function debtAt(bucket: Bucket, fullAt: number, now: number): number {
  return Math.max(0, Math.min(fullAt - now, bucket.depth))
}

/** Whether `cost` tokens can be taken at that debt. The state is then `now + debt + price`. */
export function affords(bucket: Bucket, debt: number, cost: number): boolean {
  return debt + priceOf(bucket, cost) <= bucket.depth
}

/** What taking `cost` tokens adds to the debt. */
export function priceOf(bucket: Bucket, cost: number): number {
  return cost * bucket.interval
}

/** The whole tokens in the bucket at that debt. */
export function tokensAt(bucket: Bucket, debt: number): number {
  return Math.floor((bucket.depth - debt) / bucket.interval)
}

/**
 * Nanoseconds until `cost` tokens can be taken, if nobody else takes any: 0 when they can be taken
 * now, `Infinity` when they are more than the bucket ever holds.
 */
export function waitFor(bucket: Bucket, debt: number, cost: number): number {
  if (cost > bucket.capacity) return Infinity
  return Math.max(0, debt + priceOf(bucket, cost) - bucket.depth)
}

/** What a {@link TokenBucket} is made of. */
export interface TokenBucketOptions {
  /** Tokens that come back in a second: above 0, fractions allowed. */
  readonly rate: number
  /** Tokens in a full bucket: a whole number of at least 0. A bucket starts full. */
  readonly capacity: number
  /**
   * The time in milliseconds. It may jump: forward it fills the bucket, back it empties it at most.
   *
   * @default monotonicClock
   */
  readonly clock?: Clock
}

/**
 * Allows `capacity` at once and `rate` a second in the long run: in any span of `s` seconds at most
 * `capacity + floor(s * rate)` tokens are taken. What is denied costs nothing.
 *
 * ```ts
 * const bucket = new TokenBucket({ rate: 10, capacity: 20 })
 * if (!bucket.allow()) console.log(`again in ${bucket.retryAfter()} ms`)
 * ```
 */
export class TokenBucket {
  readonly #bucket: Bucket
  readonly #clock: Clock
  readonly #start: number
  #fullAt = FULL

  /** @throws InvalidOptionError for a rate or a capacity that cannot be */
  constructor({ rate, capacity, clock = monotonicClock }: TokenBucketOptions) {
    if (!(rate > 0 && Number.isFinite(rate))) {
      throw new InvalidOptionError('rate', 'a finite number above 0', describe(rate))
    }
    checkTokens(capacity, 'capacity')
    this.#bucket = bucketOf(rate, 1000, capacity)
    if (this.#bucket.depth > Number.MAX_SAFE_INTEGER) {
      const expected = 'high enough to fill the bucket within 104 days'
      throw new InvalidOptionError('rate', expected, describe(rate))
    }
    this.#clock = clock
    // Counted from here the nanoseconds stay small, whatever the clock's zero is.
    this.#start = clock()
  }

  /**
   * Takes `cost` tokens if they are all there, else none.
   *
   * @param cost a whole number of at least 0
   * @throws InvalidOptionError for any other cost
   */
  allow(cost = 1): boolean {
    checkTokens(cost, 'cost')
    const now = this.#now()
    const debt = debtAt(this.#bucket, this.#fullAt, now)
    const allowed = affords(this.#bucket, debt, cost)
    this.#fullAt = now + debt + (allowed ? priceOf(this.#bucket, cost) : 0)
    return allowed
  }

  /** The whole tokens that are there now. Takes none. */
  peek(): number {
    return tokensAt(this.#bucket, this.#debt())
  }

  /**
   * Milliseconds until `allow(cost)` would be true, if nobody else takes tokens: 0 when it would be
   * now, `Infinity` when `cost` exceeds the capacity.
   *
   * @throws InvalidOptionError for a cost that is not a whole number of at least 0
   */
  retryAfter(cost = 1): number {
    checkTokens(cost, 'cost')
    return toMilliseconds(waitFor(this.#bucket, this.#debt(), cost))
  }

  #debt(): number {
    return debtAt(this.#bucket, this.#fullAt, this.#now())
  }

  #now(): number {
    return toNanoseconds(this.#clock() - this.#start)
  }
}

function checkTokens(count: number, option: string): void {
  if (!Number.isSafeInteger(count) || count < 0) {
    throw new InvalidOptionError(option, 'a whole number of at least 0', describe(count))
  }
}
