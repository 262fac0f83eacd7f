/**
 * The few numbers a set of samples is quoted by.
 *
 * @typedef {{ median: number, lower: number, upper: number, least: number, most: number, samples: readonly number[] }} Spread
 *   median, quartiles, the least and the most of all, and all in the order in which they were taken
 */

/** @type {Spread} */
export const nothing = { median: 0, lower: 0, upper: 0, least: 0, most: 0, samples: [] }

/**
 * @param {readonly number[]} samples at least one
 * @returns {Spread}
 */
export function spreadOf(samples) {
  const sorted = [...samples].sort((a, b) => a - b)
  return {
    median: quantile(sorted, 0.5),
    lower: quantile(sorted, 0.25),
    upper: quantile(sorted, 0.75),
    least: quantile(sorted, 0),
    most: quantile(sorted, 1),
    samples
  }
}

/**
 * How one figure stands to another that was measured beside it: round by round, so that what slowed
 * down both is in neither.
 *
 * @param {Spread} one @param {Spread} other
 * @returns {Spread}
 */
export function ratioOf(one, other) {
  return beside(one, other, (sample, otherSample) => sample / otherSample)
}

/** What one figure is more than another, round by round. @param {Spread} one @param {Spread} other */
export function differenceOf(one, other) {
  return beside(one, other, (sample, otherSample) => sample - otherSample)
}

/**
 * @param {Spread} one @param {Spread} other
 * @param {(sample: number, otherSample: number) => number} compare
 * @returns {Spread}
 */
function beside(one, other, compare) {
  const rounds = Math.min(one.samples.length, other.samples.length)
  if (rounds === 0) return nothing
  return spreadOf(
    one.samples
      .slice(0, rounds)
      .map((sample, round) => compare(sample, Number(other.samples[round])))
  )
}

/** The sample below which that share of all lies. @param {readonly number[]} samples @param {number} share */
export function percentile(samples, share) {
  return quantile(
    [...samples].sort((a, b) => a - b),
    share
  )
}

/**
 * Linear interpolation between the two samples beside the place.
 *
 * @param {readonly number[]} sorted
 * @param {number} share
 */
function quantile(sorted, share) {
  const place = (sorted.length - 1) * share
  const below = Math.floor(place)
  const low = /** @type {number} */ (sorted[below])
  const high = sorted[below + 1] ?? low
  return low + (high - low) * (place - below)
}
