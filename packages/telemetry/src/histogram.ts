/** The bounds of the buckets of durations in seconds, as the semantic conventions have them. */
export const DURATION_BOUNDS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10
]

/** Counts values by buckets. A value that equals a bound is in the bucket below it. */
export class Histogram {
  /** One more than bounds: the last is for what is above all of them. Not summed up. */
  readonly counts: Float64Array = new Float64Array(DURATION_BOUNDS.length + 1)
  sum = 0

  /** Counts a duration and returns the number of its bucket, from 0. */
  record(seconds: number): number {
    let bucket = 0
    while (bucket < DURATION_BOUNDS.length && seconds > (DURATION_BOUNDS[bucket] as number))
      bucket++
    this.counts[bucket] = (this.counts[bucket] as number) + 1
    this.sum += seconds
    return bucket
  }

  /** How many values were counted. */
  get count(): number {
    return this.counts.reduce((sum, count) => sum + count, 0)
  }
}
