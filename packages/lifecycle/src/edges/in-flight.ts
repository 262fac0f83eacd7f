/**
 * The requests in flight: taken in and not yet settled. Once clients are asked to leave, the last
 * answer on each HTTP/1 connection says `Connection: close`.
 */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type Ending, leaveRing, type RequestRecord, Ring } from '@holdfast/core'
import type { PendingCount } from '../pending-count.ts'

/** Counts requests in and out. */
export class InFlight implements Iterable<ServerResponse> {
  readonly #records = new Ring<RequestRecord>()
  #count = 0
  readonly #pending: PendingCount
  readonly #endConnection: (socket: Socket) => void
  /** The latest response of each connection, since clients are asked to leave. */
  #latest: WeakMap<Socket, ServerResponse> | undefined
  #ending = false
  #finished = 0

  /** @param endConnection ends a connection that has had its last answer */
  constructor(pending: PendingCount, endConnection: (socket: Socket) => void) {
    this.#pending = pending
    this.#endConnection = endConnection
  }

  get count(): number {
    return this.#count
  }

  /** How many requests were answered since {@link askToLeave}. */
  get finished(): number {
    return this.#finished
  }

  /** Oldest first. */
  *[Symbol.iterator](): Iterator<ServerResponse> {
    for (const { response } of this.#records) if (response !== undefined) yield response
  }

  /** Counts a request in. */
  take(response: ServerResponse, record: RequestRecord): void {
    // An app may hand its requests on to another one.
    if (record.keptBy !== undefined) return
    record.keptBy = this
    this.#records.add(record)
    this.#count++
    this.#pending.begin()
    if (this.#latest !== undefined) tellToLeave(response, this.#latest)
  }

  /** Counts a request out, if it was counted in. */
  settle(response: ServerResponse, ending: Ending, record: RequestRecord): void {
    if (record.keptBy !== this) return
    leaveRing(record)
    this.#count--
    this.#pending.end()
    if (this.#latest === undefined) return
    if (ending === 'finished') this.#finished++
    const { socket } = response.req
    // Where the head was out before the client could be told to leave, the connection is still open.
    if (this.#ending && this.#latest.get(socket) === response) this.#endConnection(socket)
  }

  /** Every response head from now on tells an HTTP/1 client that the connection closes. */
  askToLeave(): void {
    this.#latest = new WeakMap()
    // As they came: of pipelined requests the last one says it.
    for (const response of this) tellToLeave(response, this.#latest)
  }

  /** Ends each connection with its last answer, whatever the head of that answer said. */
  endConnections(): void {
    this.#ending = true
  }
}

function tellToLeave(response: ServerResponse, latest: WeakMap<Socket, ServerResponse>): void {
  const { req } = response
  if (req.httpVersionMajor > 1) return
  const previous = latest.get(req.socket)
  // Node ends a connection after the answer that says close. Of pipelined requests the last says it.
  if (previous !== undefined && !previous.headersSent) previous.shouldKeepAlive = true
  latest.set(req.socket, response)
  response.shouldKeepAlive = false
}
