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

const LISTENERS: unique symbol = Symbol('holdfast.settled-listeners')
const QUEUE: unique symbol = Symbol('holdfast.queued-responses')

/** The listeners still to be called; `null` once they were. */
interface Watched {
  [LISTENERS]?: SettledListener[] | null
}

interface Connection {
  [QUEUE]?: Set<ServerResponse>
}

/**
 * Calls `listener` exactly once when the response settles, whatever becomes of it: sent, hijacked,
 * destroyed, left by its client, or never begun. The listeners of one response run in reverse
 * order: who joined last has its say first, as with nested scopes. When the response has already
 * settled the listener is called at once. A listener that throws is reported once and harms nothing.
 */
export function onSettled(response: ServerResponse, listener: SettledListener): void {
  let listeners = (response as Watched)[LISTENERS]
  // Here, unlike at the intake, a response without a socket is one that waits for its turn.
  if (listeners === undefined) listeners = watch(response, response.socket === null)
  if (listeners === null) call(listener, response, endingOf(response))
  else listeners.push(listener)
}

/**
 * Starts to watch a response for its end. Returns its listeners, `null` when it has settled.
 *
 * @param queued the response waits behind another one on its connection
 */
export function watch(response: ServerResponse, queued: boolean): SettledListener[] | null {
  const listeners: SettledListener[] | null = hasClosed(response) ? null : []
  ;(response as Watched)[LISTENERS] = listeners
  if (listeners !== null) {
    response.on('close', settleThis)
    if (queued) enqueue(response)
  }
  return listeners
}

function settleThis(this: ServerResponse): void {
  settle(this)
}

function settle(response: ServerResponse): void {
  const listeners = (response as Watched)[LISTENERS]
  if (!listeners) return
  ;(response as Watched)[LISTENERS] = null
  ;(response.req.socket as Connection | null)?.[QUEUE]?.delete(response)
  const ending = endingOf(response)
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

function hasClosed(response: ServerResponse): boolean {
  const { closed, stream } = response as EndedResponse
  return stream === undefined ? closed === true : stream.closed
}

const HTTP2_INTERNAL_ERROR = 2

function endingOf(response: ServerResponse): Ending {
  if (isComplete(response)) return 'finished'
  const { errored, stream } = response as EndedResponse
  if (stream !== undefined) return stream.rstCode === HTTP2_INTERNAL_ERROR ? 'cut' : 'aborted'
  if (errored) return 'cut'
  // A connection that the client closed has read its end or failed; one that we closed has neither.
  const { socket } = response.req
  return socket.readableEnded || socket.errored ? 'aborted' : 'cut'
}

function isComplete({ req, writableFinished, writableEnded }: ServerResponse): boolean {
  // writableFinished alone would lie: a response written after its client left is "finished" too.
  if (req.aborted) return false
  // An injected response has no socket to flush to, and never calls itself finished.
  return writableFinished || (writableEnded && !req.socket.destroyed)
}
