/**
 * The headers that a try carries beside those of its call. They go to the upstream itself only: they
 * are added to each request, not to the call, and so no redirect takes them elsewhere.
 */
import type { AddedHeaders } from '../request-headers.ts'
import type { Try } from './try.ts'

/** Returns the headers to add to the request of a try; `undefined` for none. */
export function headersOf({ plan }: Try): AddedHeaders | undefined {
  if (plan.number === 1) return undefined
  return { 'x-envoy-attempt-count': String(plan.number) }
}
