/**
 * Builds lines: what every request has in one literal, so that all lines have one shape, what few
 * have added behind.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Ending, factsOf, type RequestFacts } from '@holdfast/core'
import type { FastifyRequest } from 'fastify'
import { type Line, rounded } from '../line.ts'
import { isPlainPath, pathOf, printable, queryOf } from '../masking.ts'
import type { ResolvedRequestLoggingOptions } from '../options.ts'
import type { Outcome } from '../outcome.ts'
import { announcedBytes, bytesOf, errorOf } from './answer.ts'
import type { Entry } from './entry.ts'

const MAXIMUM_ID = 128
const MAXIMUM_ADDRESS = 64
const MAXIMUM_METHOD = 32
const MAXIMUM_AGENT = 512
const MAXIMUM_HEADER = 256

/** Builds the lines of one registration of the plugin. */
export class LineBuilder {
  readonly #show: ReadonlySet<string>
  readonly #headers: readonly string[]
  readonly #semicolons: boolean
  readonly #eventLoopDelay: { readonly current: number }

  /** @param semicolons a `;` begins the query too */
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

  /** The line of a request that had a response. `duration` is not rounded yet. */
  settled(
    entry: Entry,
    response: ServerResponse,
    ending: Ending,
    outcome: Outcome,
    status: number | undefined,
    duration: number
  ): Line {
    const { request, headAt } = entry
    const raw = response.req
    const facts = factsOf(raw)
    const line = this.#begun(entry, raw, outcome, status, duration)
    if (request !== undefined) {
      line.reqId = printable(String(request.id), MAXIMUM_ID)
      line.client = entry.client ?? addressOf(request, entry)
    }
    if (headAt !== 0) line.ttfb = rounded(Math.max(0, headAt - facts.startedAt))
    line.bytesOut = bytesOf(entry, response, ending === 'finished')
    if (outcome === 'aborted' && response.headersSent) line.sentStatus = response.statusCode
    addDecisions(line, facts)
    const error = errorOf(outcome, entry, response, facts)
    if (error !== undefined) line.error = error
    return line
  }

  /** The line of an upgrade or a CONNECT. */
  tunnel(
    entry: Entry,
    raw: IncomingMessage,
    outcome: Outcome,
    status: number | undefined,
    duration: number
  ): Line {
    return this.#begun(entry, raw, outcome, status, duration)
  }

  #begun(
    { target, peer }: Entry,
    raw: IncomingMessage,
    outcome: Outcome,
    status: number | undefined,
    duration: number
  ): Line {
    const { method, headers } = raw
    const agent = headers['user-agent']
    const isPlain = isPlainPath(target)
    const line: Line = {
      reqId: undefined,
      method: method && printable(method, MAXIMUM_METHOD),
      route: undefined,
      path: isPlain ? target : pathOf(target, this.#semicolons),
      status,
      outcome,
      duration: rounded(duration),
      ttfb: undefined,
      bytesIn: announcedBytes(headers['content-length']),
      bytesOut: undefined,
      client: peer,
      userAgent: agent && printable(agent, MAXIMUM_AGENT),
      eventLoopDelay: Math.round(this.#eventLoopDelay.current)
    }
    if (!isPlain) {
      const query = queryOf(target, this.#semicolons, this.#show)
      if (query !== undefined) line.query = query
    }
    this.#addHeaders(line, headers)
    return line
  }

  #addHeaders(line: Line, headers: IncomingMessage['headers']): void {
    for (const name of this.#headers) {
      const value = headers[name]
      if (value === undefined) continue
      line.headers ??= {}
      line.headers[name] = printable(String(value), MAXIMUM_HEADER)
    }
  }
}

/** The address of the client, as far as it can be told. */
export function addressOf(request: FastifyRequest, { peer }: Entry): string | undefined {
  try {
    // Of a Unix socket there is none, whatever the types say.
    const address: string | undefined = request.ip
    return address === peer ? peer : address && printable(address, MAXIMUM_ADDRESS)
  } catch {
    // A `trustProxy` function that throws, or a connection that is gone.
    return peer
  }
}

/** What the other plugins decided. */
function addDecisions(line: Line, facts: RequestFacts): void {
  const { refusedBy, rateLimit, circuitBreaker, loadShedding, lifecycle } = facts
  if (refusedBy !== undefined) line.refusedBy = refusedBy
  if (rateLimit !== undefined) {
    line.rateLimit = { policy: rateLimit.policy, remaining: rateLimit.remaining }
  }
  if (circuitBreaker !== undefined) {
    const { name, state, outcome } = circuitBreaker
    line.breaker = outcome === undefined ? { name, state } : { name, state, outcome }
  }
  if (loadShedding !== undefined) line.shedding = loadShedding
  if (lifecycle !== undefined) line.lifecycle = lifecycle
}
