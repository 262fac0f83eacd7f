const reported = new WeakSet<object>()

/**
 * Tells once, as a process warning, that somebody's callback threw. The request it was called for
 * goes on as if nothing had happened.
 */
export function reportOnce(callback: object, where: string, error: unknown): void {
  if (reported.has(callback)) return
  reported.add(callback)
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  process.emitWarning(`A listener of ${where} threw; it is reported only once. ${text}`, {
    code: 'HOLDFAST_LISTENER_THREW',
    type: 'HoldfastWarning'
  })
}
