/**
 * The script's reply, one number after the other.
 */

/** Read from its beginning to its end. */
export class Reply {
  readonly #numbers: readonly unknown[]
  #position = 0

  /** @throws Error when the client hands out something else than an answer to every question */
  constructor(numbers: unknown, questions: number) {
    if (!Array.isArray(numbers) || numbers.length < questions) {
      throw new Error('the client did not hand out what the script replied')
    }
    this.#numbers = numbers
  }

  /** Clients may be set to hand numbers out as text. */
  next(): number {
    return Number(this.#numbers[this.#position++])
  }

  /** Microseconds until a ban ends, where that is the next answer. */
  ban(): number | undefined {
    const next = this.#numbers[this.#position]
    if (typeof next === 'number' || String(next) !== 'banned') return undefined
    this.#position++
    return this.next()
  }
}
