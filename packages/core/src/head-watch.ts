/**
 * Tells when the head of an answer is written. Hooks could not tell: a stream's head goes out with its
 * first chunk, and a hijacked reply passes none. Node tells on its channels when a response is made and
 * when it is done with, not when its head goes out. It is noticed by the class of the response: an own
 * property on each response would make all code that meets one slower.
 */
import type { ServerResponse } from 'node:http'
import { reportOnce } from './report.ts'

/**
 * Called when the head of a response is written, before it is. The response may be anybody's: of
 * another app, or of a plain server of Node's. An error that it throws is reported once. Where a class
 * and its base are both watched, it is called twice for one head.
 */
export type HeadListener = (response: ServerResponse) => void

/** `response.writeHead`, without its choice of signatures. */
type WriteHead = (
  this: ServerResponse,
  status: number,
  reason?: unknown,
  headers?: unknown
) => ServerResponse

/** A class of responses that is watched. */
interface Watched {
  /** The `writeHead` it had. */
  readonly given: WriteHead
  readonly isOwn: boolean
  readonly ours: WriteHead
}

type Prototype = { writeHead: WriteHead }

const watched = new Map<Prototype, Watched>()
/** The class that was seen last: most processes have one. */
let latest: Prototype | undefined
const listeners: HeadListener[] = []

/**
 * Calls `listener` for the heads of all responses that are watched, until the returned function is
 * called. With the last listener the classes get back what they had, unless somebody has wrapped it
 * meanwhile, who goes on calling it.
 */
export function onHead(listener: HeadListener): () => void {
  listeners.push(listener)
  let released = false
  return () => {
    if (released) return
    released = true
    listeners.splice(listeners.indexOf(listener), 1)
    if (listeners.length === 0) restore()
  }
}

/** Makes sure that the head of a response is noticed: of all responses of its class. */
export function watchHead(response: ServerResponse): void {
  const prototype: Prototype = Object.getPrototypeOf(response)
  if (prototype === latest) return
  latest = prototype
  if (!watched.has(prototype)) watched.set(prototype, wrap(prototype))
}

function wrap(prototype: Prototype): Watched {
  const isOwn = Object.hasOwn(prototype, 'writeHead')
  const given = prototype.writeHead
  const ours: WriteHead = function holdfastWriteHead(status, reason, headers) {
    for (const listener of listeners) tell(listener, this)
    return given.call(this, status, reason, headers)
  }
  prototype.writeHead = ours
  return { given, isOwn, ours }
}

function tell(listener: HeadListener, response: ServerResponse): void {
  try {
    listener(response)
  } catch (error) {
    reportOnce(listener, 'a listener to heads', error)
  }
}

function restore(): void {
  for (const [prototype, { given, isOwn, ours }] of watched) {
    // Under somebody's wrapper ours is still called: a second one would tell each head twice.
    if (prototype.writeHead !== ours) continue
    if (isOwn) prototype.writeHead = given
    else Reflect.deleteProperty(prototype, 'writeHead')
    watched.delete(prototype)
  }
  latest = undefined
}
