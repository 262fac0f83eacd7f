/**
 * The end of a request, told exactly once. Node has no single event for it: a response emits
 * 'close' when it was sent or its connection ended, but a pipelined response that was still waiting
 * for its turn when the client left emits nothing at all.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { contain } from './guard.ts'
import { reportOnce } from './report.ts'
import {
  type Ending,
  type RequestRecord,
  recordOf,
  type SettledListener
} from './request-record.ts'

const LISTENER = 'a listener of onSettled'

// Registered, so that two copies of this package in one process know each other's.
const QUEUE = Symbol.for('holdfast.queued-responses')

type Connection = object & { [QUEUE]?: Set<ServerResponse> }

/**
 * Calls `listener` exactly once when the response settles, whatever becomes of it: sent, hijacked,
 * destroyed, left by its client, or never begun. The listeners of one response run in reverse
 * order: the one that joined last is called first, as with nested scopes. When the response has
 * already settled the listener is called at once. A listener that throws is reported once and harms
 * nothing.
 */
export function onSettled(response: ServerResponse, listener: SettledListener): void {
  const record = recordOf(response.req)
  watch(response, record)
  join(response, record, listener)
}

/** As {@link onSettled}, for a response that is watched. */
export function join(
  response: ServerResponse,
  record: RequestRecord,
  listener: SettledListener
): void {
  if (record.ending !== undefined) call(listener, response, record.ending, record)
  else if (record.first === undefined) record.first = listener
  else if (record.others === undefined) record.others = [listener]
  else record.others.push(listener)
}

/** Starts to watch a response for its end, unless it is watched already. */
export function watch(response: ServerResponse, record: RequestRecord): void {
  if (record.response !== undefined) return
  record.response = response
  // It may be waiting behind another one on its connection.
  const queued = response.socket === null
  if (isOver(response, queued)) {
    // As far as it can still be told.
    record.sent = response.writableFinished && !response.req.aborted
    record.ending = endingOf(response, record)
  } else {
    response.on('close', settleThis)
    // Before others: a listener may destroy the connection, as @fastify/websocket does after a refusal.
    if (!isHttp2(response)) response.prependListener('finish', noteThisSent)
    if (queued) enqueue(response)
    // Answered before any hook could see it: a bad URL, an app that closes.
    if (isUpgrade(response.req) && response.writableFinished) noteThisSent.call(response)
  }
}

/**
 * Watches a response that Node has just announced, which has no socket yet: whether it is `queued`
 * behind another one, and when Node is done with it ({@link noteSent}), is told.
 */
export function watchNew(response: ServerResponse, record: RequestRecord, queued: boolean): void {
  if (record.response !== undefined) return
  record.response = response
  response.on('close', settleThis)
  if (queued) enqueue(response)
}

/** Takes note that Node is done with a response of HTTP/1. */
export function noteSent(response: ServerResponse): void {
  const record = recordOf(response.req)
  if (record.response === undefined) return
  const { aborted, socket } = response.req as RequestWithoutSocket
  // Before Node 24 a response whose last write failed with its connection is done with, too.
  if (!aborted && !socket?.destroyed && !socket?.errored) record.sent = true
}

function noteThisSent(this: ServerResponse): void {
  noteSent(this)
  if (isUpgrade(this.req)) endUpgrade(this)
}

/**
 * Whether Node has handed the connection of a request over, since it asks for another protocol. A
 * CONNECT is none: any good answer makes it a tunnel.
 */
export function isUpgrade(request: IncomingMessage): boolean {
  const { method, upgrade } = request as IncomingMessage & { readonly upgrade?: boolean | null }
  return upgrade === true && method !== 'CONNECT'
}

const SWITCHING_PROTOCOLS = 101

/**
 * Ends the connection of an upgrade that was answered as a plain request, refused for example: Node
 * has let go of it, and nobody would ever read from it again.
 */
function endUpgrade(response: ServerResponse): void {
  if (response.statusCode === SWITCHING_PROTOCOLS) return
  settle(response)
  response.req.socket.destroySoon()
}

function settleThis(this: ServerResponse): void {
  settle(this)
}

function settle(response: ServerResponse): void {
  const record = recordOf(response.req)
  if (record.ending !== undefined) return
  const ending = endingOf(response, record)
  // Kept: asked later, a response written after its client left would call itself finished.
  record.ending = ending
  ;(response.req.socket as Connection | null)?.[QUEUE]?.delete(response)
  const { first, others } = record
  if (others !== undefined) {
    for (let index = others.length - 1; index >= 0; index--) {
      call(others[index] as SettledListener, response, ending, record)
    }
  }
  if (first !== undefined) call(first, response, ending, record)
}

function call(
  listener: SettledListener,
  response: ServerResponse,
  ending: Ending,
  record: RequestRecord
): void {
  try {
    const returned: unknown = listener(response, ending, record)
    if (returned !== undefined) contain(returned, listener, LISTENER)
  } catch (error) {
    reportOnce(listener, LISTENER, error)
  }
}

function enqueue(response: ServerResponse): void {
  const socket = response.req.socket as Socket & Connection
  let queue = socket[QUEUE]
  if (queue === undefined) {
    queue = new Set()
    socket[QUEUE] = queue
    // Joined after Node's own listener, which marks the requests as aborted.
    socket.once('close', settleQueue)
  }
  queue.add(response)
}

function settleQueue(this: Connection): void {
  for (const response of this[QUEUE] as Set<ServerResponse>) settle(response)
}

/** The members of a response that tell of its end, by HTTP version; no type declares all of them. */
interface EndedResponse {
  readonly closed?: boolean
  readonly errored?: Error | null
  readonly stream?: { readonly closed: boolean; readonly rstCode: number }
}

/** A request, when somebody has taken its socket. */
type RequestWithoutSocket = Omit<IncomingMessage, 'socket'> & { readonly socket: Socket | null }

function isOver(response: ServerResponse, queued: boolean): boolean {
  const { closed, stream } = response as EndedResponse
  if (stream !== undefined) return stream.closed
  return closed === true || (queued && response.req.socket.closed)
}

function isHttp2(response: ServerResponse): boolean {
  return (response as EndedResponse).stream !== undefined
}

function endingOf(response: ServerResponse, { sent }: RequestRecord): Ending {
  if (isHttp2(response)) return endingOfHttp2(response)
  return sent ? 'finished' : endingOfUnsent(response)
}

function endingOfUnsent(response: ServerResponse): Ending {
  const { aborted, socket } = response.req as RequestWithoutSocket
  // undici takes the socket from a request that it sends on as a body, and has destroyed.
  if (socket === null) return aborted ? 'aborted' : 'cut'
  const { readableEnded, errored } = socket
  if (readableEnded) return 'aborted'
  // Read to no end and without an error of its own, the connection was closed by us.
  const own = errored && errored !== (response as EndedResponse).errored
  return own && (errored as NodeJS.ErrnoException).code !== 'ECANCELED' ? 'aborted' : 'cut'
}

const HTTP2_NO_ERROR = 0
const HTTP2_INTERNAL_ERROR = 2

function endingOfHttp2(response: ServerResponse): Ending {
  const { req, writableFinished } = response
  const code = (response as EndedResponse).stream?.rstCode
  // A stream that its client reset is "finished" too, but then its request was aborted.
  if (writableFinished && !req.aborted) return 'finished'
  if (code === HTTP2_INTERNAL_ERROR) return 'cut'
  // A stream that its client resets is ended properly; one that we destroy is not.
  return code === HTTP2_NO_ERROR && !writableFinished ? 'cut' : 'aborted'
}
