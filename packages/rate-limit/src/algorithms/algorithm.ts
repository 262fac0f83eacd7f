/**
 * What every way of counting offers. An algorithm holds the numbers of a limit and nothing of any
 * client: a client's state is an account, which the algorithm is handed together with the time.
 * Moments and spans are whole nanoseconds, amounts are requests.
 */

/** The ways to count. */
export type AlgorithmName = 'token-bucket' | 'sliding-window' | 'fixed-window'

/** What is known of one client under one limit. An account whose `until` has passed says nothing. */
export interface Account {
  /** The moment from which the account equals one that was never used. */
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

/** One way of counting, for one limit. Every other member expects an account that was settled. */
export interface Algorithm {
  readonly name: AlgorithmName
  /** The most that is ever admitted at once. */
  readonly capacity: number
  /** The longest that an account can say anything after it was last used. */
  readonly lifetime: number
  /** Whether `used` and `previous` are of use: the token bucket needs neither. */
  readonly counts: boolean
  /**
   * Brings an account to `now`. One that reaches further ahead than it can was written before the
   * clock was set back; it is taken for as strict as an account can be at `now`, and no stricter.
   */
  advance(account: Account, now: number): void
  /** Whole requests that would be admitted at once. */
  available(account: Account, now: number): number
  /** Until `cost` would be admitted if nobody else asked: 0 now, `Infinity` never. 0 always is. */
  wait(account: Account, cost: number, now: number): number
  /** Takes `cost`, which must be there. */
  take(account: Account, cost: number, now: number): void
  /**
   * Gives back of `cost`, taken when `until` came to be `mark`, what has not come back by itself.
   *
   * @returns by how much that makes other marks of the account worth less
   */
  refund(account: Account, cost: number, now: number, mark: number): number
  /** Counts a request that was denied, as far as there is anything left to take. */
  penalize(account: Account, cost: number, now: number): void
  /** Until everything is available again. */
  timeToFull(account: Account, now: number): number
}
