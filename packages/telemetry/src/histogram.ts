/** The bounds of the buckets of durations in seconds, as the semantic conventions have them. */
export const DURATION_BOUNDS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10
]

/** Counts values by buckets. A value that equals a bound is in the bucket below it. */
export class Histogram {
  /** One more than bounds: the last is for what is above all of them. Not summed up. */
  readonly counts: number[] = new Array(DURATION_BOUNDS.length + 1).fill(0)
  sum = 0

  /** Counts a duration. */
  record(seconds: number): void {
    let bucket = 0
    while (bucket < DURATION_BOUNDS.length && seconds > (DURATION_BOUNDS[bucket] as number))
      bucket++
    this.counts[bucket] = (this.counts[bucket] as number) + 1
    this.sum += seconds
  }

  /** How many values were counted. */
  get count(): number {
    return this.counts.reduce((sum, count) => sum + count, 0)
  }
}
