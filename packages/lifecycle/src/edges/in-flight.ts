/**
 * The requests in flight: taken in and not yet settled. Once clients are asked to leave, the last
 * answer on each HTTP/1 connection says `Connection: close`.
 */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { leaveRing, onSettled, Ring, type RingItem, type SettledListener } from '@holdfast/core'
import type { PendingCount } from '../pending-count.ts'

const PLACE: unique symbol = Symbol('holdfast.place-in-flight')

/** The place of a response among those in flight. */
interface Place extends RingItem {
  readonly response: ServerResponse
}

/** The place hangs on the request, which has room for it; on a response it would cost more. */
type Placed = object & { [PLACE]?: Place }

/** Counts requests in and out. */
export class InFlight implements Iterable<ServerResponse> {
  readonly #places = new Ring<Place>()
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
    for (const { response } of this.#places) yield response
  }

  /** Counts a request in, and out when its response settles. */
  take(response: ServerResponse): void {
    const request: Placed = response.req
    const place: Place = { response, previous: undefined, next: undefined }
    request[PLACE] = place
    this.#places.add(place)
    this.#count++
    this.#pending.begin()
    onSettled(response, this.#settle)
    if (this.#latest !== undefined) tellToLeave(response, this.#latest)
  }

  readonly #settle: SettledListener = (response, ending) => {
    leaveRing((response.req as Placed)[PLACE] as Place)
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
