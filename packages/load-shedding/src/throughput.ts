/**
 * What came, what was finished and how long that took, over the last second.
 */

/** Milliseconds of one bucket. */
export const BUCKET = 100
const BUCKETS = 10

/** Counts over a window that moves on bucket by bucket. All times are milliseconds, by one clock. */
export class Throughput {
  readonly #offered = new Float64Array(BUCKETS)
  readonly #finished = new Float64Array(BUCKETS)
  readonly #abandoned = new Float64Array(BUCKETS)
  /** The work in hand that each request met, added up. */
  readonly #inHand = new Float64Array(BUCKETS)
  /** The latencies of what was finished, added up. */
  readonly #latency = new Float64Array(BUCKETS)
  /** The number of the present bucket by the clock; `undefined` before the first request. */
  #bucket: number | undefined
  #place = 0
  /** How many buckets have ended so far, as far as that matters. */
  #ended = 0
  #offeredSum = 0
  #finishedSum = 0

  /** What came in the last second. */
  get offered(): number {
    return this.#offeredSum
  }

  /** What was finished in the last second. */
  get finished(): number {
    return this.#finishedSum
  }

  /** What was begun and ended without an answer in the last second. */
  get abandoned(): number {
    return sumOf(this.#abandoned, 0, BUCKETS)
  }

  /** What is finished in a second, by the buckets that have ended; 0 before the first has. */
  get finishedRate(): number {
    return this.#ended === 0 ? 0 : (this.finishedIn(this.#ended) * 1000) / (this.#ended * BUCKET)
  }

  /** The mean work in hand of the last second, as requests met it; 0 when none came. */
  get inHand(): number {
    return this.#offeredSum === 0 ? 0 : sumOf(this.#inHand, 0, BUCKETS) / this.#offeredSum
  }

  /** Moves the window on. Returns whether a bucket has ended. */
  advance(now: number): boolean {
    const bucket = Math.floor(now / BUCKET)
    this.#bucket ??= bucket
    const ended = bucket - this.#bucket
    if (ended <= 0) return false
    this.#bucket = bucket
    this.#ended = Math.min(BUCKETS - 1, this.#ended + ended)
    for (let count = Math.min(BUCKETS, ended); count > 0; count--) this.#beginBucket()
    return true
  }

  /** @param inHand the work in hand that the request meets */
  offer(inHand: number): void {
    this.#offered[this.#place] = (this.#offered[this.#place] as number) + 1
    this.#inHand[this.#place] = (this.#inHand[this.#place] as number) + inHand
    this.#offeredSum++
  }

  finish(latency: number): void {
    this.#finished[this.#place] = (this.#finished[this.#place] as number) + 1
    this.#latency[this.#place] = (this.#latency[this.#place] as number) + latency
    this.#finishedSum++
  }

  abandon(): void {
    this.#abandoned[this.#place] = (this.#abandoned[this.#place] as number) + 1
  }

  /** What came in so many of the buckets that have ended, before the last `skipped`. */
  offeredIn(buckets: number, skipped = 0): number {
    return sumOf(this.#offered, this.#place - skipped - buckets, buckets)
  }

  /** What was finished in so many of the buckets that have ended, before the last `skipped`. */
  finishedIn(buckets: number, skipped = 0): number {
    return sumOf(this.#finished, this.#place - skipped - buckets, buckets)
  }

  /** The mean latency of what was finished in these buckets; 0 when nothing was. */
  latencyIn(buckets: number, skipped = 0): number {
    const finished = this.finishedIn(buckets, skipped)
    if (finished === 0) return 0
    return sumOf(this.#latency, this.#place - skipped - buckets, buckets) / finished
  }

  #beginBucket(): void {
    const place = (this.#place + 1) % BUCKETS
    this.#place = place
    this.#offeredSum -= this.#offered[place] as number
    this.#finishedSum -= this.#finished[place] as number
    for (const counts of [
      this.#offered,
      this.#finished,
      this.#abandoned,
      this.#inHand,
      this.#latency
    ]) {
      counts[place] = 0
    }
  }
}

function sumOf(counts: Float64Array, from: number, buckets: number): number {
  let sum = 0
  for (let place = from; place < from + buckets; place++) {
    sum += counts[(place + BUCKETS) % BUCKETS] as number
  }
  return sum
}
