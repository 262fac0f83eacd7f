/** Warnings in one process: a callback that is made for each request would be reported for each. */
const MAX_REPORTS = 100

const reported = new WeakSet<object>()
let reports = 0

/**
 * Tells once, as a process warning, that somebody's callback threw. The request it was called for
 * goes on as if nothing had happened. After a hundred warnings nothing more is told.
 */
export function reportOnce(callback: object, where: string, error: unknown): void {
  if (reports === MAX_REPORTS || reported.has(callback)) return
  reported.add(callback)
  reports++
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  process.emitWarning(`A listener of ${where} threw; it is reported only once. ${text}`, {
    code: 'HOLDFAST_LISTENER_THREW',
    type: 'HoldfastWarning'
  })
}
