/**
 * How long a breaker stays open: exponential backoff with equal jitter (half of each period is
 * fixed, half is random), so that breakers that opened together do not probe together.
 */

/** The bounds of an open period in milliseconds, and the source of its random half. */
export interface BackoffRules {
  readonly resetTimeout: number
  readonly maxResetTimeout: number
  /** Numbers from 0 to below 1. */
  readonly random: () => number
}

/**
 * The open periods of one breaker. Each is twice as long as the one before, up to
 * `maxResetTimeout`, until the breaker has stayed closed for as long as it was last open. Then they
 * start from `resetTimeout` again.
 */
export class Backoff {
  readonly #rules: BackoffRules
  #openings = 0
  #length = 0
  #closedSince = -Infinity

  constructor(rules: BackoffRules) {
    this.#rules = rules
  }

  /** Openings since the breaker was last stable, this one included. */
  get openings(): number {
    return this.#openings
  }

  /**
   * Returns when the period that begins at `now` ends.
   *
   * @param notBefore when the dependency asked to be called again: the period is lengthened to it,
   * as far as `maxResetTimeout` allows
   */
  begin(now: number, notBefore: number): number {
    const { resetTimeout, maxResetTimeout, random } = this.#rules
    if (now - this.#closedSince >= this.#length) this.#openings = 0
    // It cannot count as stable before it has closed again.
    this.#closedSince = Infinity
    this.#length = Math.min(maxResetTimeout, resetTimeout * 2 ** this.#openings++)
    const drawn = now + this.#length * (0.5 + random() / 2)
    return Math.max(drawn, Math.min(notBefore, now + maxResetTimeout))
  }

  closed(now: number): void {
    this.#closedSince = now
  }
}
