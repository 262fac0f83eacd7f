/**
 * How a breaker that has just closed lets its callers back in: each step at most twice as many as
 * the step before, so that a dependency that has just recovered is not overrun.
 */
export class Ramp {
  readonly #step: number
  #limit: number
  #admitted = 0
  #stepEnds: number

  /**
   * @param now when the breaker closed
   * @param step the length of a step, in milliseconds
   * @param before how many calls the step before let through
   */
  constructor(now: number, step: number, before: number) {
    this.#step = step
    this.#limit = 2 * before
    this.#stepEnds = now + step
  }

  /** The most calls of the present step. */
  get limit(): number {
    return this.#limit
  }

  /** Milliseconds until a call may be let through; 0 when one may be now. */
  waitFor(now: number): number {
    return this.#admitted < this.#limit ? 0 : this.#stepEnds - now
  }

  admit(): void {
    this.#admitted++
  }

  /**
   * Begins the step that `now` is in. Returns whether the ramp is over: a step let through fewer
   * calls than it could have.
   */
  advance(now: number): boolean {
    while (now >= this.#stepEnds) {
      if (this.#admitted < this.#limit) return true
      this.#limit *= 2
      this.#admitted = 0
      this.#stepEnds += this.#step
    }
    return false
  }
}
