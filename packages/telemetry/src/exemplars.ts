/**
 * Examples of what a histogram counted: for each bucket the latest request that somebody traced, so that
 * a slow bucket leads to a trace.
 */
import { DURATION_BOUNDS } from './histogram.ts'

/** A request that was counted. */
export interface Exemplar {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  readonly seconds: number
  /** When it ended, in seconds since 1970. */
  readonly at: number
}

/** The examples of one histogram: at most one for each bucket. */
export class Exemplars {
  readonly #byBucket: (Exemplar | undefined)[] = new Array(DURATION_BOUNDS.length + 1).fill(
    undefined
  )

  /** Keeps a request in place of the one before in its bucket. */
  keep(bucket: number, traceId: string, seconds: number, at: number): void {
    this.#byBucket[bucket] = { traceId, seconds, at }
  }

  /** The example of a bucket. */
  of(bucket: number): Exemplar | undefined {
    return this.#byBucket[bucket]
  }
}
