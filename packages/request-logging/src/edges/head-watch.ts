/**
 * Notes when the head of an answer is written, as long as there is a log.
 */
import type { ServerResponse } from 'node:http'
import { monotonicClock, onHead, peekFacts } from '@holdfast/core'

/** Notes heads for one more log, until the returned function is called. */
export function openHeadWatch(): () => void {
  return onHead(noteHead)
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
