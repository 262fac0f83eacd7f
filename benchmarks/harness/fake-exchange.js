/**
 * Real IncomingMessage and ServerResponse objects on a socket that goes nowhere. They pass the
 * intake as on a server (Node's own channel is published), and every response emits 'finish' and
 * 'close', so that what a plugin does at the end of a request is part of the figure.
 */
import diagnosticsChannel from 'node:diagnostics_channel'
import { EventEmitter } from 'node:events'
import { IncomingMessage, ServerResponse } from 'node:http'

const requestStart = diagnosticsChannel.channel('http.server.request.start')
const responseFinish = diagnosticsChannel.channel('http.server.response.finish')

/** As much of a socket as http asks for. Writing succeeds at once and keeps nothing. */
class NullSocket extends EventEmitter {
  writable = true
  readable = true
  destroyed = false
  readableEnded = false
  errored = null
  writableLength = 0
  writableHighWaterMark = 16_384
  remoteAddress = '192.0.2.7'
  remotePort = 40_000
  /** @type {unknown} */
  _httpMessage = null
  // http uncorks what it has written by hand.
  _writableState = { corked: 0 }
  bytesOut = 0

  /** @param {string | Uint8Array} data @param {unknown} [encoding] @param {unknown} [callback] */
  write(data, encoding, callback) {
    this.bytesOut += data.length
    const done = typeof encoding === 'function' ? encoding : callback
    if (typeof done === 'function') process.nextTick(done)
    return true
  }
  cork() {}
  uncork() {}
  setTimeout() {}
  destroy() {
    this.destroyed = true
  }
}

/** @this {ServerResponse} */
function onFinish() {
  if (responseFinish.hasSubscribers) {
    responseFinish.publish({ request: this.req, response: this, socket: this.socket })
  }
  this.detachSocket(/** @type {import('node:net').Socket} */ (this.socket))
  process.nextTick(emitClose, this)
}

/** As Node does it. @param {ServerResponse & { _closed?: boolean }} response */
function emitClose(response) {
  closes++
  response.destroyed = true
  response._closed = true
  response.emit('close')
}

let closes = 0

/** How many responses have closed since the process began. */
export const closed = () => closes

/**
 * Sends one request into an app, as its server would.
 *
 * @param {import('fastify').FastifyInstance} app ready, not listening
 * @param {{ method: string, url: string, headers: Record<string, string> }} what
 * @param {NullSocket} socket
 */
export function send(app, what, socket) {
  const netSocket = /** @type {import('node:net').Socket} */ (/** @type {unknown} */ (socket))
  const request = new IncomingMessage(netSocket)
  request.method = what.method
  request.url = what.url
  request.httpVersion = '1.1'
  request.httpVersionMajor = 1
  request.httpVersionMinor = 1
  request.headers = what.headers
  request.complete = true
  request.push(null)
  const response = new ServerResponse(request)
  if (requestStart.hasSubscribers) {
    requestStart.publish({ request, response, socket, server: app.server })
  }
  response.assignSocket(netSocket)
  response.on('finish', onFinish)
  app.routing(request, response)
}

/** A connection of one client. @param {number} client */
export function connection(client) {
  const socket = new NullSocket()
  socket.remoteAddress = `192.0.${client >> 8}.${client & 255}`
  socket.setMaxListeners(0)
  return socket
}
