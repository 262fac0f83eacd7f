/**
 * What Node and Fastify know of an answer: when its head went out, its status, its bytes, its error.
 */
import type { ServerResponse } from 'node:http'
import { monotonicClock, type RequestFacts } from '@holdfast/core'
import { describeError, type ErrorField } from '../error-field.ts'
import { CLIENT_CLOSED_REQUEST, type Outcome } from '../outcome.ts'
import { type Entry, entryOf, type WriteHead } from './entry.ts'

/**
 * Has it noted when the head of the answer is written. Hooks could not tell: a stream's head goes
 * out with its first chunk, and a hijacked reply passes none.
 */
export function watchHead(response: ServerResponse, entry: Entry): void {
  entry.writeHead = response.writeHead as WriteHead
  // One function for all responses, not one each.
  response.writeHead = writeHead
}

function writeHead(
  this: ServerResponse,
  status: number,
  reason?: unknown,
  headers?: unknown
): ServerResponse {
  const entry = entryOf(this.req)
  if (entry.headAt === 0) {
    entry.headAt = monotonicClock()
    // While it waits behind another answer, what is written is not its own; HTTP/2 has no such count.
    if (this.socket !== null && this.req.httpVersionMajor === 1) {
      entry.bytesBefore = this.socket.bytesWritten
    }
  }
  return (entry.writeHead as WriteHead).call(this, status, reason, headers)
}

/** The status on the line. */
export function statusOf(
  outcome: Outcome,
  response: ServerResponse,
  { clientError }: RequestFacts
): number | undefined {
  if (clientError !== undefined) return clientError.statusCode
  if (outcome === 'aborted') return CLIENT_CLOSED_REQUEST
  // Until the head is sent, the status is only an intention.
  return response.headersSent ? response.statusCode : undefined
}

/** Bytes of the request's body, as announced. */
export function announcedBytes(length: string | undefined): number | undefined {
  return length === undefined ? undefined : Number(length)
}

/** Bytes of the answer's body. Without a known length those on the connection, chunk framing included. */
export function bytesOf(
  { reply, bytesBefore }: Entry,
  response: ServerResponse,
  finished: boolean
): number | undefined {
  if (!response.headersSent) return undefined
  const { statusCode } = response
  if (response.req.method === 'HEAD' || statusCode === 204 || statusCode === 304) return 0
  if (finished) {
    const length = reply?.getHeader('content-length') ?? response.getHeader('content-length')
    if (length !== undefined) return Number(length)
  }
  if (bytesBefore === undefined) return undefined
  const { _header: head } = response as { _header?: unknown }
  const bytes = response.req.socket.bytesWritten - bytesBefore
  /* c8 ignore next -- private to Node; every version so far has it */
  return typeof head === 'string' ? Math.max(0, bytes - head.length) : undefined
}

/** The error on the line. */
export function errorOf(
  outcome: Outcome,
  { error, target }: Entry,
  response: ServerResponse,
  { clientError }: RequestFacts
): ErrorField | undefined {
  if (clientError !== undefined) return { type: clientError.code }
  const blameless = outcome === 'client-error'
  if (!blameless && outcome !== 'server-error' && outcome !== 'cut') return undefined
  const cause = error ?? (response as { readonly errored?: Error | null }).errored
  return cause ? describeError(cause, !blameless, target) : undefined
}
