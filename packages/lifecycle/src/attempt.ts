/**
 * Work of the app's own, within a time limit: it may fail or never end, and the shutdown goes on.
 */
import { messageOf } from './error-text.ts'

/**
 * Waits for so many milliseconds, or until `until` resolves. Resolves to whether `until` came
 * first.
 */
export type Pause = (milliseconds: number, until: Promise<unknown>) => Promise<boolean>

/**
 * Does the work, and waits for it at most `limit` milliseconds. Resolves to what went wrong,
 * a sentence; `undefined` when nothing did. Never rejects.
 *
 * @param what how the sentence names the work
 * @param work its `signal` aborts when the time is over
 */
export async function attempt(
  what: string,
  work: (call: { readonly signal: AbortSignal }) => unknown,
  limit: number,
  pause: Pause
): Promise<string | undefined> {
  const abort = new AbortController()
  let failure: string | undefined
  // In a function of its own: what is thrown at once is a failure like any other.
  const run = async (): Promise<unknown> => work({ signal: abort.signal })
  const done = run().catch((error: unknown) => {
    failure = `${what} failed: ${messageOf(error)}`
  })
  if (await pause(limit, done)) return failure
  abort.abort()
  return `${what} was not done within ${Math.round(limit)} ms`
}
