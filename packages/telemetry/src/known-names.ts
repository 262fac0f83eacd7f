/** What stands for the names that are too many. */
export const OVERFLOW = '__overflow__'

/** Bounds names that come and go: the first ones seen stay, and all others are one. */
export class KnownNames {
  readonly #max: number
  readonly #names = new Set<string>()

  constructor(max: number) {
    this.#max = max
  }

  /** The name itself, or {@link OVERFLOW}. */
  readonly bounded = (name: string): string => {
    if (this.#names.has(name)) return name
    if (this.#names.size >= this.#max) return OVERFLOW
    this.#names.add(name)
    return name
  }
}
