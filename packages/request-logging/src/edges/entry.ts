/**
 * What is noted of a request from its beginning until its line is written. It hangs on the raw
 * request, since a request that was never routed has no other.
 */
import type { IncomingMessage } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { RequestLog } from './request-log.ts'

/** The notes of one request. */
export interface Entry {
  /** Who writes the line: the plugin of the innermost scope that the request reached. */
  log: RequestLog | undefined
  /** The target as it came, before anybody rewrote it. */
  target: string
  client: string | undefined
  request: FastifyRequest | undefined
  reply: FastifyReply | undefined
  error: unknown
  fields: Record<string, unknown> | undefined
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
    entry = {
      log: undefined,
      // Every request that came to a server has one.
      target: raw.url as string,
      // Read now: a socket that has closed no longer knows whom it was connected to.
      client: raw.socket.remoteAddress,
      request: undefined,
      reply: undefined,
      error: undefined,
      fields: undefined
    }
    raw[ENTRY] = entry
  }
  return entry
}
