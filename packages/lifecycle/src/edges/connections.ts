/**
 * The connections of a service, on every address, and how each is told to go. Requests are counted
 * elsewhere; here are the sockets, also those that never sent a request.
 */
import type { EventEmitter } from 'node:events'
import { Server as HttpServer, type ServerResponse } from 'node:http'
import type { ServerHttp2Session } from 'node:http2'
import { Server as NetServer, type Socket } from 'node:net'
import { type TLSSocket, Server as TlsServer } from 'node:tls'

/** The sockets and HTTP/2 sessions of the servers it watches. */
export class Connections {
  readonly #servers: NetServer[] = []
  /** Sockets that speak HTTP/1. */
  readonly #sockets = new Set<Socket>()
  /** Sockets on which TLS has not been agreed on yet. */
  readonly #handshakes = new Map<unknown, Socket>()
  readonly #sessions = new Set<ServerHttp2Session>()
  /** Sockets that became something else: WebSockets, CONNECT tunnels. */
  readonly #tunnels = new Set<Socket>()
  readonly #releases: (() => void)[] = []

  /** Follows the connections of a server, from now on. */
  watch(server: NetServer): void {
    this.#servers.push(server)
    const keep = (socket: Socket): void => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    }
    if (server instanceof TlsServer) {
      this.#listen(server, 'connection', (socket: Socket) => {
        const key = keyOf(socket)
        this.#handshakes.set(key, socket)
        socket.once('close', () => {
          if (this.#handshakes.get(key) === socket) this.#handshakes.delete(key)
        })
      })
      this.#listen(server, 'secureConnection', (socket: TLSSocket) => {
        this.#handshakes.delete(keyOf(socket))
        if (socket.alpnProtocol !== 'h2') keep(socket)
      })
    } else if (server instanceof HttpServer) {
      this.#listen(server, 'connection', keep)
    }
    this.#listen(server, 'session', (session: ServerHttp2Session) => {
      this.#sessions.add(session)
      session.once('close', () => this.#sessions.delete(session))
    })
  }

  #listen<Arguments extends unknown[]>(
    server: NetServer,
    event: string,
    listener: (...args: Arguments) => void
  ): void {
    server.on(event, listener as () => void)
    this.#releases.push(() => server.off(event, listener as () => void))
  }

  /** Notes that a socket does not speak HTTP any more. */
  tunnel(socket: Socket): void {
    if (this.#tunnels.has(socket)) return
    this.#tunnels.add(socket)
    socket.once('close', () => this.#tunnels.delete(socket))
  }

  /**
   * Closes every listener, and tells HTTP/2 clients to leave (GOAWAY). Open connections go on.
   */
  stopListening(): void {
    // The close() of an HTTP server would also cut idle connections at once, while their
    // clients may be about to write.
    for (const server of this.#servers) {
      if (server.listening) NetServer.prototype.close.call(server)
    }
    for (const session of this.#sessions) session.close()
  }

  /** Closes the connections on which nothing is in flight: idle, silent, with half a head sent. */
  closeIdle(inFlight: Iterable<ServerResponse>): void {
    const busy = new Set<unknown>(this.#tunnels)
    for (const { req } of inFlight) busy.add(req.socket)
    for (const socket of this.#sockets) if (!busy.has(socket)) socket.destroy()
    for (const socket of this.#handshakes.values()) socket.destroy()
  }

  /** Ends one HTTP/1 connection once everything written to it is sent. */
  end(socket: Socket): void {
    if (this.#sockets.has(socket)) socket.destroySoon()
  }

  /** Destroys every connection that is left, tunnels too. */
  disconnect(): void {
    for (const connection of this.#left()) connection.destroy()
  }

  /** Resolves when the connections that are left have closed. */
  async whenClosed(): Promise<void> {
    const closed = (connection: EventEmitter): Promise<void> =>
      new Promise((resolve) => connection.once('close', resolve))
    await Promise.all(this.#left().map(closed))
  }

  #left(): (Socket | ServerHttp2Session)[] {
    const sockets = [...this.#sockets, ...this.#handshakes.values(), ...this.#tunnels]
    return [...sockets, ...this.#sessions]
  }

  /** Removes all listeners from the servers. */
  release(): void {
    for (const release of this.#releases) release()
    this.#releases.length = 0
  }
}

/**
 * What a TLS socket and the plain one beneath it have in common: the address of their client, and
 * on a Unix socket, where there is none, the plain one itself.
 */
function keyOf(socket: Socket): unknown {
  const { remoteAddress, remotePort } = socket
  if (remoteAddress !== undefined) return `${remoteAddress} ${remotePort}`
  return Reflect.get(socket, '_parent') ?? socket
}
