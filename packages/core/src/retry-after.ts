/**
 * When to come back: the `Retry-After` of RFC 9110, section 10.2.3, seconds or a date.
 */

/** Milliseconds from now that the value of a `Retry-After` header stands for, 0 for nonsense. */
export function parseRetryAfter(header: unknown): number {
  const text = String(header).trim()
  const milliseconds = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now()
  return Number.isNaN(milliseconds) ? 0 : Math.max(0, milliseconds)
}
