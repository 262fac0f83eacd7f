/**
 * How a request went, read from its response or its socket at the end.
 */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type ClientErrorFact, type Ending, isHijacked, monotonicClock } from '@holdfast/core'
import type { SettledRequest } from '../level.ts'
import { rounded } from '../line.ts'
import { CLIENT_CLOSED_REQUEST, outcomeOf } from '../outcome.ts'
import type { LogRecord } from './log-record.ts'

/**
 * Notes how a request with a response went.
 *
 * @param slow milliseconds from which a request is slow
 */
export function noteResponse(
  log: LogRecord,
  response: ServerResponse,
  ending: Ending,
  slow: number
): void {
  const { facts } = log
  const { reply, clientError } = facts
  const hijacked = reply !== undefined && isHijacked(reply) === true
  const outcome = outcomeOf(ending, response.statusCode, facts, hijacked, reply !== undefined)
  const duration = rounded(monotonicClock() - facts.startedAt)
  log.outcome = outcome
  log.duration = duration
  log.slow = duration >= slow && outcome !== 'hijacked'
  if (clientError !== undefined) log.status = clientError.statusCode
  else if (outcome === 'aborted') log.status = CLIENT_CLOSED_REQUEST
  // Until the head is sent, the status is only an intention.
  else if (response.headersSent) log.status = response.statusCode
}

/**
 * Notes how an upgrade or a CONNECT went.
 *
 * @param sentBefore bytes that had gone out on the socket before anybody could answer
 */
export function noteTunnel(log: LogRecord, socket: Socket, sentBefore: number): void {
  // Whoever took the socket has answered on it. Where nobody did, the service would not have it.
  const left = socket.readableEnded || socket.errored
  log.outcome = socket.bytesWritten > sentBefore ? 'hijacked' : left ? 'aborted' : 'refused'
  log.duration = rounded(monotonicClock() - log.facts.startedAt)
  if (log.outcome === 'aborted') log.status = CLIENT_CLOSED_REQUEST
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
