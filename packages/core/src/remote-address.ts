/**
 * The address of a client, readable for as long as its request lives. Node forgets it when the client
 * hangs up: a socket that nobody asked before, and a reset stream of HTTP/2 in any case.
 */
import type { ServerHttp2Session } from 'node:http2'
import type { Server, Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { furtherServers, rootOf } from './fastify-internals.ts'

const kept = new WeakSet<Server>()

/**
 * Lets `request.ip` and `socket.remoteAddress` of every request of the app answer rightly also when
 * the client has hung up, over HTTP/1 and HTTP/2, behind a proxy that `trustProxy` names too. Call it
 * while the app loads. Costs nothing per request of HTTP/1. May be called more than once.
 */
export function keepRemoteAddresses(app: FastifyInstance): void {
  if (kept.has(app.server)) return
  const root = rootOf(app)
  watch(app.server)
  root.addHook('onListen', async () => {
    for (const server of furtherServers(root)) watch(server)
  })
  root.addHook('onClose', async () => {
    for (const server of [app.server, ...furtherServers(root)]) unwatch(server)
  })
}

function watch(server: Server): void {
  kept.add(server)
  server.on('connection', keepAddress)
  server.on('secureConnection', keepAddress)
  server.on('session', keepAddressOfStreams)
}

function unwatch(server: Server): void {
  kept.delete(server)
  server.off('connection', keepAddress)
  server.off('secureConnection', keepAddress)
  server.off('session', keepAddressOfStreams)
}

/** A socket remembers its address once it was asked for. */
function keepAddress(socket: Socket): void {
  void socket.remoteAddress
}

/**
 * A stream asks its session for the members of a socket, and itself when it has no session any more.
 */
function keepAddressOfStreams(session: ServerHttp2Session): void {
  // Another listener has closed it already: it has no socket, and no streams.
  if (session.destroyed) return
  const { remoteAddress } = session.socket
  session.prependListener('stream', (stream) => {
    Object.assign(stream, { remoteAddress })
  })
}
