/**
 * Which bodies of requests can be sent a second time: known ones, and small enough to be kept.
 */

/** The most bytes of a body that is kept for a retry: Linkerd's bound. */
const MAX_BYTES = 65_536

/**
 * Whether a body can be sent again as it is: none, text, bytes, a `Blob` or `URLSearchParams` of at most
 * 64 KiB. A stream can be read once only, and nothing is copied to make it otherwise.
 */
export function isRepeatable(body: unknown): boolean {
  return body === undefined || body === null || sizeOf(body) <= MAX_BYTES
}

/** The bytes of a body that is known as a whole; `Infinity` for any other. */
function sizeOf(body: unknown): number {
  if (typeof body === 'string') return Buffer.byteLength(body)
  if (ArrayBuffer.isView(body) || body instanceof ArrayBuffer) return body.byteLength
  if (body instanceof URLSearchParams) return Buffer.byteLength(body.toString())
  return body instanceof Blob ? body.size : Infinity
}
