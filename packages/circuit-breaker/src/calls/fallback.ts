/**
 * The answer in place of a call that was refused, failed or took too long.
 */
import type { CallObserver } from './call.ts'
import type { ExecuteOptions } from './execute-options.ts'

/**
 * Lets the fallback of `options`, if there is one, answer for a call that was not made or that
 * rejects. It does not answer for a call whose caller has left.
 *
 * @param call the call, or the error that says why it was not made
 */
export function withFallback<T, Fallback>(
  call: Promise<T> | Error,
  options: ExecuteOptions<Fallback>,
  breaker: string,
  observer: CallObserver
): Promise<T | Fallback> {
  const { fallback, signal, request } = options
  if (fallback === undefined) return call instanceof Error ? Promise.reject(call) : call
  const answer = async (error: unknown, refused: boolean): Promise<Fallback> => {
    const answered = await fallback(error, { breaker, refused })
    observer.fellBack(request)
    return answered
  }
  if (call instanceof Error) return answer(call, true)
  return call.catch((error: unknown) => {
    if (signal?.aborted === true) throw error
    return answer(error, false)
  })
}
