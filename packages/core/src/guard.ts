/**
 * The guard around everything that a user hands to the suite: a callback, a listener or a logger
 * that fails, at once or later, ends neither a request nor the process.
 */
import { reportOnce } from './report.ts'

/**
 * Calls a synchronous callback and returns its result. `undefined` where it throws, and where it
 * returns a promise: that comes too late to be of use. Both are reported once for each callback.
 *
 * @param where the callback, as the report names it: `'the option requestLogging.silent'`
 */
export function guardedCall<Arguments extends readonly unknown[], Result>(
  callback: (...args: Arguments) => Result,
  where: string,
  ...args: Arguments
): Result | undefined {
  try {
    const result = callback(...args)
    if (!isPromiseLike(result)) return result
    contain(result, callback, where)
    reportOnce(callback, where, 'It returned a promise, but must answer synchronously.')
  } catch (error) {
    reportOnce(callback, where, error)
  }
  return undefined
}

/**
 * Contains what a callback returned that nobody waits for: a promise that rejects is reported once for
 * each callback, and everything else passes. Call it where the callback was called, within the `try`.
 */
export function contain(result: unknown, callback: object, where: string): void {
  if (!isPromiseLike(result)) return
  // What only looks like a promise may throw from its `then`.
  Promise.resolve(result).then(undefined, (error) => reportOnce(callback, where, error))
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value
}
