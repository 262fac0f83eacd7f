/**
 * The end of a request, told exactly once. Node has no single event for it: a response emits
 * 'close' when it was sent or its connection ended, but a pipelined response that was still waiting
 * for its turn when the client left emits nothing at all.
 */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { reportOnce } from './report.ts'

/**
 * How a response ended: sent to the last byte, left by the client, or ended by the service before
 * it was complete (a stream that died midway, a reply that was destroyed).
 */
export type Ending = 'finished' | 'aborted' | 'cut'

/** Called once with the response and how it ended. */
export type SettledListener = (response: ServerResponse, ending: Ending) => void

// Registered, so that two copies of this package in one process watch a response together.
const STATE = Symbol.for('holdfast.settling')
const SENT = Symbol.for('holdfast.sent')
const QUEUE = Symbol.for('holdfast.queued-responses')

/** The listeners still to be called, and afterwards how the response ended. */
type State = SettledListener[] | Ending

type Watched = object & { [STATE]?: State; [SENT]?: boolean }
type Connection = object & { [QUEUE]?: Set<ServerResponse> }

/**
 * Calls `listener` exactly once when the response settles, whatever becomes of it: sent, hijacked,
 * destroyed, left by its client, or never begun. The listeners of one response run in reverse
 * order: who joined last has its say first, as with nested scopes. When the response has already
 * settled the listener is called at once. A listener that throws is reported once and harms nothing.
 */
export function onSettled(response: ServerResponse, listener: SettledListener): void {
  const state = watch(response)
  if (typeof state === 'string') call(listener, response, state)
  else state.push(listener)
}

/**
 * Starts to watch a response for its end, unless it is watched already.
 *
 * @param queued the response waits behind another one on its connection; by default that is told
 * by its having no socket, which is not yet true where Node announces a new request
 */
export function watch(response: ServerResponse, queued?: boolean): State {
  const watched: Watched = response
  let state = watched[STATE]
  if (state !== undefined) return state
  const waits = queued ?? response.socket === null
  if (isOver(response, waits)) {
    // As far as it can still be told.
    watched[SENT] = response.writableFinished && !response.req.aborted
    state = endingOf(response)
  } else {
    state = []
    if (!isHttp2(response)) response.on('finish', markSent)
    response.on('close', settleThis)
    if (waits) enqueue(response)
  }
  watched[STATE] = state
  return state
}

function markSent(this: ServerResponse): void {
  const { aborted, socket } = this.req
  // Before Node 24 a response whose last write failed with its connection is finished, too.
  if (!aborted && !socket.destroyed && !socket.errored) (this as Watched)[SENT] = true
}

function settleThis(this: ServerResponse): void {
  settle(this)
}

function settle(response: ServerResponse): void {
  const watched: Watched = response
  const listeners = watched[STATE]
  if (!Array.isArray(listeners)) return
  const ending = endingOf(response)
  // Kept: asked later, a response written after its client left would call itself finished.
  watched[STATE] = ending
  ;(response.req.socket as Connection | null)?.[QUEUE]?.delete(response)
  for (let index = listeners.length - 1; index >= 0; index--) {
    call(listeners[index] as SettledListener, response, ending)
  }
}

function call(listener: SettledListener, response: ServerResponse, ending: Ending): void {
  try {
    listener(response, ending)
  } catch (error) {
    reportOnce(listener, 'onSettled', error)
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

/** What the two HTTP versions tell about an end; neither type declares all of it. */
interface EndedResponse {
  readonly closed?: boolean
  readonly errored?: Error | null
  readonly stream?: { readonly closed: boolean; readonly rstCode: number }
}

function isOver(response: ServerResponse, queued: boolean): boolean {
  const { closed, stream } = response as EndedResponse
  if (stream !== undefined) return stream.closed
  return closed === true || (queued && response.req.socket.closed)
}

function isHttp2(response: ServerResponse): boolean {
  return (response as EndedResponse).stream !== undefined
}

function endingOf(response: ServerResponse): Ending {
  return isHttp2(response) ? endingOfHttp2(response) : endingOfHttp1(response)
}

function endingOfHttp1(response: ServerResponse): Ending {
  if ((response as Watched)[SENT]) return 'finished'
  const { readableEnded, errored } = response.req.socket
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
