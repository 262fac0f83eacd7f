/**
 * The one object that the suite hangs on a request: its facts, and what intake and settling keep
 * beside them. It hangs on the raw request, because a request that never reached a route has no
 * FastifyRequest.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { monotonicClock } from './clock.ts'
import type { ClientErrorFact, Refuser, RequestFacts } from './facts.ts'
import type { RingItem } from './ring.ts'

/** A request of Node, HTTP/1 or HTTP/2. */
export type RawRequest = IncomingMessage | Http2ServerRequest

/** A request of Fastify, whatever its server and its types, or one of Node. */
export type AnyRequest = RawRequest | { readonly raw: RawRequest }

/**
 * How a response ended: sent to the last byte, left by the client, or ended by the service before
 * it was complete (a stream that died midway, a reply that was destroyed).
 */
export type Ending = 'finished' | 'aborted' | 'cut'

/** Called once with the response, how it ended, and the record of its request. */
export type SettledListener = (
  response: ServerResponse,
  ending: Ending,
  record: RequestRecord
) => void

/**
 * The facts of a request with what is kept beside them: each further object, and each symbol on Node's
 * own objects, would cost as much as the whole record.
 */
class BareRecord implements RequestFacts, RingItem {
  startedAt: number = monotonicClock()
  deadline: number | undefined = undefined
  attempt: number | undefined = undefined
  probe: true | undefined = undefined
  refusedBy: Refuser | undefined = undefined
  clientError: ClientErrorFact | undefined = undefined
  /** The intake that took the request in. */
  takenBy: object | undefined = undefined
  /** Fastify's request and its reply, once there are any. */
  routed: FastifyRequest | undefined = undefined
  reply: FastifyReply | undefined = undefined
  /** The response, from when its end is watched for. */
  response: ServerResponse | undefined = undefined
  /** How the response ended; `undefined` until it has settled. */
  ending: Ending | undefined = undefined
  /** HTTP/1: the last byte went out. */
  sent = false
  /** The listener to the end that joined first. Most responses have no other. */
  first: SettledListener | undefined = undefined
  others: SettledListener[] | undefined = undefined
  /** Who keeps the request among those in flight, in a ring of records; one at a time does. */
  keptBy: object | undefined = undefined
  previous: RingItem | undefined = undefined
  next: RingItem | undefined = undefined
}

/** What hangs on a request, with the facts of the plugins. */
export type RequestRecord = BareRecord & RequestFacts

/**
 * Names a fact that a plugin writes, once, when its module is loaded. Reading a fact that is not
 * written yet then costs the same for all requests. The same name may be declared again.
 */
export function declareFact(name: Exclude<keyof RequestFacts, keyof BareRecord>): void {
  Reflect.set(BareRecord.prototype, name, undefined)
}

// Registered, so that two copies of this package in one process share the facts.
const RECORD: unique symbol = Symbol.for('holdfast.facts')

interface Recorded {
  [RECORD]?: RequestRecord
}

/**
 * Returns the facts of a request, Fastify's or Node's, and creates them on first use. They live as
 * long as the raw request.
 */
export function factsOf(request: AnyRequest): RequestFacts {
  return recordOf('raw' in request ? request.raw : request)
}

/** Returns the facts of a request when it has any yet, and creates none. */
export function peekFacts(request: AnyRequest): RequestFacts | undefined {
  const raw: RawRequest & Recorded = 'raw' in request ? request.raw : request
  return raw[RECORD]
}

/** Returns the record of a raw request, and creates it on first use. */
export function recordOf(raw: RawRequest & Recorded): RequestRecord {
  let record = raw[RECORD]
  if (record === undefined) {
    record = new BareRecord()
    raw[RECORD] = record
  }
  return record
}

/**
 * Returns Fastify's request of a raw one, from the first hook on. `undefined` for a request that
 * never reached a hook, and in an app that takes nothing in.
 */
export function routedRequest(raw: RawRequest): FastifyRequest | undefined {
  return recordOf(raw).routed
}

/**
 * Returns the response of a raw request, where somebody watches for its end: in an app that takes its
 * requests in, that is every response.
 */
export function responseOf(raw: RawRequest): ServerResponse | undefined {
  return recordOf(raw).response
}

/**
 * Returns the milliseconds until the request's deadline: at least 0, `Infinity` when it has none. See
 * {@link RequestFacts.deadline}.
 */
export function remaining(request: AnyRequest): number {
  const { deadline } = factsOf(request)
  return deadline === undefined ? Infinity : Math.max(0, deadline - monotonicClock())
}
