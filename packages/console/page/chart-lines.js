// @ts-check
/**
 * The numbers of a chart: the last ten minutes, a point a second.
 */

/** How much a chart shows, in seconds. */
export const SPAN = 600

/** Lines of numbers over the same times. */
export class ChartLines {
  #times = /** @type {number[]} */ ([])
  /** @type {Map<string, (number | null)[]>} */
  #lines

  /** @param {readonly string[]} names */
  constructor(names) {
    this.#lines = new Map(names.map((name) => [name, []]))
  }

  /**
   * Adds a point of time.
   *
   * @param {number} at seconds, later than all before
   * @param {(name: string) => number | undefined} value the value of a line; `undefined` where there is none
   */
  add(at, value) {
    this.#times.push(at)
    for (const [name, values] of this.#lines) values.push(value(name) ?? null)
    while (at - Number(this.#times[0]) > SPAN) {
      this.#times.shift()
      for (const values of this.#lines.values()) values.shift()
    }
  }

  /**
   * The times, then the values of each line in the order of their names.
   *
   * @returns {[times: number[], ...lines: (number | null)[][]]}
   */
  get data() {
    return [this.#times, ...this.#lines.values()]
  }

  /**
   * The values of some points of time, the latest first and `step` seconds apart, for people to read as a table.
   *
   * @param {number} step
   * @param {number} rows at most
   */
  rows(step, rows) {
    const latest = this.#times.at(-1)
    if (latest === undefined) return []
    return Array.from({ length: rows }, (_, row) => row * step).flatMap((age) => {
      const index = this.#times.findLastIndex((time) => time <= latest - age)
      const values = [...this.#lines.values()].map((line) => line[index] ?? null)
      return index === -1 ? [] : [{ age, values }]
    })
  }
}
