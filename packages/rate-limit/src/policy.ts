/**
 * A limit as its user states it, and the token bucket that keeps it.
 */
import { type Bucket, bucketOf } from './algorithms/token-bucket.ts'

/** What one client may ask. */
export interface Policy {
  /** Names the limit in headers, problem details and facts. */
  readonly name: string
  /** Requests per window; 0 denies all. */
  readonly max: number
  /** The window, in milliseconds. */
  readonly timeWindow: number
  readonly bucket: Bucket
}

/** The numbers of a limit; the window in milliseconds. */
export type Limit = Pick<Policy, 'max' | 'timeWindow'> & { readonly burst: number }

/** Makes the policy that allows `burst` at once and `max` per window in the long run. */
export function policyOf(name: string, { max, timeWindow, burst }: Limit): Policy {
  // A bucket that holds nothing denies all, however fast it would fill.
  const bucket = max === 0 ? bucketOf(1, timeWindow, 0) : bucketOf(max, timeWindow, burst)
  return { name, max, timeWindow, bucket }
}
