/**
 * How many retries an upstream may be sent: a share of the first tries, and a few a second besides. So
 * an upstream that fails everything is sent little more than it is asked for, however many retries
 * each call would like. The rule is that of Finagle, Linkerd and Envoy (GEP-3388).
 */

/** The length of the time that is counted, in milliseconds, and of each of its ten parts. */
const WINDOW = 10_000
const BUCKETS = 10
const BUCKET = WINDOW / BUCKETS

/** What a budget is made of. */
export interface BudgetRules {
  /** The share of the first tries that may be tried again. */
  readonly ratio: number
  /** The retries in a second that are allowed besides. */
  readonly minimum: number
}

/** The retries of one upstream in the last ten seconds. Time is an argument, in milliseconds. */
export class RetryBudget {
  readonly #rules: BudgetRules
  readonly #firsts = new Float64Array(BUCKETS)
  readonly #retries = new Float64Array(BUCKETS)
  #totalFirsts = 0
  #totalRetries = 0
  /** The number of the present bucket, counted from the beginning of time. */
  #current = -Infinity

  constructor(rules: BudgetRules) {
    this.#rules = rules
  }

  /** Counts the first try of a call. Retries and hedges are none. */
  countFirst(now: number): void {
    const index = this.#advance(now)
    this.#firsts[index] = (this.#firsts[index] as number) + 1
    this.#totalFirsts++
  }

  /** Takes a retry. Returns whether there was one to take. */
  take(now: number): boolean {
    const index = this.#advance(now)
    if (this.#left() < 1) return false
    this.#retries[index] = (this.#retries[index] as number) + 1
    this.#totalRetries++
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
    if (bucket <= this.#current - BUCKETS) return
    const index = indexOf(bucket)
    const retries = this.#retries[index] as number
    if (retries === 0) return
    this.#retries[index] = retries - 1
    this.#totalRetries--
  }

  /** The retries that may be sent at this moment: a whole number. */
  left(now: number): number {
    this.#advance(now)
    return Math.max(0, Math.floor(this.#left()))
  }

  #left(): number {
    const { ratio, minimum } = this.#rules
    return ratio * this.#totalFirsts + (minimum * WINDOW) / 1000 - this.#totalRetries
  }

  /** Forgets what is older than the window. Returns the index of the present bucket. */
  #advance(now: number): number {
    const bucket = Math.max(bucketOf(now), this.#current)
    const passed = Math.min(bucket - this.#current, BUCKETS)
    for (let age = 0; age < passed; age++) this.#forget(indexOf(bucket - age))
    this.#current = bucket
    return indexOf(bucket)
  }

  #forget(index: number): void {
    this.#totalFirsts -= this.#firsts[index] as number
    this.#totalRetries -= this.#retries[index] as number
    this.#firsts[index] = 0
    this.#retries[index] = 0
  }
}

function bucketOf(time: number): number {
  return Math.floor(time / BUCKET)
}

/** Where a bucket is kept. The first ones reach back before the beginning of time. */
function indexOf(bucket: number): number {
  return ((bucket % BUCKETS) + BUCKETS) % BUCKETS
}
