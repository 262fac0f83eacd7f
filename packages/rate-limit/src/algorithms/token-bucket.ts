/**
 * The token bucket, kept as one number: the moment at which it will be full again. That is the
 * generic cell rate algorithm (GCRA, ITU-T I.371), whose name for the number is the theoretical
 * arrival time. A bucket whose moment has passed is full: forgetting it loses nothing.
 *
 * In any span of length `s` it admits at most `capacity + floor(s / interval)`. Evenly spaced requests
 * are never denied below the rate. An account is a debt in time, which buckets of other numbers may
 * read: a token costs each its own interval. Where these change from request to request, a span of
 * length `s` sees tokens of at most `s` and the largest tolerance.
 */
import { type Clock, monotonicClock } from '@holdfast/core'
import { describe, InvalidOptionError } from '@holdfast/core/options'
import { type Account, type Algorithm, emptyAccount, sharedCapacity } from './algorithm.ts'
import { toMilliseconds, toNanoseconds } from './nanoseconds.ts'

/**
 * The longest time from empty to full in a unit that {@link Algorithm.inUnits} is given: as
 * microseconds 142 years. Added to the present moment it is still exact.
 */
const MAX_UNITS = 2 ** 52

/** The bucket's arithmetic. Its accounts use `expiresAt` alone. */
export class TokenBucketAlgorithm implements Algorithm {
  readonly name = 'token-bucket'
  readonly counts = false
  /** Tokens in a full bucket. */
  readonly capacity: number
  /** The time in which one token comes back: the emission interval. */
  readonly span: number
  /** The time from empty to full: the tolerance. */
  readonly tolerance: number
  readonly lifetime: number

  /**
   * @param capacity tokens in a full bucket
   * @param interval nanoseconds in which one token comes back
   * @param lifetime nanoseconds from empty to full under any numbers that read the same accounts; the
   *   tolerance by default and at least
   */
  constructor(capacity: number, interval: number, lifetime: number = 0) {
    this.capacity = capacity
    this.span = interval
    this.tolerance = capacity * interval
    this.lifetime = Math.max(this.tolerance, lifetime)
  }

  advance(account: Account, now: number, lifetime: number = this.lifetime): void {
    account.expiresAt = Math.max(now, Math.min(account.expiresAt, now + lifetime))
  }

  adopt(): void {}

  available({ expiresAt }: Account, now: number): number {
    // Under other numbers more may have been taken than this bucket holds.
    return Math.max(0, Math.floor((this.tolerance - (expiresAt - now)) / this.span))
  }

  wait({ expiresAt }: Account, cost: number, now: number): number {
    if (cost > this.capacity) return Infinity
    if (cost === 0) return 0
    return Math.max(0, expiresAt - now + cost * this.span - this.tolerance)
  }

  take(account: Account, cost: number): void {
    account.expiresAt += cost * this.span
  }

  refund(account: Account, cost: number, now: number, mark: number): number {
    const back = Math.max(0, Math.min(cost * this.span, mark - now))
    account.expiresAt = Math.max(now, account.expiresAt - back)
    return back
  }

  penalize(account: Account, cost: number, now: number): void {
    const most = Math.max(account.expiresAt, now + this.tolerance)
    account.expiresAt = Math.min(account.expiresAt + cost * this.span, most)
  }

  timeToFull({ expiresAt }: Account, now: number): number {
    return expiresAt - now
  }

  shareFor(processes: number): TokenBucketAlgorithm {
    const capacity = sharedCapacity(this.capacity, processes)
    return new TokenBucketAlgorithm(capacity, this.span * processes, this.lifetime)
  }

  /** Of a bucket that would take more than {@link MAX_UNITS} to fill a token comes back sooner. */
  inUnits(nanoseconds: number): TokenBucketAlgorithm {
    const { capacity } = this
    const interval = Math.ceil(this.span / nanoseconds)
    const longest = Math.floor(MAX_UNITS / Math.max(1, capacity))
    const lifetime = Math.min(Math.ceil(this.lifetime / nanoseconds), MAX_UNITS)
    return new TokenBucketAlgorithm(capacity, Math.min(interval, longest), lifetime)
  }
}

/** A bucket of `capacity` into which `tokens` come back in every span of nanoseconds, evenly. */
export function bucketOf(
  tokens: number,
  span: number,
  capacity: number,
  lifetime?: number
): TokenBucketAlgorithm {
  return new TokenBucketAlgorithm(capacity, Math.max(1, Math.ceil(span / tokens)), lifetime)
}

/**
 * A bucket that admits at most `max` in any span of that many nanoseconds, both its ends included:
 * `burst` at once, and no more than the rest come back before the span is over.
 */
export function strictBucketOf(
  max: number,
  span: number,
  burst: number,
  lifetime?: number
): TokenBucketAlgorithm {
  return new TokenBucketAlgorithm(burst, Math.floor(span / (max - burst + 1)) + 1, lifetime)
}

/** The options of a {@link TokenBucket}. */
export interface TokenBucketOptions {
  /** Tokens that come back in a second: above 0, fractions allowed. */
  readonly rate: number
  /** Tokens in a full bucket: a whole number of at least 0. A bucket starts full. */
  readonly capacity: number
  /**
   * The time in milliseconds. It may jump: a jump forward fills the bucket, a jump back empties it at
   * most.
   *
   * @default monotonicClock
   */
  readonly clock?: Clock | undefined
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
  readonly #bucket: TokenBucketAlgorithm
  readonly #clock: Clock
  readonly #start: number
  readonly #account = emptyAccount()

  /** @throws InvalidOptionError for a rate or a capacity that cannot be */
  constructor({ rate, capacity, clock = monotonicClock }: TokenBucketOptions) {
    if (!(rate > 0 && Number.isFinite(rate))) {
      throw new InvalidOptionError('rate', 'a finite number above 0', describe(rate))
    }
    checkTokens(capacity, 'capacity')
    this.#bucket = bucketOf(rate, toNanoseconds(1000), capacity)
    if (this.#bucket.tolerance > Number.MAX_SAFE_INTEGER) {
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
    const allowed = this.#bucket.wait(this.#account, cost, this.#advance()) === 0
    if (allowed) this.#bucket.take(this.#account, cost)
    return allowed
  }

  /** The whole tokens that are there now. Takes none. */
  peek(): number {
    return this.#bucket.available(this.#account, this.#advance())
  }

  /**
   * Milliseconds until `allow(cost)` would be true, if nobody else takes tokens: 0 when it would be
   * now, `Infinity` when `cost` exceeds the capacity.
   *
   * @throws InvalidOptionError for a cost that is not a whole number of at least 0
   */
  retryAfter(cost = 1): number {
    checkTokens(cost, 'cost')
    return toMilliseconds(this.#bucket.wait(this.#account, cost, this.#advance()))
  }

  /** Brings the account to the present, and returns that. */
  #advance(): number {
    const now = toNanoseconds(this.#clock() - this.#start)
    this.#bucket.advance(this.#account, now)
    return now
  }
}

function checkTokens(count: number, option: string): void {
  if (!Number.isSafeInteger(count) || count < 0) {
    throw new InvalidOptionError(option, 'a whole number of at least 0', describe(count))
  }
}
