/**
 * The samples of a whole run. It goes over all its questions several times, and each time adds a few
 * samples to every figure: a machine has moods of minutes, and so they are part of the spread.
 */
import { spreadOf } from './statistics.js'

export class Samples {
  /** @type {Map<string, number[]>} */
  #lists = new Map()

  /** @param {string} of what was measured @param {number} value */
  add(of, value) {
    const list = this.#lists.get(of)
    if (list === undefined) this.#lists.set(of, [value])
    else list.push(value)
  }

  /** How many there are so far. @param {string} of */
  count(of) {
    return this.#lists.get(of)?.length ?? 0
  }

  /** What all samples so far come to. @param {string} of */
  spread(of) {
    return spreadOf(this.#lists.get(of) ?? [])
  }
}
