/**
 * How long a breaker stays open: exponential backoff with equal jitter (half of each period is
 * fixed, half is random), so that breakers that opened together do not probe together.
 */

/** The bounds of an open period, in milliseconds, and where its chance comes from. */
export interface BackoffRules {
  readonly resetTimeout: number
  readonly maxResetTimeout: number
  /** From 0 to below 1. */
  readonly random: () => number
}

/**
 * The periods of one breaker. Each is twice as long as the one before, up to `maxResetTimeout`,
 * until the breaker has stayed closed for as long as it was last open: then it begins anew.
 */
export class Backoff {
  readonly #rules: BackoffRules
  #openings = 0
  #length = 0
  #closedSince = -Infinity

  constructor(rules: BackoffRules) {
    this.#rules = rules
  }

  /** Openings since it was last stable, this one included. */
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
    // Not to be taken for stable before it has closed.
    this.#closedSince = Infinity
    this.#length = Math.min(maxResetTimeout, resetTimeout * 2 ** this.#openings++)
    const drawn = now + this.#length * (0.5 + random() / 2)
    return Math.max(drawn, Math.min(notBefore, now + maxResetTimeout))
  }

  closed(now: number): void {
    this.#closedSince = now
  }
}
