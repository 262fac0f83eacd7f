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
  type RequestRecord,
  reportOnce,
  type SettledListener,
  setTrace,
  type TraceContext,
  traceOf,
  watchHead
} from '@holdfast/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { AddedFields, type LogFields } from '../fields.ts'
import { type Format, LineEntry, type SharedText, sharedTextOf } from '../formats/format.ts'
import type { WrittenLevel } from '../level.ts'
import { type Line, messageOf } from '../line.ts'
import { decideLevel, type LineDecision, sampleRateOf } from '../line-decision.ts'
import type { RequestLogger, ResolvedRequestLoggingOptions } from '../options.ts'
import type { RequestLoggingState } from '../state.ts'
import type { Verdict } from '../verdict.ts'
import { directLogger } from './direct-logger.ts'
import { LineBuilder, malformedLine } from './line-builder.ts'
import { beginLogRecord, type LineWriter, type LogRecord, logRecordOf } from './log-record.ts'
import type { ActiveSpan } from './open-telemetry.ts'
import type { RequestBindings } from './request-bindings.ts'
import { type RouteSettings, RouteSettingsTable } from './route-settings.ts'
import { noteResponse, noteTunnel, settledMalformed } from './settled-request.ts'

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
  #written = 0
  #sampledOut = 0
  #silent = 0
  #failed = 0
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

  get state(): RequestLoggingState {
    return {
      written: this.#written,
      sampledOut: this.#sampledOut,
      silent: this.#silent,
      failed: this.#failed
    }
  }

  /** Begins the notes of a request that was just taken in; {@link settled} ends them. */
  begin(raw: IncomingMessage, response: ServerResponse, facts: RequestRecord): void {
    // An app may hand its requests on to another one.
    const log = facts.requestLog ?? beginLogRecord(raw, facts)
    log.writer = this
    watchHead(response)
  }

  /**
   * Notes that a request has come to the scope of this log, and makes sure that a line is written when
   * it settles.
   */
  note(request: FastifyRequest, reply: FastifyReply): LogRecord {
    const { raw } = request
    const log = logRecordOf(raw)
    const isNew = log.writer === undefined
    log.writer = this
    log.facts.routed = request
    log.facts.reply = reply
    if (isNew) {
      watchHead(reply.raw)
      onSettled(reply.raw, settled)
    }
    const span = this.#activeSpan?.()
    if (span !== undefined) setTrace(raw, span)
    return log
  }

  add(log: LogRecord, fields: LogFields): void {
    log.fields ??= new AddedFields(log.secrets(this.#semicolons))
    log.fields.add(fields, this.#format.reserved, this.#tellReserved)
  }

  readonly #tellReserved = (name: string): void => {
    if (this.#told.has(name)) return
    this.#told.add(name)
    this.#log.warn(
      `request.addLogFields(): the field "${name}" was left out, since the line has a field of that name, or will have one. Give yours another name.`
    )
  }

  settle(log: LogRecord, response: ServerResponse, ending: Ending): void {
    const settings = this.#routes.of(log.facts.routed)
    noteResponse(log, response, ending, settings.slow)
    const verdict = settings.verdicts.on(log.raw.method, log)
    const { level: known } = verdict
    const level =
      known !== undefined && log.facts.probe === undefined ? known : decideLevel(settings, log, log)
    if (this.#isWritten(settings.logger, level)) {
      this.#finish(this.#builder.response(log, response, ending), level, settings, log, verdict)
    }
  }

  /** Writes the line of an upgrade or a CONNECT when its socket closes. */
  followTunnel(raw: IncomingMessage, socket: Socket): void {
    const log = logRecordOf(raw)
    const settings = this.#routes.unrouted
    // An upgrade is told after its listener ran, which may have answered; a CONNECT before.
    const sentBefore = raw.method === 'CONNECT' ? socket.bytesWritten : 0
    socket.once('close', () => {
      noteTunnel(log, socket, sentBefore)
      const level = decideLevel(settings, log, log)
      if (this.#isWritten(settings.logger, level)) {
        this.#finish(this.#builder.tunnel(log), level, settings, log)
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

  /** Whether a line is built. Where none is, the reason is counted. */
  #isWritten(logger: RequestLogger, level: LineDecision): level is WrittenLevel {
    if (level === 'sampled-out') {
      this.#sampledOut++
      return false
    }
    try {
      if (level !== 'silent' && isEnabled(logger, level, this)) return true
      this.#silent++
    } catch (error) {
      this.#failed++
      this.#report(error)
    }
    return false
  }

  /** Adds what is known beside how the request went, and writes the line. */
  #finish(
    line: Line,
    level: WrittenLevel,
    settings: RouteSettings,
    log: LogRecord,
    verdict?: Verdict
  ): void {
    line.route = settings.route
    if (log.slow) line.slow = true
    const sampleRate = sampleRateOf(settings, log)
    if (sampleRate < 1) line.sampleRate = sampleRate
    const trace = traceOf(log.raw)
    if (trace !== undefined) {
      line.traceId = trace.traceId
      line.spanId = trace.spanId
    }
    const added = this.#addedTo(log)
    if (added !== undefined && added.dropped > 0) line.droppedFields = added.dropped
    if (verdict !== undefined) verdict.text ??= sharedTextOf(this.#format, line)
    this.#write(settings.logger, level, line, trace, added, verdict?.text)
  }

  /** The application's fields, with the bindings of `request.log`. */
  #addedTo({ facts, fields }: LogRecord): AddedFields | undefined {
    const { routed } = facts
    const bindings = routed && this.#bindings.of(routed)
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
    added: AddedFields | undefined,
    shared?: SharedText
  ): void {
    const entry = new LineEntry(line, trace, added?.values, shared)
    try {
      const written: unknown = logger[level](
        this.#isDirect ? entry : entry.shaped(this.#format),
        shared?.message ?? messageOf(line)
      )
      if (written !== undefined) contain(written, this, WHERE)
      this.#written++
    } catch (error) {
      this.#report(error)
      // A serializer of the logger's may be unable to take what the application added.
      if (added !== undefined) this.#write(logger, level, line, trace, undefined, shared)
      else this.#failed++
    }
  }

  #report(error: unknown): void {
    reportOnce(this, WHERE, error)
  }
}

function isEnabled(logger: RequestLogger, level: WrittenLevel, log: RequestLog): boolean {
  const enabled: unknown = logger.isLevelEnabled?.(level)
  if (typeof enabled === 'boolean') return enabled
  contain(enabled, log, WHERE)
  return true
}

/** Has the line of a request written, once, by the log of the innermost scope that it reached. */
export const settled: SettledListener = (response, ending, { requestLog: log }) => {
  if (log?.writer === undefined || log.hasSettled) return
  log.hasSettled = true
  const { writer, context } = log
  if (context === undefined) writer.settle(log, response, ending)
  else context.runInAsyncScope(writer.settle, writer, log, response, ending)
}
