/**
 * How a request went, read from its response or its socket at the end.
 */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type ClientErrorFact, type Ending, isHijacked, monotonicClock } from '@holdfast/core'
import type { SettledRequest } from '../level.ts'
import { rounded } from '../line.ts'
import { CLIENT_CLOSED_REQUEST, outcomeOf, type RequestOutcome } from '../outcome.ts'
import type { ReadFacts } from '../read-facts.ts'
import type { LogRecord } from './log-record.ts'

/** @param slow milliseconds from which a request is slow */
export function settledResponse(
  { request, reply, error, facts }: LogRecord,
  response: ServerResponse,
  ending: Ending,
  slow: number
): SettledRequest {
  const hijacked = reply !== undefined && isHijacked(reply) === true
  const routed = request !== undefined
  const outcome = outcomeOf(ending, response.statusCode, facts, hijacked, routed)
  const duration = rounded(monotonicClock() - facts.startedAt)
  return {
    outcome,
    status: statusOf(outcome, response, facts),
    duration,
    slow: duration >= slow && outcome !== 'hijacked',
    error,
    request,
    reply
  }
}

/**
 * How an upgrade or a CONNECT went.
 *
 * @param sentBefore bytes that had gone out on the socket before anybody could answer
 */
export function settledTunnel(
  { facts }: LogRecord,
  socket: Socket,
  sentBefore: number
): SettledRequest {
  // Whoever took the socket has answered on it. Where nobody did, the service would not have it.
  const left = socket.readableEnded || socket.errored
  const outcome = socket.bytesWritten > sentBefore ? 'hijacked' : left ? 'aborted' : 'refused'
  return {
    outcome,
    status: outcome === 'aborted' ? CLIENT_CLOSED_REQUEST : undefined,
    duration: rounded(monotonicClock() - facts.startedAt),
    slow: false,
    error: undefined,
    request: undefined,
    reply: undefined
  }
}

/** How it went with what never became a request. */
export function settledMalformed({ statusCode }: ClientErrorFact): SettledRequest {
  return {
    outcome: 'malformed',
    status: statusCode,
    duration: undefined,
    slow: false,
    error: undefined,
    request: undefined,
    reply: undefined
  }
}

function statusOf(
  outcome: RequestOutcome,
  response: ServerResponse,
  { clientError }: ReadFacts
): number | undefined {
  if (clientError !== undefined) return clientError.statusCode
  if (outcome === 'aborted') return CLIENT_CLOSED_REQUEST
  // Until the head is sent, the status is only an intention.
  return response.headersSent ? response.statusCode : undefined
}
