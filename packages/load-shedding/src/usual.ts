/**
 * What is usual: how long a request takes, and how many are finished, while all is well.
 */

/** How much a new value counts, once there were some. */
const OF_LATENCY = 0.1
const OF_FINISHED = 0.2

/** Means that follow what is usual. */
export class Usual {
  #lessons = 0
  #latency = 0
  #finished = 0

  /** Milliseconds that a request takes; 0 when that is not known yet. */
  get latency(): number {
    return this.#latency
  }

  /** What is finished in a second; 0 when that is not known yet. */
  get finished(): number {
    return this.#finished
  }

  /**
   * Learns from a time in which all was well.
   *
   * @param inHand the mean work in hand
   * @param finished what was finished in a second
   */
  learn(inHand: number, finished: number): void {
    this.#lessons++
    // Little's law: what is in hand is what comes in a second, times how long it stays.
    const latency = (inHand / finished) * 1000
    this.#latency += (latency - this.#latency) * Math.max(OF_LATENCY, 1 / this.#lessons)
    this.#finished += (finished - this.#finished) * Math.max(OF_FINISHED, 1 / this.#lessons)
  }
}
