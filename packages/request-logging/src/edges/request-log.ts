/**
 * Leads from a request that settled to its line: has the line decided and built, and calls the
 * logger once.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import {
  type ClientErrorFact,
  contain,
  type Ending,
  type GuardedLog,
  guardedLog,
  onSettled,
  reportOnce,
  type SettledListener,
  setTrace,
  type TraceContext,
  traceOf
} from '@holdfast/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { AddedFields, type LogFields } from '../fields.ts'
import { type Format, LineEntry } from '../formats/format.ts'
import type { LogLevel, SettledRequest, WrittenLevel } from '../level.ts'
import { type Line, messageOf } from '../line.ts'
import { decideLevel, sampleRateOf } from '../line-decision.ts'
import type { RequestLogger, ResolvedRequestLoggingOptions } from '../options.ts'
import { directLogger } from './direct-logger.ts'
import { watchHead } from './head-watch.ts'
import { LineBuilder, malformedLine } from './line-builder.ts'
import { type LineWriter, type LogRecord, recordOf } from './log-record.ts'
import type { ActiveSpan } from './open-telemetry.ts'
import type { RequestBindings } from './request-bindings.ts'
import { type RouteSettings, RouteSettingsTable } from './route-settings.ts'
import { settledMalformed, settledResponse, settledTunnel } from './settled-request.ts'

/** What a log needs beside its options. */
export interface LogEnvironment {
  readonly logger: RequestLogger
  readonly format: Format
  readonly bindings: RequestBindings
  readonly activeSpan: ActiveSpan | undefined
  /** The event loop's delay in milliseconds. */
  readonly eventLoopDelay: { readonly current: number }
  /** Whether a `;` begins the query too, as Fastify was told. */
  readonly semicolons: boolean
}

const WHERE = 'the logger of requestLogging'

/** The log of one registration of the plugin. */
export class RequestLog implements LineWriter {
  readonly #format: Format
  /** Whether the loggers take a {@link LineEntry}. */
  readonly #isDirect: boolean
  readonly #activeSpan: ActiveSpan | undefined
  readonly #semicolons: boolean
  readonly #routes: RouteSettingsTable
  readonly #builder: LineBuilder
  readonly #bindings: RequestBindings
  readonly #log: GuardedLog
  /** The reserved names that were told of. */
  readonly #told = new Set<string>()

  constructor(options: ResolvedRequestLoggingOptions, environment: LogEnvironment) {
    const { logger, format, bindings, activeSpan, semicolons, eventLoopDelay } = environment
    const direct = directLogger(logger, format)
    this.#format = format
    this.#isDirect = direct !== undefined
    this.#log = guardedLog(logger)
    this.#bindings = bindings
    this.#activeSpan = activeSpan
    this.#semicolons = semicolons
    this.#routes = new RouteSettingsTable(options, semicolons, direct ?? logger)
    this.#builder = new LineBuilder(options, semicolons, eventLoopDelay)
  }

  /** Makes sure that a line is written when the request settles. */
  follow(raw: IncomingMessage, response: ServerResponse): LogRecord {
    const record = recordOf(raw)
    const isNew = record.writer === undefined
    // First: one that has settled already, a bad URL that asked for an upgrade, has its line at once.
    record.writer = this
    if (isNew) {
      watchHead(response)
      onSettled(response, settle)
    }
    return record
  }

  /** Notes what Fastify made of a request. */
  note(request: FastifyRequest, reply: FastifyReply): LogRecord {
    const record = this.follow(request.raw, reply.raw)
    if (record.request === request) return record
    record.request = request
    record.reply = reply
    const span = this.#activeSpan?.()
    if (span !== undefined) setTrace(request.raw, span)
    return record
  }

  add(record: LogRecord, fields: LogFields): void {
    record.fields ??= new AddedFields(record.secrets(this.#semicolons))
    record.fields.add(fields, this.#format.reserved, this.#tellReserved)
  }

  readonly #tellReserved = (name: string): void => {
    if (this.#told.has(name)) return
    this.#told.add(name)
    this.#log.warn(
      `request.addLogFields(): the field "${name}" was left out, since the line has a field of that name, or will have one. Give yours another name.`
    )
  }

  settle(record: LogRecord, response: ServerResponse, ending: Ending): void {
    const settings = this.#routes.of(record.request)
    const settled = settledResponse(record, response, ending, settings.slow)
    const level = decideLevel(settings, settled, record)
    if (this.#isWritten(settings.logger, level)) {
      const line = this.#builder.response(record, settled, response, ending)
      this.#finish(line, level, settings, settled, record)
    }
  }

  /** Writes the line of an upgrade or a CONNECT when its socket closes. */
  followTunnel(raw: IncomingMessage, socket: Socket): void {
    const record = recordOf(raw)
    const settings = this.#routes.unrouted
    // An upgrade is told after its listener ran, which may have answered; a CONNECT before.
    const sentBefore = raw.method === 'CONNECT' ? socket.bytesWritten : 0
    socket.once('close', () => {
      const settled = settledTunnel(record, socket, sentBefore)
      const level = decideLevel(settings, settled, record)
      if (this.#isWritten(settings.logger, level)) {
        this.#finish(this.#builder.tunnel(record, settled), level, settings, settled, record)
      }
    })
  }

  /** Writes the line of what never became a request. */
  malformed(error: ClientErrorFact, socket: Socket): void {
    const { unrouted } = this.#routes
    const settled = settledMalformed(error)
    const level = decideLevel(unrouted, settled, undefined)
    if (this.#isWritten(unrouted.logger, level)) {
      const line = malformedLine(settled, error, socket)
      this.#write(unrouted.logger, level, line, undefined, undefined)
    }
  }

  #isWritten(logger: RequestLogger, level: LogLevel): level is WrittenLevel {
    if (level === 'silent') return false
    try {
      const enabled: unknown = logger.isLevelEnabled?.(level)
      contain(enabled, this, WHERE)
      return enabled !== false
    } catch (error) {
      this.#report(error)
      return false
    }
  }

  /** Adds what is known beside how the request went, and writes the line. */
  #finish(
    line: Line,
    level: WrittenLevel,
    settings: RouteSettings,
    settled: SettledRequest,
    record: LogRecord
  ): void {
    line.route = settings.route
    if (settled.slow) line.slow = true
    const sampleRate = sampleRateOf(settings, settled)
    if (sampleRate < 1) line.sampleRate = sampleRate
    const trace = traceOf(record.raw)
    if (trace !== undefined) {
      line.traceId = trace.traceId
      line.spanId = trace.spanId
    }
    const added = this.#addedTo(record)
    if (added !== undefined && added.dropped > 0) line.droppedFields = added.dropped
    this.#write(settings.logger, level, line, trace, added)
  }

  /** The application's fields, with the bindings of `request.log`. */
  #addedTo({ request, fields }: LogRecord): AddedFields | undefined {
    const bindings = request && this.#bindings.of(request)
    if (bindings === undefined) return fields
    const all = new AddedFields()
    all.add(bindings, this.#format.reserved)
    if (fields === undefined) return all
    Object.assign(all.values, fields.values)
    all.dropped += fields.dropped
    return all
  }

  #write(
    logger: RequestLogger,
    level: WrittenLevel,
    line: Line,
    trace: TraceContext | undefined,
    added: AddedFields | undefined
  ): void {
    const entry = new LineEntry(line, trace, added?.values)
    try {
      const written: unknown = logger[level](
        this.#isDirect ? entry : entry.shaped(this.#format),
        messageOf(line)
      )
      contain(written, this, WHERE)
    } catch (error) {
      this.#report(error)
      // A serializer of the logger's may be unable to take what the application added.
      if (added !== undefined) this.#write(logger, level, line, trace, undefined)
    }
  }

  #report(error: unknown): void {
    reportOnce(this, WHERE, error)
  }
}

const settle: SettledListener = (response, ending) => {
  const record = recordOf(response.req)
  const { writer, context } = record
  if (context === undefined) writer?.settle(record, response, ending)
  else context.runInAsyncScope(() => writer?.settle(record, response, ending))
}
