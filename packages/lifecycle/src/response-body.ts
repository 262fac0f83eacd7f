/**
 * The body of a `Response` that a check returned. Nobody reads it, and a body that is not read holds
 * its connection open.
 */

/** How much is read, so that the connection can be used again. What is longer is cancelled. */
const MAX_BYTES = 65_536

/**
 * Reads the body to its end, or cancels it: when it is long, and when `signal` aborts. Does nothing
 * with what is no `Response`, or has been read. Rejects where the body fails.
 */
export async function discardBody(answer: object, signal: AbortSignal): Promise<void> {
  if (!(answer instanceof Response) || answer.body === null || answer.body.locked) return
  const reader = answer.body.getReader()
  const cancel = (): void => void reader.cancel().catch(() => {})
  signal.addEventListener('abort', cancel)
  try {
    for (let bytes = 0; bytes <= MAX_BYTES; ) {
      const { value } = await reader.read()
      if (value === undefined) return
      bytes += value.byteLength
    }
    cancel()
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}
