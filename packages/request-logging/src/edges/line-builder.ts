/**
 * Builds lines. All members stand in one literal, in the order they are written, so that all lines
 * have one shape.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import {
  type ClientErrorFact,
  type Ending,
  isPlainPath,
  pathOf,
  printable,
  queryOf
} from '@holdfast/core'
import type { FastifyRequest } from 'fastify'
import { describeError, type ErrorField } from '../error-field.ts'
import type { SettledRequest } from '../level.ts'
import { type Line, rounded } from '../line.ts'
import type { ResolvedRequestLoggingOptions } from '../options.ts'
import type { OutgoingFact, ReadFacts } from '../read-facts.ts'
import { remembered } from '../remembered.ts'
import type { LogRecord } from './log-record.ts'

const MAX_ID_LENGTH = 128
const MAX_ADDRESS_LENGTH = 64
const MAX_METHOD_LENGTH = 32
const MAX_AGENT_LENGTH = 512
const MAX_HEADER_LENGTH = 256
const MAX_NAME_LENGTH = 256

const printableMethod = remembered((method) => printable(method, MAX_METHOD_LENGTH))
const printableName = remembered((name) => printable(name, MAX_NAME_LENGTH))

/** Builds the lines of one registration of the plugin. */
export class LineBuilder {
  readonly #show: ReadonlySet<string>
  readonly #headers: readonly string[]
  readonly #semicolons: boolean
  readonly #eventLoopDelay: { readonly current: number }

  /** @param semicolons whether a `;` begins the query too */
  constructor(
    { show, headers }: ResolvedRequestLoggingOptions,
    semicolons: boolean,
    eventLoopDelay: { readonly current: number }
  ) {
    this.#show = show
    this.#headers = headers
    this.#semicolons = semicolons
    this.#eventLoopDelay = eventLoopDelay
  }

  /** The line of a request that had a response. */
  response(log: LogRecord, response: ServerResponse, ending: Ending): Line {
    const { headAt, facts, outcome } = log
    const { routed } = facts
    const line = this.tunnel(log)
    if (routed !== undefined) {
      line.reqId = printable(String(routed.id), MAX_ID_LENGTH)
      line.client = addressOf(routed, log)
    }
    if (headAt !== 0) line.ttfb = rounded(Math.max(0, headAt - facts.startedAt))
    line.bytesOut = bytesOf(log, response, ending === 'finished')
    addDecisions(line, facts)
    if (outcome !== 'ok') {
      if (outcome === 'aborted' && response.headersSent) line.sentStatus = response.statusCode
      line.error = this.#errorOf(log, response)
    }
    return line
  }

  /** The line of an upgrade or a CONNECT. */
  tunnel({ target, peer, raw, outcome, status, duration }: LogRecord): Line {
    const { method, headers } = raw
    const agent = headers['user-agent']
    const bytesIn = headers['content-length']
    const isPlain = isPlainPath(target)
    const line: Line = {
      reqId: undefined,
      method: method && printableMethod(method),
      route: undefined,
      path: isPlain ? target : pathOf(target, this.#semicolons),
      status,
      outcome,
      duration,
      ttfb: undefined,
      bytesIn: bytesIn === undefined ? undefined : Number(bytesIn),
      bytesOut: undefined,
      client: peer,
      userAgent: agent && printable(agent, MAX_AGENT_LENGTH),
      eventLoopDelay: Math.round(this.#eventLoopDelay.current),
      query: undefined,
      sentStatus: undefined,
      slow: undefined,
      sampleRate: undefined,
      traceId: undefined,
      spanId: undefined,
      refusedBy: undefined,
      shed: undefined,
      rateLimit: undefined,
      rateLimitRemaining: undefined,
      breaker: undefined,
      breakerState: undefined,
      breakerOutcome: undefined,
      breakerFallback: undefined,
      upstreamName: undefined,
      upstreamTime: undefined,
      upstreamCalls: undefined,
      upstreamTries: undefined,
      shutdownPhase: undefined,
      error: undefined,
      headers: undefined,
      droppedFields: undefined
    }
    if (!isPlain) {
      const query = queryOf(target, this.#semicolons, this.#show)
      if (query !== undefined) line.query = query
    }
    if (this.#headers.length > 0) this.#addHeaders(line, headers)
    return line
  }

  /** The error on the line. */
  #errorOf(log: LogRecord, response: ServerResponse): ErrorField | undefined {
    const { outcome, error } = log
    const { clientError } = log.facts
    if (clientError !== undefined) return { type: clientError.code }
    const blameless = outcome === 'client-error'
    if (!blameless && outcome !== 'server-error' && outcome !== 'cut') return undefined
    const { errored } = response as { readonly errored?: Error | null }
    const cause = error === undefined ? (errored ?? undefined) : error
    if (cause === undefined) return undefined
    return describeError(cause, !blameless, log.secrets(this.#semicolons))
  }

  #addHeaders(line: Line, headers: IncomingMessage['headers']): void {
    for (const name of this.#headers) {
      const value = headers[name]
      if (value === undefined) continue
      line.headers ??= {}
      line.headers[name] = printable(String(value), MAX_HEADER_LENGTH)
    }
  }
}

/** The line of what never became a request. */
export function malformedLine(
  { outcome, status }: SettledRequest,
  { code }: ClientErrorFact,
  socket: Socket
): Line {
  return { status, outcome, client: socket.remoteAddress, error: { type: code } }
}

/** The address of the client; of the connection's peer, when it cannot be told. */
function addressOf(request: FastifyRequest, { peer }: LogRecord): string | undefined {
  try {
    // A Unix socket has none, whatever the types say.
    const address: string | undefined = request.ip
    return address === peer ? peer : address && printable(address, MAX_ADDRESS_LENGTH)
  } catch {
    // A `trustProxy` function that throws, or a connection that is gone.
    return peer
  }
}

/**
 * Bytes of the answer's body. Without a known length, those on the connection, with chunk framing.
 */
function bytesOf(
  { facts, bytesBefore }: LogRecord,
  response: ServerResponse,
  finished: boolean
): number | undefined {
  if (!response.headersSent) return undefined
  const { reply } = facts
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

/** Puts the decisions of other plugins on the line. */
function addDecisions(line: Line, facts: ReadFacts): void {
  const { refusedBy, loadShedding, rateLimit, circuitBreaker } = facts
  const { breakerFallback, outgoing, lifecycle } = facts
  if (refusedBy !== undefined) line.refusedBy = refusedBy
  if (loadShedding !== undefined) line.shed = loadShedding.reason
  if (rateLimit !== undefined) {
    line.rateLimit = printableName(rateLimit.policy)
    line.rateLimitRemaining = rateLimit.remaining
  }
  if (circuitBreaker !== undefined) {
    const { name, state, outcome } = circuitBreaker
    line.breaker = printableName(name)
    line.breakerState = state
    if (outcome !== undefined) line.breakerOutcome = outcome
  }
  if (breakerFallback !== undefined) {
    line.breakerFallback = printableName(breakerFallback)
  }
  if (outgoing !== undefined) addCalls(line, outgoing)
  if (lifecycle !== undefined) line.shutdownPhase = lifecycle.phase
}

/** Puts the calls that were made for the request on the line. */
function addCalls(line: Line, { calls, tries, slowest }: OutgoingFact): void {
  if (slowest === undefined) return
  line.upstreamName = printableName(slowest.name)
  line.upstreamTime = rounded(slowest.time)
  line.upstreamCalls = calls
  if (tries !== calls) line.upstreamTries = tries
}
