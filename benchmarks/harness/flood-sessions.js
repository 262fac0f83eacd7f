/**
 * The same pool for a flood of HTTP/2: a few sessions, and a stream for each request.
 */
import { connect, constants } from 'node:http2'

const SESSIONS = 8

/** @typedef {import('./flood-load.js').Request} Request */

export class SessionPool {
  /** @type {import('node:http2').ClientHttp2Session[]} */ #sessions = []
  #next = 0

  /** @param {number} port */
  constructor(port) {
    this.port = port
  }

  warm() {
    this.#sessions = Array.from({ length: SESSIONS }, () => {
      const session = connect(`http://127.0.0.1:${this.port}`)
      session.on('error', () => {})
      return session
    })
  }

  /** @param {Request} request */
  send(request) {
    const session = this.#sessions[this.#next++ % SESSIONS]
    if (session === undefined || session.destroyed) {
      request.end('failed')
      return
    }
    const stream = session.request({ ':path': request.path, 'x-user': request.user })
    request.leave = () => stream.close(constants.NGHTTP2_CANCEL)
    let status = 0
    stream.on('response', (headers) => {
      status = Number(headers[':status'])
    })
    stream.on('error', () => {})
    stream.on('close', () => request.answer(status))
    stream.resume()
  }
}
