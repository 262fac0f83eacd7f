/**
 * What is noted of a request from its beginning until its line is written. It hangs on the raw
 * request, since a request that was never routed has no other.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { AddedFields } from '../fields.ts'
import type { RequestLog } from './request-log.ts'

/** `response.writeHead`, without its choice of signatures. */
export type WriteHead = (
  this: ServerResponse,
  status: number,
  reason?: unknown,
  headers?: unknown
) => ServerResponse

/** The notes of one request. */
export class Entry {
  /** Who writes the line: the plugin of the innermost scope that the request reached. */
  log: RequestLog | undefined = undefined
  /** The target as it came, before anybody rewrote it. */
  readonly target: string
  /** The peer of the connection. */
  readonly peer: string | undefined
  /** The client, where it could not be found out later. */
  client: string | undefined = undefined
  request: FastifyRequest | undefined = undefined
  reply: FastifyReply | undefined = undefined
  error: unknown = undefined
  fields: AddedFields | undefined = undefined
  /** The response's own `writeHead`, while another stands in its place. */
  writeHead: WriteHead | undefined = undefined
  /** When the head of the answer was written, by the monotonic clock; 0 before. */
  headAt = 0
  /** What had been written to the connection by then. */
  bytesBefore: number | undefined = undefined

  constructor(raw: IncomingMessage & { readonly originalUrl?: string }) {
    // An injected request is first seen after Fastify's rewriteUrl, which keeps what it replaces.
    // Every request that came to a server has a target.
    this.target = raw.originalUrl ?? (raw.url as string)
    // Read now: a socket that has closed without ever being asked has forgotten it.
    this.peer = raw.socket.remoteAddress
  }
}

// Registered, so that two copies of this package in one process write one line.
const ENTRY: unique symbol = Symbol.for('holdfast.request-log')

interface WithEntry {
  [ENTRY]?: Entry
}

/** Returns the notes of a request, and begins them on first use. */
export function entryOf(raw: IncomingMessage & WithEntry): Entry {
  let entry = raw[ENTRY]
  if (entry === undefined) {
    entry = new Entry(raw)
    raw[ENTRY] = entry
  }
  return entry
}
