/**
 * Where a request begins for the suite: every request whose head Node parsed or answered, on every
 * address the app listens on. Hooks alone would miss bad URLs, over-long parameters, malformed
 * HTTP, and requests refused while closing.
 *
 * HTTP/1 is seen on Node's `http.server.request.start` channel, HTTP/2 on the server's 'request'
 * event, upgrades and CONNECT on theirs, what the parser refused on 'clientError'. Requests that
 * never met a server (`app.inject()`, `app.routing()`) are taken in by the first onRequest hook.
 */
import diagnosticsChannel from 'node:diagnostics_channel'
import { Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Server as HttpsServer } from 'node:https'
import type { Server, Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { type ClientErrorFact, factsOf } from './facts.ts'
import { furtherServers } from './fastify-internals.ts'
import { reportOnce } from './report.ts'
import { watch } from './settle.ts'

/** What wants to know of every request. A member that throws is reported once and harms nothing. */
export interface IntakeListener {
  /** A request with a response; follow it with `onSettled(response, ...)`. */
  request(request: IncomingMessage, response: ServerResponse): void
  /** An upgrade or a CONNECT: there is no response, and the socket belongs to whoever took it. */
  tunnel?(request: IncomingMessage, socket: Socket): void
  /** Something that was not HTTP, or never became a whole head. It is over when it is told. */
  malformed?(error: ClientErrorFact, socket: Socket): void
}

interface RequestStart {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly socket: Connection
  readonly server: Server
}

const TAKEN: unique symbol = Symbol('holdfast.taken')
const LATEST: unique symbol = Symbol('holdfast.latest-response')

type MaybeTaken = IncomingMessage & { [TAKEN]?: true }
type Connection = Socket & { [LATEST]?: ServerResponse }

/** The intakes by the servers they serve; `null` marks a server that is none of ours. */
const owners = new WeakMap<object, Intake | null>()
const open = new Set<Intake>()

/**
 * Tells `listener` of every request of the app, before it is routed. Ends when the app closes.
 */
export function intake(app: FastifyInstance, listener: IntakeListener): void {
  let owner = owners.get(app.server)
  if (!owner) {
    owner = new Intake()
    owner.open(app)
  }
  owner.listeners.push(listener)
}

function onRequestStart(message: unknown): void {
  const { request, response, socket, server } = message as RequestStart
  let owner = owners.get(server)
  if (owner === undefined) {
    owner = [...open].find((candidate) => candidate.routes(server)) ?? null
    owners.set(server, owner)
  }
  if (owner === null) return
  const previous = socket[LATEST]
  socket[LATEST] = response
  owner.take(request, response, previous !== undefined && !previous.closed)
}

class Intake {
  readonly listeners: IntakeListener[] = []
  readonly #releases: (() => void)[] = []
  #routing: unknown

  open(app: FastifyInstance): void {
    this.#routing = app.routing
    this.#attach(app.server)
    this.#listen(app.server, 'clientError', this.#clientError)
    this.#watchUpgrades(app.server)
    if (open.size === 0) diagnosticsChannel.subscribe('http.server.request.start', onRequestStart)
    open.add(this)
    app.addHook('onListen', async () => {
      // `localhost` may have a second address, and with it a second server, which Fastify leaves
      // without an answer of its own to malformed requests.
      for (const server of furtherServers(app)) {
        this.#attach(server)
        this.#listen(server, 'clientError', (error, socket) => {
          app.server.emit('clientError', error, socket)
        })
      }
    })
    const take = this.take.bind(this)
    app.addHook('onRequest', function holdfastIntake(request, reply, done) {
      take(request.raw, reply.raw, false)
      done()
    })
    app.addHook('onClose', async () => {
      for (const release of this.#releases) release()
      this.listeners.length = 0
      owners.delete(app.server)
      open.delete(this)
      if (open.size === 0) {
        diagnosticsChannel.unsubscribe('http.server.request.start', onRequestStart)
      }
    })
  }

  /** Whether a server that was never seen before serves this app. */
  routes(server: Server): boolean {
    return server.listeners('request').some((listener) => listener === this.#routing)
  }

  take(request: IncomingMessage, response: ServerResponse, queued: boolean): void {
    if ((request as MaybeTaken)[TAKEN] === true) return
    ;(request as MaybeTaken)[TAKEN] = true
    factsOf(request)
    watch(response, queued)
    for (const listener of this.listeners) {
      try {
        listener.request(request, response)
      } catch (error) {
        reportOnce(listener, 'intake', error)
      }
    }
  }

  #tell(tell: (listener: IntakeListener) => void): void {
    for (const listener of this.listeners) {
      try {
        tell(listener)
      } catch (error) {
        reportOnce(listener, 'intake', error)
      }
    }
  }

  #attach(server: Server): void {
    owners.set(server, this)
    if (server instanceof HttpServer || server instanceof HttpsServer) {
      this.#listen(server, 'connect', (request: IncomingMessage, socket: Connection) => {
        this.#tunnel(request, socket)
        // Without a listener Node would have done the same.
        if (server.listenerCount('connect') === 1) socket.destroy()
      })
    } else {
      const take = (request: IncomingMessage, response: ServerResponse): void =>
        this.take(request, response, false)
      this.#listen(server, 'request', take)
      this.#listen(server, 'connect', (request: IncomingMessage, response: ServerResponse) => {
        take(request, response)
        if (server.listenerCount('connect') === 1) response.writeHead(405).end()
      })
    }
  }

  #listen<Arguments extends unknown[]>(
    server: Server,
    event: string,
    listener: (...args: Arguments) => void
  ): void {
    server.prependListener(event, listener)
    this.#releases.push(() => server.off(event, listener))
  }

  /**
   * Joins the listeners for upgrades while there are any. Alone it must not stay: with a listener
   * Node no longer answers a request that asks for an upgrade as the plain request it also is.
   */
  #watchUpgrades(server: Server): void {
    const onUpgrade = (request: IncomingMessage, socket: Socket): void => {
      factsOf(request)
      // Whoever takes the upgrade may route it, and then it has a response and passes the hook.
      queueMicrotask(() => this.#tunnel(request, socket))
    }
    const join = (): void => {
      if (!server.listeners('upgrade').includes(onUpgrade)) {
        server.prependListener('upgrade', onUpgrade)
      }
    }
    this.#listen(server, 'newListener', (event: string, listener: unknown) => {
      if (event === 'upgrade' && listener !== onUpgrade) join()
    })
    this.#listen(server, 'removeListener', (event: string) => {
      if (event === 'upgrade' && server.listenerCount('upgrade') === 1) server.off(event, onUpgrade)
    })
    if (server.listenerCount('upgrade') > 0) join()
    this.#releases.push(() => server.off('upgrade', onUpgrade))
  }

  #tunnel(request: IncomingMessage, socket: Socket): void {
    if ((request as MaybeTaken)[TAKEN] === true) return
    ;(request as MaybeTaken)[TAKEN] = true
    factsOf(request)
    this.#tell((listener) => listener.tunnel?.(request, socket))
  }

  readonly #clientError = (error: NodeJS.ErrnoException, socket: Connection): void => {
    const { code } = error
    // The rest (ECONNRESET, EPIPE) are connections that failed, not requests.
    if (!code?.startsWith('HPE_') && code !== 'ERR_HTTP_REQUEST_TIMEOUT') return
    const fact = { code, statusCode: STATUS_OF_CODE.get(code) ?? 400 }
    const latest = socket[LATEST]
    if (latest !== undefined && !latest.req.complete) {
      factsOf(latest.req).clientError = fact
    } else {
      this.#tell((listener) => listener.malformed?.(fact, socket))
    }
  }
}

const STATUS_OF_CODE: ReadonlyMap<string, number> = new Map([
  ['ERR_HTTP_REQUEST_TIMEOUT', 408],
  ['HPE_HEADER_OVERFLOW', 431]
])
