/**
 * When requests are due that come at a constant rate, however late the answers are: somebody who waits for
 * an answer before he asks again does not see how long others would have waited.
 */
export class ConstantRate {
  #begin
  #interval
  #total
  #taken = 0

  /** @param {{ perSecond: number, seconds: number, begin: number }} rate `begin` and all times are in milliseconds */
  constructor({ perSecond, seconds, begin }) {
    this.#begin = begin
    this.#interval = 1000 / perSecond
    this.#total = Math.round(perSecond * seconds)
  }

  /** Whether every request was taken. */
  get isOver() {
    return this.#taken === this.#total
  }

  /**
   * Takes the next request if it is due.
   *
   * @param {number} now
   * @returns {number | undefined} when it was due
   */
  take(now) {
    const due = this.#begin + this.#taken * this.#interval
    if (this.isOver || due > now) return undefined
    this.#taken++
    return due
  }
}
