/**
 * The answer in place of a call that was refused, failed or took too long.
 */
import type { ExecuteOptions } from './execute-options.ts'

/**
 * Lets a fallback answer for a call that was not made, with its `refusal`, or that rejects. It does
 * not answer for a call whose caller has left.
 *
 * @param call the call, or the error that says why it was not made
 */
export function withFallback<T, Fallback>(
  call: Promise<T> | Error,
  fallback: NonNullable<ExecuteOptions<Fallback>['fallback']>,
  signal: AbortSignal | undefined,
  breaker: string
): Promise<T | Fallback> {
  if (call instanceof Error) {
    return new Promise((resolve) => resolve(fallback(call, { breaker, refused: true })))
  }
  return call.catch((error: unknown) => {
    if (signal?.aborted === true) throw error
    return fallback(error, { breaker, refused: false })
  })
}
