/**
 * Time as the engines count it: whole nanoseconds, so that sums carry no rounding error. A number
 * holds them exactly for 104 days from the clock's zero, and then to a few nanoseconds.
 */

/** Nanoseconds in a millisecond. */
export const NANOSECONDS = 1e6

/** Milliseconds of a clock as whole nanoseconds. */
export function toNanoseconds(milliseconds: number): number {
  return Math.round(milliseconds * NANOSECONDS)
}

/** Nanoseconds as milliseconds. */
export function toMilliseconds(nanoseconds: number): number {
  return nanoseconds / NANOSECONDS
}

/** Whole milliseconds, rounded up. To the nanosecond first: 2.0000000000001 ms are two. */
export function wholeMilliseconds(milliseconds: number): number {
  return Math.ceil(toNanoseconds(milliseconds) / NANOSECONDS)
}

/** Whole seconds, rounded up. To the nanosecond first: 2000.0000000001 ms are two seconds. */
export function wholeSeconds(milliseconds: number): number {
  return Math.ceil(toNanoseconds(milliseconds) / 1e9)
}
