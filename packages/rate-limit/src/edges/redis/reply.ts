/**
 * The script's reply, one number after the other.
 */

class NoReplyError extends Error {
  constructor() {
    super('the client did not hand out what the script replied')
  }
}

/** Read from its beginning to its end. */
export class Reply {
  readonly #numbers: readonly unknown[]
  #position = 0

  /** @throws Error when the client hands out something else than a list */
  constructor(numbers: unknown) {
    if (!Array.isArray(numbers)) throw new NoReplyError()
    this.#numbers = numbers
  }

  /**
   * The next number; clients may be set to hand them out as text.
   *
   * @throws Error when there is none
   */
  next(): number {
    const number = Number(this.#numbers[this.#position++])
    if (Number.isNaN(number)) throw new NoReplyError()
    return number
  }

  /** Microseconds until a ban ends, where that is the next answer. */
  ban(): number | undefined {
    const next = this.#numbers[this.#position]
    if (typeof next === 'number' || String(next) !== 'banned') return undefined
    this.#position++
    return this.next()
  }
}
