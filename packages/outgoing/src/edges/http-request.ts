/**
 * A request of a proxy, sent by `node:http`: the answer is handed on as it comes, compressed or not.
 */
import http, { type Agent, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http'
import https from 'node:https'
import { pipeline, Readable } from 'node:stream'

/** A request, as `undici.request()` takes it. */
export interface PlainRequest {
  readonly origin: string
  readonly path: string
  readonly method: string
  /** A value of `undefined` stands for no such field. */
  readonly headers: Readonly<Record<string, unknown>>
  readonly body?: unknown
}

/** The answer, as `undici.request()` gives it. */
export interface PlainAnswer {
  readonly statusCode: number
  readonly headers: IncomingHttpHeaders
  readonly body: Readable
}

export type AnswerCallback = (error: Error | null, answer?: PlainAnswer) => void

/** Sends a request through an Agent, Node's own without one, and calls `callback` once: with the answer, or with the error. */
export function requestByHttp(
  { origin, path, method, headers, body }: PlainRequest,
  agent: Agent | undefined,
  callback: AnswerCallback
): void {
  const send = origin.startsWith('https:') ? https.request : http.request
  const request = send(origin, { path, method, headers: framed(headers, body), agent })
  let waiting: AnswerCallback | undefined = callback
  const settle: AnswerCallback = (error, answer) => {
    waiting?.(error, answer)
    // The connection may still break, which the reader of the body is told.
    waiting = undefined
  }
  request.once('response', (response) => {
    const { statusCode = 0, headers } = response
    settle(null, { statusCode, headers, body: response })
  })
  request.on('error', settle)
  // Node says nothing else of an upstream that switches protocols when nobody has asked it to.
  request.once('close', () => settle(unanswered()))
  if (body instanceof Readable) pipeline(body, request, () => {})
  else request.end(body || undefined)
}

function unanswered(): Error {
  const error = new Error('The upstream has closed the connection without an answer.')
  return Object.assign(error, { code: 'ECONNRESET' })
}

/** The headers with the length of this very body: a wrong one would put it into the next request. */
function framed(headers: PlainRequest['headers'], body: unknown): OutgoingHttpHeaders {
  const fields = Object.entries(headers).filter(([, value]) => value !== undefined)
  const framed = Object.fromEntries(fields) as OutgoingHttpHeaders
  if (!body) delete framed['content-length']
  // Node does not do it by itself for DELETE and OPTIONS.
  else if (framed['content-length'] === undefined) framed['transfer-encoding'] = 'chunked'
  return framed
}
