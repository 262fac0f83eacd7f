/**
 * Notes when the head of an answer is written. Hooks could not tell: a stream's head goes out with
 * its first chunk, and a hijacked reply passes none. Node's channels tell when a response is made and
 * when it is done with, not when its head goes out. It is noted by the class of the response, as long
 * as there is a log: an own property on each response would make all code that meets one slower.
 */
import type { ServerResponse } from 'node:http'
import { monotonicClock, peekFacts } from '@holdfast/core'

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
let logs = 0

/**
 * Lets heads be noted for one more log, until the returned function is called. With the last log the
 * classes get back what they had, unless somebody has wrapped it meanwhile, who goes on calling it.
 */
export function openHeadWatch(): () => void {
  logs++
  return () => {
    if (--logs === 0) restore()
  }
}

/** Makes sure that the head of a response is noted: of all responses of its class. */
export function watchHead(response: ServerResponse): void {
  const prototype: Prototype = Object.getPrototypeOf(response)
  if (prototype === latest) return
  latest = prototype
  if (!watched.has(prototype)) watched.set(prototype, watch(prototype))
}

function watch(prototype: Prototype): Watched {
  const isOwn = Object.hasOwn(prototype, 'writeHead')
  const given = prototype.writeHead
  const ours: WriteHead = function holdfastWriteHead(status, reason, headers) {
    noteHead(this)
    return given.call(this, status, reason, headers)
  }
  prototype.writeHead = ours
  return { given, isOwn, ours }
}

function restore(): void {
  for (const [prototype, { given, isOwn, ours }] of watched) {
    if (prototype.writeHead !== ours) continue
    if (isOwn) prototype.writeHead = given
    else Reflect.deleteProperty(prototype, 'writeHead')
  }
  watched.clear()
  latest = undefined
}

/** The response may be anybody's: of another app, or of a plain server of Node's. */
function noteHead(response: ServerResponse): void {
  const record = peekFacts(response.req)?.requestLog
  if (record === undefined || record.headAt !== 0) return
  record.headAt = monotonicClock()
  // While it waits behind another answer, what is written is not its own; HTTP/2 has no such count.
  const { socket } = response
  if (socket !== null && response.req.httpVersionMajor === 1) {
    record.bytesBefore = socket.bytesWritten
  }
}
