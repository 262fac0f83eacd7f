/**
 * What is noted of a request from its beginning until its line is written. It hangs on the raw
 * request, because a request that was never routed has no other.
 */
import type { AsyncResource } from 'node:async_hooks'
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type Ending,
  isPlainPath,
  type RequestRecord,
  recordOf,
  secretPartsOf
} from '@holdfast/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { AddedFields, LogFields } from '../fields.ts'
import type { SettledRequest } from '../level.ts'
import type { RequestOutcome } from '../outcome.ts'

/** Who writes the line of a request. */
export interface LineWriter {
  /** Adds the application's fields to the line. */
  add(log: LogRecord, fields: LogFields): void
  /** Writes the line of a request that had a response. */
  settle(log: LogRecord, response: ServerResponse, ending: Ending): void
}

declare module '@holdfast/core' {
  interface RequestFacts {
    /** The notes of `@holdfast/request-logging`, of no use to others. */
    requestLog?: LogRecord | undefined
  }
}

/** The notes of one request, and at last how it went. */
export class LogRecord implements SettledRequest {
  /** The plugin of the innermost scope that the request reached; `undefined` before the first. */
  writer: LineWriter | undefined = undefined
  /** Whether the request has settled: each app that took it in tells so. */
  hasSettled = false
  readonly raw: IncomingMessage
  readonly facts: RequestRecord
  /** The target as it came, before anybody rewrote it. */
  readonly target: string
  /** The address of the connection's peer; a Unix socket has none. */
  readonly peer: string | undefined
  error: unknown = undefined
  fields: AddedFields | undefined = undefined
  /** The async context of the request, for loggers that may ask for it. */
  context: AsyncResource | undefined = undefined
  /** When the head of the answer was written, in milliseconds of the monotonic clock; 0 before. */
  headAt = 0
  /** The bytes that had been written to the connection by then. */
  bytesBefore: number | undefined = undefined
  outcome: RequestOutcome = 'ok'
  status: number | undefined = undefined
  duration: number | undefined = undefined
  slow = false

  constructor(raw: IncomingMessage & { readonly originalUrl?: string }, facts: RequestRecord) {
    this.raw = raw
    this.facts = facts
    // An injected request is first seen after Fastify's rewriteUrl, which keeps what it replaces.
    // A CONNECT over HTTP/2 has no path, but an authority.
    this.target = raw.originalUrl ?? raw.url ?? String(raw.headers[':authority'])
    // Read now: a socket that has closed without ever being asked has forgotten it.
    this.peer = raw.socket.remoteAddress
  }

  get request(): FastifyRequest | undefined {
    return this.facts.routed
  }

  get reply(): FastifyReply | undefined {
    return this.facts.reply
  }

  /** The parts of the target, as it came and as it was rewritten, that no error should repeat. */
  secrets(semicolons: boolean): readonly string[] {
    const { target, raw } = this
    const { url = target } = raw
    const parts = isPlainPath(target) ? [] : secretPartsOf(target, semicolons)
    // The handler knows the target as it was rewritten.
    return url === target ? parts : [...parts, ...secretPartsOf(url, semicolons)]
  }
}

/**
 * Returns the notes of a request, and begins them on first use. They hang on its facts, so that two
 * copies of this package in one process write one line.
 */
export function logRecordOf(raw: IncomingMessage): LogRecord {
  const facts = recordOf(raw)
  return facts.requestLog ?? beginLogRecord(raw, facts)
}

/** Begins the notes of a request that has none. */
export function beginLogRecord(raw: IncomingMessage, facts: RequestRecord): LogRecord {
  const record = new LogRecord(raw, facts)
  facts.requestLog = record
  return record
}
