/**
 * From a request that settled to its line: reads what Node, Fastify and the suite know of it, and
 * calls the logger once.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import {
  type ClientErrorFact,
  type Ending,
  factsOf,
  isHijacked,
  monotonicClock,
  onSettled,
  type RequestFacts,
  reportOnce,
  routeConfig,
  type SettledListener
} from '@holdfast/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { describeError, type ErrorField } from '../error-field.ts'
import type { LevelFunction, LogLevel, SettledRequest } from '../level.ts'
import { breakerField, type Line, limitField, messageOf, rounded } from '../line.ts'
import { pathOf, printable } from '../masking.ts'
import type { RequestLogger, ResolvedRequestLoggingOptions } from '../options.ts'
import { CLIENT_CLOSED_REQUEST, type Outcome, outcomeOf } from '../outcome.ts'
import { type Entry, entryOf } from './entry.ts'
import { RouteSettingsTable } from './route-settings.ts'

type WrittenLevel = Exclude<LogLevel, 'silent'>

/** The log of one registration of the plugin. */
export class RequestLog {
  readonly #logger: RequestLogger
  readonly #level: LevelFunction
  readonly #silentProbes: boolean
  readonly #semicolons: boolean
  readonly #routes: RouteSettingsTable

  /** @param semicolons a `;` begins the query too, as Fastify was told */
  constructor(options: ResolvedRequestLoggingOptions, logger: RequestLogger, semicolons: boolean) {
    this.#logger = logger
    this.#level = options.level
    this.#silentProbes = options.silentProbes
    this.#semicolons = semicolons
    this.#routes = new RouteSettingsTable(options.level, logger)
  }

  /** Sees to it that a line is written when the request settles. */
  follow(raw: IncomingMessage, response: ServerResponse): Entry {
    const entry = entryOf(raw)
    if (entry.log === undefined) onSettled(response, settled)
    entry.log = this
    return entry
  }

  /** Notes what Fastify made of a request. */
  note(request: FastifyRequest, reply: FastifyReply): Entry {
    const entry = this.follow(request.raw, reply.raw)
    if (entry.request === request) return entry
    entry.request = request
    entry.reply = reply
    try {
      entry.client = request.ip
    } catch {
      // A `trustProxy` function that throws: the address of the connection has to do.
    }
    return entry
  }

  /** Writes the line of a request that had a response. */
  settle(entry: Entry, response: ServerResponse, ending: Ending): void {
    const { request, reply } = entry
    const facts = factsOf(response.req)
    const outcome = outcomeOf({
      ending,
      status: response.statusCode,
      facts,
      hijacked: reply !== undefined && isHijacked(reply) === true,
      routed: request !== undefined
    })
    const { level: levelOf, silent } = this.#routes.of(request)
    if (silent || this.#isQuietProbe(entry, facts, outcome)) return

    const status = statusOf(outcome, response, facts)
    const duration = rounded(monotonicClock() - facts.startedAt)
    const level = this.#levelFor(levelOf, { outcome, status, duration })
    if (level === undefined) return
    this.#write(level, entry, {
      id: request && printable(request.id),
      method: response.req.method,
      route: request && routeConfig(request).url,
      path: pathOf(entry.target, this.#semicolons),
      status,
      outcome,
      duration,
      bytesOut: ending === 'finished' ? bytesOf(reply, status) : undefined,
      client: entry.client && printable(entry.client),
      refusedBy: facts.refusedBy,
      rateLimit: limitField(facts.rateLimit),
      breaker: breakerField(facts.circuitBreaker),
      error: errorOf(outcome, entry, response, facts)
    })
  }

  /** Writes the line of an upgrade or a CONNECT when its socket closes. */
  followTunnel(raw: IncomingMessage, socket: Socket): void {
    const entry = entryOf(raw)
    const { startedAt } = factsOf(raw)
    // An upgrade is told after its listener ran, which may have answered; a CONNECT before.
    const sentBefore = raw.method === 'CONNECT' ? socket.bytesWritten : 0
    socket.once('close', () => {
      // Whoever took the socket has answered on it. Where nobody did, it was not taken.
      const left = socket.readableEnded || socket.errored
      const outcome = socket.bytesWritten > sentBefore ? 'hijacked' : left ? 'aborted' : 'cut'
      const status = outcome === 'aborted' ? CLIENT_CLOSED_REQUEST : undefined
      const duration = rounded(monotonicClock() - startedAt)
      const level = this.#levelFor(this.#level, { outcome, status, duration })
      if (level === undefined) return
      this.#write(level, entry, {
        ...NOTHING_KNOWN,
        method: raw.method,
        path: pathOf(entry.target, this.#semicolons),
        status,
        outcome,
        duration,
        client: entry.client
      })
    })
  }

  /** Writes the line of what never became a request. */
  malformed(error: ClientErrorFact, socket: Socket): void {
    const outcome = 'malformed'
    const status = error.statusCode
    const level = this.#levelFor(this.#level, { outcome, status, duration: undefined })
    if (level === undefined) return
    this.#write(level, undefined, {
      ...NOTHING_KNOWN,
      status,
      outcome,
      client: socket.remoteAddress,
      error: { type: error.code }
    })
  }

  /** A probe that failed by an error is no matter of routine. */
  #isQuietProbe({ request, error }: Entry, facts: RequestFacts, outcome: Outcome): boolean {
    if (!this.#silentProbes) return false
    const probe =
      facts.probe === true ||
      (request !== undefined && routeConfig(request).holdfast?.probe === true)
    return probe && !(outcome === 'server-error' && error !== undefined)
  }

  /** The level to write at. Asked first, so that a line nobody wants is not built. */
  #levelFor(levelOf: LevelFunction, request: SettledRequest): WrittenLevel | undefined {
    const level = levelOf(request)
    if (level === 'silent') return undefined
    try {
      return this.#logger.isLevelEnabled?.(level) === false ? undefined : level
    } catch (error) {
      this.#report(error)
      return undefined
    }
  }

  #write(level: WrittenLevel, entry: Entry | undefined, line: Line): void {
    const message = messageOf(line)
    const fields = entry?.fields
    try {
      this.#logger[level](fields === undefined ? line : { ...line, ...fields }, message)
    } catch (error) {
      this.#report(error)
      // A serializer of the logger's may be unable to take what the application added.
      if (fields !== undefined) this.#write(level, undefined, line)
    }
  }

  #report(error: unknown): void {
    reportOnce(this, 'the logger of requestLogging', error)
  }
}

const settled: SettledListener = (response, ending) => {
  const entry = entryOf(response.req)
  entry.log?.settle(entry, response, ending)
}

const NOTHING_KNOWN: Omit<Line, 'outcome'> = {
  id: undefined,
  method: undefined,
  route: undefined,
  path: undefined,
  status: undefined,
  duration: undefined,
  bytesOut: undefined,
  client: undefined,
  refusedBy: undefined,
  rateLimit: undefined,
  breaker: undefined,
  error: undefined
}

function statusOf(
  outcome: Outcome,
  response: ServerResponse,
  { clientError }: RequestFacts
): number | undefined {
  if (clientError !== undefined) return clientError.statusCode
  if (outcome === 'aborted') return CLIENT_CLOSED_REQUEST
  // Until the head is sent, the status is only an intention.
  return response.headersSent ? response.statusCode : undefined
}

function bytesOf(reply: FastifyReply | undefined, status: number | undefined): number | undefined {
  if (reply === undefined) return undefined
  if (reply.request.method === 'HEAD' || status === 204 || status === 304) return 0
  const length = Number(reply.getHeader('content-length') ?? Number.NaN)
  return Number.isNaN(length) ? undefined : length
}

function errorOf(
  outcome: Outcome,
  entry: Entry,
  response: ServerResponse,
  { clientError }: RequestFacts
): ErrorField | undefined {
  if (clientError !== undefined) return { type: clientError.code }
  const blameless = outcome === 'client-error'
  if (!blameless && outcome !== 'server-error' && outcome !== 'cut') return undefined
  const error = entry.error ?? (response as { readonly errored?: Error | null }).errored
  return error ? describeError(error, !blameless) : undefined
}
