/**
 * The few numbers a set of samples is quoted by.
 *
 * @typedef {{ median: number, lower: number, upper: number }} Spread median and quartiles
 */

/**
 * @param {readonly number[]} samples at least one
 * @returns {Spread}
 */
export function spreadOf(samples) {
  const sorted = [...samples].sort((a, b) => a - b)
  return {
    median: quantile(sorted, 0.5),
    lower: quantile(sorted, 0.25),
    upper: quantile(sorted, 0.75)
  }
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
