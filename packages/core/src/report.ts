/**
 * The one way to tell that code of the user failed where nobody waits for it.
 */

/** Warnings in one process: a callback that is made for each request would be reported for each. */
const MAX_REPORTS = 100

const reported = new WeakSet<object>()
let reports = 0

/**
 * Tells once for each callback, as a process warning, that it threw. The request it was called for
 * goes on as if nothing had happened. After a hundred warnings nothing more is told. Never throws.
 *
 * @param where what was called, as the warning names it: `'a listener of intake'`
 */
export function reportOnce(callback: object, where: string, error: unknown): void {
  if (reports === MAX_REPORTS || reported.has(callback)) return
  reported.add(callback)
  reports++
  process.emitWarning(`Caught an error of ${where}; it is reported only once. ${textOf(error)}`, {
    code: 'HOLDFAST_CALLBACK_FAILED',
    type: 'HoldfastWarning'
  })
}

function textOf(error: unknown): string {
  try {
    return error instanceof Error ? error.stack || error.message : String(error)
  } catch {
    return 'The error cannot be shown.'
  }
}
