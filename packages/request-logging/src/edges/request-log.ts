/**
 * From a request that settled to its line: decides whether there is one, and at which level, and
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
  reportOnce,
  type SettledListener,
  setTrace,
  type TraceContext,
  traceOf
} from '@holdfast/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { AddedFields, type LogFields } from '../fields.ts'
import type { Format } from '../formats/format.ts'
import { chosenLevel, levelInTable, type SettledRequest, type WrittenLevel } from '../level.ts'
import { type Line, messageOf, rounded } from '../line.ts'
import { pathOf } from '../masking.ts'
import type { RequestLogger, ResolvedRequestLoggingOptions } from '../options.ts'
import { CLIENT_CLOSED_REQUEST, type Outcome, outcomeOf } from '../outcome.ts'
import { isRoutine, keepsId, keepsTrace } from '../sampling.ts'
import { statusOf, watchHead } from './answer.ts'
import { type Entry, entryOf } from './entry.ts'
import { addressOf, LineBuilder } from './line-builder.ts'
import type { ActiveSpan } from './open-telemetry.ts'
import { onFastPath } from './pino-fast-path.ts'
import { type RouteSettings, RouteSettingsTable } from './route-settings.ts'

/** What a log needs beside its options. */
export interface LogSurroundings {
  readonly logger: RequestLogger
  readonly format: Format
  readonly activeSpan: ActiveSpan | undefined
  /** The event loop's delay in milliseconds. */
  readonly eventLoopDelay: { readonly current: number }
  /** A `;` begins the query too, as Fastify was told. */
  readonly semicolons: boolean
}

/** The log of one registration of the plugin. */
export class RequestLog {
  readonly #options: ResolvedRequestLoggingOptions
  readonly #format: Format
  readonly #activeSpan: ActiveSpan | undefined
  readonly #semicolons: boolean
  readonly #routes: RouteSettingsTable
  readonly #builder: LineBuilder

  constructor(options: ResolvedRequestLoggingOptions, surroundings: LogSurroundings) {
    const { logger, format, activeSpan, semicolons, eventLoopDelay } = surroundings
    this.#options = options
    this.#format = format
    this.#activeSpan = activeSpan
    this.#semicolons = semicolons
    this.#routes = new RouteSettingsTable(options, onFastPath(logger, format.reserved))
    this.#builder = new LineBuilder(options, semicolons, eventLoopDelay)
  }

  /** Sees to it that a line is written when the request settles. */
  follow(raw: IncomingMessage, response: ServerResponse): Entry {
    const entry = entryOf(raw)
    if (entry.log === undefined) {
      onSettled(response, settled)
      watchHead(response, entry)
    }
    entry.log = this
    return entry
  }

  /** Notes what Fastify made of a request. */
  note(request: FastifyRequest, reply: FastifyReply): Entry {
    const entry = this.follow(request.raw, reply.raw)
    if (entry.request === request) return entry
    entry.request = request
    entry.reply = reply
    // A stream of HTTP/2 that was reset has no connection to ask any more.
    if (request.raw.httpVersionMajor === 2) entry.client = addressOf(request, entry)
    const span = this.#activeSpan?.()
    if (span !== undefined) setTrace(request.raw, span)
    return entry
  }

  /** Adds fields to the line of a request. */
  add(entry: Entry, fields: LogFields): void {
    entry.fields ??= new AddedFields()
    entry.fields.add(fields, this.#format.reserved)
  }

  /** Writes the line of a request that had a response. */
  settle(entry: Entry, response: ServerResponse, ending: Ending): void {
    const { request, reply } = entry
    const settings = request === undefined ? this.#routes.usual : this.#routes.of(request)
    if (settings.silent) return
    const facts = factsOf(response.req)
    const outcome = outcomeOf(
      ending,
      response.statusCode,
      facts,
      reply !== undefined && isHijacked(reply) === true,
      request !== undefined
    )
    const duration = monotonicClock() - facts.startedAt
    const slow = duration >= settings.slow && outcome !== 'hijacked'
    const { sample } = settings
    const sampled = sample < 1 && !slow && isRoutine(outcome)
    if (sampled && !keeps(entry, response.req, sample)) return

    const probe = settings.probe || facts.probe === true
    if (!settings.outspoken && this.#isSilent(entry, probe, outcome)) return
    const status = statusOf(outcome, response, facts)
    const level = this.#levelFor(settings, entry, outcome, status, duration, slow)
    if (level === undefined) return

    const line = this.#builder.settled(entry, response, ending, outcome, status, duration)
    line.route = settings.route
    if (slow) line.slow = true
    if (sampled) line.sampleRate = sample
    this.#write(settings.logger, level, line, traceOf(response.req), entry.fields)
  }

  /** Writes the line of an upgrade or a CONNECT when its socket closes. */
  followTunnel(raw: IncomingMessage, socket: Socket): void {
    const entry = entryOf(raw)
    const { startedAt } = factsOf(raw)
    const settings = this.#routes.usual
    const { sample } = settings
    // An upgrade is told after its listener ran, which may have answered; a CONNECT before.
    const sentBefore = raw.method === 'CONNECT' ? socket.bytesWritten : 0
    socket.once('close', () => {
      // Whoever took the socket has answered on it. Where nobody did, it was not taken.
      const left = socket.readableEnded || socket.errored
      const outcome = socket.bytesWritten > sentBefore ? 'hijacked' : left ? 'aborted' : 'cut'
      const sampled = sample < 1 && isRoutine(outcome)
      if (sampled && !keeps(entry, raw, sample)) return
      if (this.#isSilent(entry, false, outcome)) return
      const status = outcome === 'aborted' ? CLIENT_CLOSED_REQUEST : undefined
      const duration = monotonicClock() - startedAt
      const level = this.#levelFor(settings, entry, outcome, status, duration, false)
      if (level === undefined) return
      const line = this.#builder.tunnel(entry, raw, outcome, status, duration)
      if (sampled) line.sampleRate = sample
      this.#write(settings.logger, level, line, traceOf(raw), undefined)
    })
  }

  /** Writes the line of what never became a request. */
  malformed(error: ClientErrorFact, socket: Socket): void {
    const settings = this.#routes.usual
    const { code, statusCode } = error
    const level = this.#levelFor(settings, undefined, 'malformed', statusCode, undefined, false)
    if (level === undefined) return
    const line: Line = {
      status: statusCode,
      outcome: 'malformed',
      client: socket.remoteAddress,
      error: { type: code }
    }
    this.#write(settings.logger, level, line, undefined, undefined)
  }

  /** By being a probe, or by path. One that failed by an error is no matter of routine. */
  #isSilent(entry: Entry, probe: boolean, outcome: Outcome): boolean {
    const { silence } = this.#options
    const silent =
      (probe && silence.probes) ||
      (silence.hasPaths && silence.coversPath(pathOf(entry.target, this.#semicolons)))
    return silent && !(outcome === 'server-error' && entry.error !== undefined)
  }

  /** The level to write at. Asked first, so that a line nobody wants is not built. */
  #levelFor(
    settings: RouteSettings,
    entry: Entry | undefined,
    outcome: Outcome,
    status: number | undefined,
    duration: number | undefined,
    slow: boolean
  ): WrittenLevel | undefined {
    const { levels, logger, outspoken } = settings
    const { silence } = this.#options
    let level = levelInTable(levels.table, outcome, slow)
    if (levels.choose !== undefined || silence.hasFunctions) {
      const settled: SettledRequest = {
        outcome,
        status,
        duration: duration === undefined ? undefined : rounded(duration),
        slow,
        error: entry?.error,
        request: entry?.request,
        reply: entry?.reply
      }
      if (!outspoken && silence.covers(settled)) return undefined
      if (levels.choose !== undefined) level = chosenLevel(levels.choose, settled, levels.table)
    }
    if (level === 'silent') return undefined
    try {
      return logger.isLevelEnabled?.(level) === false ? undefined : level
    } catch (error) {
      this.#report(error)
      return undefined
    }
  }

  #write(
    logger: RequestLogger,
    level: WrittenLevel,
    line: Line,
    trace: TraceContext | undefined,
    added: AddedFields | undefined
  ): void {
    const message = messageOf(line)
    if (trace !== undefined) {
      line.traceId = trace.traceId
      line.spanId = trace.spanId
    }
    if (added !== undefined && added.dropped > 0) line.droppedFields = added.dropped
    const fields = this.#format.shape(line, trace)
    try {
      logger[level](added === undefined ? fields : { ...fields, ...added.values }, message)
    } catch (error) {
      this.#report(error)
      // A serializer of the logger's may be unable to take what the application added.
      if (added !== undefined) this.#write(logger, level, line, trace, undefined)
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

/** Whether the line is among those that are kept: by its trace, or else by its id. */
function keeps({ request }: Entry, raw: IncomingMessage, rate: number): boolean {
  if (rate === 0) return false
  const trace = traceOf(raw)
  if (trace !== undefined) return keepsTrace(trace.traceId, rate)
  // Neither has what was never routed; an upgrade for example.
  return request === undefined ? Math.random() < rate : keepsId(String(request.id), rate)
}
