/**
 * The requests in flight: taken in and not yet settled. Once clients are asked to leave, the last
 * answer on each HTTP/1 connection says `Connection: close`.
 */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { onSettled, type SettledListener } from '@holdfast/core'

const PLACE: unique symbol = Symbol('holdfast.place-in-flight')

/** A response's place among those in flight. */
interface Place {
  readonly response: ServerResponse
  previous: Place | undefined
  next: Place | undefined
}

type Placed = object & { [PLACE]?: Place }

/**
 * Counts requests in and out. They are chained, newest first: a Set would do, but its table lives
 * long, and what it has held is kept from the young generation's collector. That costs microseconds
 * a request.
 */
export class InFlight implements Iterable<ServerResponse> {
  #newest: Place | undefined
  #count = 0
  readonly #endConnection: (socket: Socket) => void
  /** The latest response of each connection, since clients are asked to leave. */
  #latest: WeakMap<Socket, ServerResponse> | undefined
  #ending = false
  #finished = 0
  readonly #waiting: (() => void)[] = []

  /** @param endConnection ends a connection that has had its last answer */
  constructor(endConnection: (socket: Socket) => void) {
    this.#endConnection = endConnection
  }

  get count(): number {
    return this.#count
  }

  /** How many requests were answered since {@link askToLeave}. */
  get finished(): number {
    return this.#finished
  }

  *[Symbol.iterator](): Iterator<ServerResponse> {
    for (let place = this.#newest; place !== undefined; place = place.next) yield place.response
  }

  /** Counts a request in, and out when its response settles. */
  take(response: ServerResponse): void {
    this.#add(response)
    onSettled(response, this.#settle)
    if (this.#latest !== undefined) tellToLeave(response, this.#latest)
  }

  #add(response: Placed & ServerResponse): void {
    const place: Place = { response, previous: undefined, next: this.#newest }
    if (this.#newest !== undefined) this.#newest.previous = place
    this.#newest = place
    response[PLACE] = place
    this.#count++
  }

  #remove(response: Placed): void {
    const { previous, next } = response[PLACE] as Place
    if (previous === undefined) this.#newest = next
    else previous.next = next
    if (next !== undefined) next.previous = previous
    this.#count--
  }

  readonly #settle: SettledListener = (response, ending) => {
    this.#remove(response)
    if (this.#latest === undefined) return
    if (ending === 'finished') this.#finished++
    const { socket } = response.req
    // Where the head was out before the client could be told to leave, the connection is still open.
    if (this.#ending && this.#latest.get(socket) === response) this.#endConnection(socket)
    if (this.#count === 0) this.release()
  }

  /** Every response head from now on tells an HTTP/1 client that the connection closes. */
  askToLeave(): void {
    this.#latest = new WeakMap()
    // Oldest first, as they came: of pipelined requests the last one says it.
    for (const response of [...this].reverse()) tellToLeave(response, this.#latest)
  }

  /** Ends each connection with its last answer, whatever the head of that answer said. */
  endConnections(): void {
    this.#ending = true
  }

  /** Resolves when nothing is in flight, or on {@link release}. */
  whenIdle(): Promise<void> {
    if (this.#count === 0) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Resolves when the answers that are complete, but still on their way to slow readers, are out. */
  async whenSent(): Promise<void> {
    const unsent = [...this].filter(
      ({ writableEnded, writableFinished }) => writableEnded && !writableFinished
    )
    await Promise.all(
      unsent.map((response) => new Promise<void>((sent) => onSettled(response, () => sent())))
    )
  }

  /** Lets those go who wait for the last request. */
  release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
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
