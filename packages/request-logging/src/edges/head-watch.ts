/**
 * Notes when the head of an answer is written. Hooks could not tell: a stream's head goes out with
 * its first chunk, and a hijacked reply passes none. It is noted by the class of the response, once
 * for all: an own property on each response would make all code that meets one slower.
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

const watched = new WeakSet<object>()
/** The class that was seen last: most processes have one. */
let latest: object | undefined

/** Makes sure that the head of a response is noted: of all responses of its class. */
export function watchHead(response: ServerResponse): void {
  const prototype: { writeHead: WriteHead } = Object.getPrototypeOf(response)
  if (prototype === latest) return
  latest = prototype
  if (watched.has(prototype)) return
  watched.add(prototype)
  const { writeHead } = prototype
  prototype.writeHead = function holdfastWriteHead(status, reason, headers) {
    noteHead(this)
    return writeHead.call(this, status, reason, headers)
  }
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
