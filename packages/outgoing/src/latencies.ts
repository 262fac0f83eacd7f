/**
 * How long an upstream took lately. A distribution of the latest calls says when an answer is late
 * for this upstream, which no fixed number of milliseconds does.
 */

const KEPT = 1000
/** Fewer times than this say nothing about the slowest of twenty. */
const MIN_TIMES = 20
/** The order of the times is made again after this share of them is new. */
const NEW_SHARE = 0.05

/** The latest thousand times of an upstream, from the beginning of a call to the head of a good answer. */
export class Latencies {
  readonly #times = new Float32Array(KEPT)
  readonly #sorted = new Float32Array(KEPT)
  #next = 0
  #count = 0
  #sortedCount = 0
  /** How many times have come since they were sorted. */
  #added = 0

  /** Takes note of one time, in milliseconds. Of more than a thousand the oldest is forgotten. */
  record(ms: number): void {
    this.#times[this.#next] = ms
    this.#next = (this.#next + 1) % KEPT
    if (this.#count < KEPT) this.#count++
    this.#added++
  }

  /**
   * The time in milliseconds that this share of the calls stayed below: 0.5 for the median, 0.95 for
   * what only one call in twenty exceeds. `undefined` while fewer than twenty times are known. At most
   * a twentieth of the latest times are not in it yet.
   *
   * @param share at least 0, less than 1
   */
  quantile(share: number): number | undefined {
    if (this.#count < MIN_TIMES) return undefined
    if (this.#added > this.#sortedCount * NEW_SHARE) this.#sort()
    return this.#sorted[Math.floor(this.#sortedCount * share)]
  }

  #sort(): void {
    this.#sortedCount = this.#count
    this.#added = 0
    // Until all places are taken, the times stand at the front.
    const sorted = this.#sorted.subarray(0, this.#count)
    sorted.set(this.#times.subarray(0, this.#count))
    sorted.sort()
  }
}
