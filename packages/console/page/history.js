// @ts-check
/**
 * The last minute of one process: how fast its counts grow. A process that began anew has no past.
 */

/** @typedef {import('../dist/index.js').Snapshot} Snapshot */

const MAX_AGE = 60_000

export class History {
  /** The oldest first. @type {{ at: number, snapshot: Snapshot }[]} */
  #points = []

  /** The latest snapshot. */
  get latest() {
    return this.#points.at(-1)?.snapshot
  }

  /**
   * @param {Snapshot} snapshot
   * @param {number} at milliseconds on any clock that only goes forward
   */
  add(snapshot, at) {
    const before = this.latest?.process
    const { pid, uptime } = snapshot.process
    if (before !== undefined && (before.pid !== pid || before.uptime > uptime)) this.#points = []
    this.#points.push({ at, snapshot })
    this.#points = this.#points.filter((point) => at - point.at <= MAX_AGE)
  }

  /**
   * The snapshot that is nearest to so many milliseconds before the latest one, and how much earlier it
   * is; `undefined` where there is only one.
   *
   * @param {number} age
   */
  before(age) {
    const earlier = [...this.#points]
    const latest = earlier.pop()
    if (latest === undefined || earlier.length === 0) return undefined
    /** @param {{ at: number }} point */
    const distance = ({ at }) => Math.abs(latest.at - age - at)
    const found = earlier.reduce((one, other) => (distance(other) < distance(one) ? other : one))
    return { snapshot: found.snapshot, elapsed: latest.at - found.at }
  }

  /**
   * How much a count has grown within so many milliseconds; 0 while that is not known.
   *
   * @param {number} age
   * @param {(snapshot: Snapshot) => number} countOf
   */
  growth(age, countOf) {
    const before = this.before(age)
    if (before === undefined || this.latest === undefined) return 0
    return Math.max(0, countOf(this.latest) - countOf(before.snapshot))
  }

  /**
   * How much a count grows in a second, of the last so many milliseconds.
   *
   * @param {number} age
   * @param {(snapshot: Snapshot) => number} countOf
   */
  rate(age, countOf) {
    const before = this.before(age)
    if (before === undefined || before.elapsed === 0) return 0
    return (this.growth(age, countOf) / before.elapsed) * 1000
  }
}

/**
 * The value below which a share of what a histogram has counted lies, in the unit of its bounds: within its
 * bucket as if all were spread evenly. `undefined` when nothing was counted. Beyond the last bound it is that bound.
 *
 * @param {readonly number[]} bounds
 * @param {readonly number[]} counts one more than bounds
 * @param {number} share 0 to 1
 */
export function quantile(bounds, counts, share) {
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (total === 0) return undefined
  let rest = share * total
  for (const [index, bound] of bounds.entries()) {
    const inBucket = Number(counts[index])
    const lower = bounds[index - 1] ?? 0
    if (inBucket > 0 && rest <= inBucket) return lower + (bound - lower) * (rest / inBucket)
    rest -= inBucket
  }
  return bounds.at(-1)
}

/**
 * What each bucket has grown by.
 *
 * @param {readonly number[] | undefined} counts
 * @param {readonly number[] | undefined} before
 */
export function bucketGrowth(counts = [], before = []) {
  return counts.map((count, index) => Math.max(0, count - (before[index] ?? 0)))
}
