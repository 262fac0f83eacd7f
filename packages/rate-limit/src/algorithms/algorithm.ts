/**
 * What every way of counting offers. An algorithm holds the numbers of a limit and nothing of any
 * client: a client's state is an account, which the algorithm is handed together with the time.
 * Moments and spans are whole nanoseconds, unless {@link Algorithm.inUnits} made it; amounts are
 * requests.
 */

/** The ways to count. */
export type AlgorithmName = 'token-bucket' | 'sliding-window' | 'fixed-window'

/** The state of one client under one limit. */
export interface Account {
  /** The moment from which the account equals one that was never used: it has expired then. */
  expiresAt: number
  /** Requests counted in the present window. */
  used: number
  /** Requests counted in the window before. */
  previous: number
}

/** An account nobody has used. */
export function emptyAccount(): Account {
  return { expiresAt: -Infinity, used: 0, previous: 0 }
}

/** One way of counting, for one limit. What looks at an account expects one brought to `now`. */
export interface Algorithm {
  readonly name: AlgorithmName
  /** The most that is ever admitted at once. */
  readonly capacity: number
  /** The window; of the token bucket the time in which one token comes back. */
  readonly span: number
  /** The longest time from an account's last use until it expires, whatever `max` was then. */
  readonly lifetime: number
  /** Whether `used` and `previous` are of use: the token bucket needs neither. */
  readonly counts: boolean
  /**
   * Brings an account to `now`. One that expires later than any can was written before the clock
   * was set back; it is taken for as strict as an account can be at `now`, and no stricter.
   *
   * @param lifetime the longest that any account of the limit lasts, where that may be longer
   */
  advance(account: Account, now: number, lifetime?: number): void
  /**
   * Prepares an account that may be another client's for a charge: from then on it lasts as long as
   * one that begins at `now`, so that the charge is not forgotten early.
   */
  adopt(account: Account, now: number): void
  /** Whole requests that would be admitted at once. */
  available(account: Account, now: number): number
  /**
   * The time until `cost` would be admitted if nobody else asked: 0 now, `Infinity` never. A cost of
   * 0 always is.
   */
  wait(account: Account, cost: number, now: number): number
  /** Takes `cost`, which must be there. */
  take(account: Account, cost: number, now: number): void
  /**
   * Gives back of `cost`, taken when `expiresAt` came to be `mark`, what has not come back by itself.
   *
   * @returns the time by which other marks of the account are worth less for that
   */
  refund(account: Account, cost: number, now: number, mark: number): number
  /** Counts a request that was denied, as far as there is anything left to take. */
  penalize(account: Account, cost: number, now: number): void
  /** The time until everything is available again. */
  timeToFull(account: Account, now: number): number
  /**
   * The part of the limit that one of so many processes may admit by itself. What admits anything
   * goes on admitting at least one.
   */
  shareFor(processes: number): Algorithm
  /** The same limit in a unit of so many nanoseconds, rounded so that it is never more generous. */
  inUnits(nanoseconds: number): Algorithm
}

/** The capacity of one of so many processes. */
export function sharedCapacity(capacity: number, processes: number): number {
  return Math.min(capacity, Math.max(1, Math.floor(capacity / processes)))
}
