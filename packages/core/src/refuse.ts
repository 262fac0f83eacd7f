/**
 * The suite's one way to say no.
 */
import { STATUS_CODES } from 'node:http'
import type { FastifyReply } from 'fastify'
import type { CodedError } from './errors.ts'
import { hasUserErrorHandler, headersOf } from './fastify-internals.ts'
import { recordOf } from './request-record.ts'
import { isUpgrade, watch } from './settle.ts'

/** A refusal made beforehand, for those that are given often. */
export interface Refusal {
  readonly statusCode: number
  /** Header fields by their names in lower case, `content-type` not among them. */
  readonly headers: Readonly<Record<string, string>>
  /** The problem+json body, see {@link problemOf}. */
  readonly body: string
  /** Makes the error that a user's error handler is given. */
  error(): CodedError
}

/**
 * Refuses a request with a coded error, from a hook that was given `done`.
 *
 * Where Fastify's own error handler is in charge, problem+json (RFC 9457) goes out with the error's
 * status and headers, as text for `onSend` hooks, and no error is logged: a refusal is an answer, not a fault. Where the user
 * has an error handler, on the route or on a scope, the error goes to it with status and headers
 * already set on the reply.
 */
export function refuse(reply: FastifyReply, error: CodedError, done: (error: Error) => void): void {
  begin(reply, error.statusCode)
  if (error.headers !== undefined) reply.headers(error.headers)
  if (hasUserErrorHandler(reply) === false) sendProblem(reply, problemOf(error))
  else done(error)
}

/** The same as {@link refuse}, without making an error where nobody asks for it. */
export function refuseWith(
  reply: FastifyReply,
  refusal: Refusal,
  done: (error: Error) => void
): void {
  begin(reply, refusal.statusCode)
  const fields = headersOf(reply)
  if (fields === undefined) reply.headers(refusal.headers)
  else Object.assign(fields, refusal.headers)
  if (hasUserErrorHandler(reply) === false) sendProblem(reply, refusal.body)
  else done(refusal.error())
}

function begin(reply: FastifyReply, statusCode: number): void {
  reply.code(statusCode)
  // A WebSocket plugin that has not seen the request yet would leave its connection open.
  const { raw } = reply
  if (isUpgrade(raw.req)) watch(raw, recordOf(raw.req))
}

function sendProblem(reply: FastifyReply, body: string): void {
  // A serializer that was set for the reply would take the text for a value and quote it again.
  reply.type('application/problem+json').serializer(asItIs).send(body)
}

function asItIs(body: string): string {
  return body
}

/**
 * The error as a problem+json body: the members of RFC 9457, and those of Fastify's error body for
 * clients that read that.
 */
export function problemOf(error: CodedError): string {
  const status = error.statusCode
  return JSON.stringify({
    type: 'about:blank',
    title: STATUS_CODES[status],
    status,
    detail: error.message,
    ...error.problem,
    statusCode: status,
    code: error.code,
    error: STATUS_CODES[status],
    message: error.message
  })
}
