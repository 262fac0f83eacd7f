/**
 * How many retries an upstream may be sent: a share of the first tries, and a few a second besides. So
 * an upstream that fails everything is sent little more than it is asked for, however many retries
 * each call would like. The rule is that of Finagle, Linkerd and Envoy (GEP-3388).
 */

/** The length of the time that is counted, in milliseconds, and of each of its ten parts. */
const WINDOW = 10_000
const BUCKETS = 10
const BUCKET = WINDOW / BUCKETS
const SECONDS = WINDOW / 1000

/** What a budget is made of. */
export interface BudgetRules {
  /** The share of the first tries that may be tried again. */
  readonly ratio: number
  /** The retries in a second that are allowed besides. */
  readonly minimum: number
}

/** What has happened in the last ten seconds, by its bucket. */
class RecentCount {
  readonly #counts = new Float64Array(BUCKETS)
  total = 0

  add(index: number): void {
    this.#counts[index] = (this.#counts[index] as number) + 1
    this.total++
  }

  /** Takes one back. Does nothing where there is none. */
  remove(index: number): void {
    const count = this.#counts[index] as number
    if (count === 0) return
    this.#counts[index] = count - 1
    this.total--
  }

  forget(index: number): void {
    this.total -= this.#counts[index] as number
    this.#counts[index] = 0
  }
}

/**
 * Hedges may take one in so many of the retries that are allowed: an upstream with too much to do
 * answers late, and would be sent hedges for as long as there are any.
 */
const RETRIES_FOR_A_HEDGE = 3

/** The retries of one upstream in the last ten seconds. Time is an argument, in milliseconds. */
export class RetryBudget {
  readonly #rules: BudgetRules
  readonly #firsts = new RecentCount()
  /** Hedges included. */
  readonly #retries = new RecentCount()
  readonly #hedges = new RecentCount()
  /** The number of the present bucket, counted from the beginning of time. */
  #current = -Infinity

  constructor(rules: BudgetRules) {
    this.#rules = rules
  }

  /** Counts the first try of a call. Retries and hedges are none. */
  countFirst(now: number): void {
    this.#firsts.add(this.#advance(now))
  }

  /** Takes a retry. Returns whether there was one to take. */
  take(now: number): boolean {
    const index = this.#advance(now)
    if (this.#left() < 1) return false
    this.#retries.add(index)
    return true
  }

  /**
   * Takes a hedge, which is a retry that a third of the budget is there for. Returns whether there was
   * one to take.
   */
  takeHedge(now: number): boolean {
    const index = this.#advance(now)
    if (this.#leftForHedges() < 1 || this.#left() < 1) return false
    this.#retries.add(index)
    this.#hedges.add(index)
    return true
  }

  /**
   * Gives a retry back that was not sent after all.
   *
   * @param takenAt when it was taken: what was taken more than ten seconds ago has no effect any more
   */
  giveBack(takenAt: number, now: number): void {
    this.#advance(now)
    const bucket = bucketOf(takenAt)
    if (bucket > this.#current - BUCKETS) this.#retries.remove(indexOf(bucket))
  }

  /** Gives a hedge back that has just been taken, and was not sent after all. */
  giveBackHedge(now: number): void {
    this.giveBack(now, now)
    this.#hedges.remove(indexOf(bucketOf(now)))
  }

  /** The retries that may be sent at this moment: a whole number. */
  left(now: number): number {
    this.#advance(now)
    return Math.max(0, Math.floor(this.#left()))
  }

  #left(): number {
    const { ratio, minimum } = this.#rules
    return ratio * this.#firsts.total + minimum * SECONDS - this.#retries.total
  }

  /** The larger of share and minimum, not both: with many calls it is the share alone. */
  #leftForHedges(): number {
    const { ratio, minimum } = this.#rules
    const allowed = Math.max(ratio * this.#firsts.total, minimum * SECONDS)
    return allowed / RETRIES_FOR_A_HEDGE - this.#hedges.total
  }

  /** Forgets what is older than the window. Returns the index of the present bucket. */
  #advance(now: number): number {
    const bucket = Math.max(bucketOf(now), this.#current)
    const passed = Math.min(bucket - this.#current, BUCKETS)
    for (let age = 0; age < passed; age++) {
      const index = indexOf(bucket - age)
      this.#firsts.forget(index)
      this.#retries.forget(index)
      this.#hedges.forget(index)
    }
    this.#current = bucket
    return indexOf(bucket)
  }
}

function bucketOf(time: number): number {
  return Math.floor(time / BUCKET)
}

/** Where a bucket is kept. The first ones reach back before the beginning of time. */
function indexOf(bucket: number): number {
  return ((bucket % BUCKETS) + BUCKETS) % BUCKETS
}
