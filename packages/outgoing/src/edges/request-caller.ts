/**
 * A request as the caller of others.
 */
import { type AnyRequest, factsOf } from '@holdfast/core'
import type { Caller } from '../caller.ts'

/** Returns the caller that a request is. */
export function requestCaller(request: AnyRequest): Caller {
  const { deadline = Infinity, attempt = 1 } = factsOf(request)
  return { request, deadline, mayRetry: attempt === 1, follow: () => undefined }
}
