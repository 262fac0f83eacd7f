/**
 * A page that watches, at the other end of a stream of server-sent events.
 */
import type { ServerResponse } from 'node:http'
import type { Viewer } from '../viewers.ts'

/** How soon a page comes back whose stream has ended, in milliseconds. */
const RETRY = 1000

/** The fields of the answer that is a stream. No proxy may collect or compress it. */
export const STREAM_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no'
}

/** Writes frames to a response whose head is written. */
export class EventStream implements Viewer {
  readonly #response: ServerResponse
  #isSlow = false

  constructor(response: ServerResponse) {
    this.#response = response
    response.on('drain', () => {
      this.#isSlow = false
    })
    // A connection that breaks is closed, too, which is all that matters.
    response.on('error', () => {})
    response.write(`retry: ${RETRY}\n\n`)
  }

  get isSlow(): boolean {
    return this.#isSlow
  }

  send(frame: string): void {
    this.#isSlow = !this.#response.write(frame)
  }

  end(): void {
    // A viewer that takes nothing would never see the end.
    if (this.#isSlow) this.#response.destroy()
    else this.#response.end('event: end\ndata: \n\n')
  }
}
