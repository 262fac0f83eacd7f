/**
 * Where a request begins for the suite: every request whose head Node parsed or answered, on every
 * address the app listens on. Hooks alone would miss bad URLs, over-long parameters, malformed
 * HTTP, and requests refused while closing.
 *
 * HTTP/1 is seen on Node's channels `http.server.request.start` and `.response.finish`, HTTP/2 on the server's 'request'
 * event, upgrades and CONNECT on theirs, what the parser refused on 'clientError'. Requests that
 * never met a server (`app.inject()`, `app.routing()`) are taken in by the first onRequest hook.
 */
import diagnosticsChannel from 'node:diagnostics_channel'
import { Server as HttpServer, type IncomingMessage, ServerResponse } from 'node:http'
import { Server as HttpsServer } from 'node:https'
import type { Server, Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { RequestCounts } from './core-state.ts'
import type { ClientErrorFact } from './facts.ts'
import { furtherServers, handlerTimeoutOf, rootOf } from './fastify-internals.ts'
import { addFrontHook, INTAKE } from './front-hooks.ts'
import { contain } from './guard.ts'
import { reportOnce } from './report.ts'
import {
  type Ending,
  factsOf,
  type RequestRecord,
  recordOf,
  type SettledListener
} from './request-record.ts'
import { join, noteSent, watch, watchNew } from './settle.ts'
import { provideState } from './states.ts'

/** A listener to every request of an app. A member that throws is reported once and harms nothing. */
export interface IntakeListener {
  /** A request with a response, and its record. */
  request(request: IncomingMessage, response: ServerResponse, record: RequestRecord): void
  /**
   * The end of a request that {@link request} was told of, exactly once, as `onSettled()` tells it and
   * for less. Of several listeners the one that joined last is told first.
   */
  settled?(response: ServerResponse, ending: Ending, record: RequestRecord): void
  /** An upgrade or a CONNECT: there is no response, and the socket belongs to the code that took it. */
  tunnel?(request: IncomingMessage, socket: Socket): void
  /** Bytes that were not HTTP, or never became a whole head. They are over when they are told. */
  malformed?(error: ClientErrorFact, socket: Socket): void
}

const LISTENER = 'a listener of intake'

// Registered, so that two copies of this package in one process share an app's one intake.
const LISTENERS = Symbol.for('holdfast.intake-listeners')
const LATEST: unique symbol = Symbol('holdfast.latest-response')
const BROKEN: unique symbol = Symbol('holdfast.broken')

type Served = object & { [LISTENERS]?: IntakeListener[] | undefined }
type Connection = Socket & { [LATEST]?: ServerResponse; [BROKEN]?: true }

/**
 * Takes in every request of the app, before it is routed, and tells `listener` of it. From then on the
 * facts of a request say when it arrived, and from its first hook on when its `handlerTimeout` ends.
 * Ends when the app closes.
 */
export function intake(app: FastifyInstance, listener?: IntakeListener): void {
  const served: Served = app.server
  served[LISTENERS] ??= new Intake(rootOf(app)).listeners
  if (listener !== undefined) served[LISTENERS].push(listener)
}

/** The intakes by the servers they serve; `null` marks a server that is none of ours. */
const owners = new WeakMap<Server, Intake | null>()
/** The server that was asked for last: most processes have one. */
let lastServer: Server | undefined
let lastOwner: Intake | null = null
const open = new Set<Intake>()

interface RequestStart {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly socket: Connection
  readonly server: Server
}

function onRequestStart(message: unknown): void {
  const { request, response, socket, server } = message as RequestStart
  const owner = server === lastServer ? lastOwner : ownerOf(server)
  if (owner === null) return
  const previous = socket[LATEST]
  socket[LATEST] = response
  owner.take(request, response, previous !== undefined && !previous.closed)
}

// Cheaper than a listener for 'finish' on every response.
function onResponseFinish(message: unknown): void {
  noteSent((message as RequestStart).response)
}

function ownerOf(server: Server): Intake | null {
  let owner = owners.get(server)
  if (owner === undefined) {
    owner = [...open].find((candidate) => candidate.serves(server)) ?? null
    owners.set(server, owner)
  }
  lastServer = server
  lastOwner = owner
  return owner
}

class Intake {
  readonly listeners: IntakeListener[] = []
  readonly #app: FastifyInstance
  readonly #releases: (() => void)[] = []
  readonly #counts = new RequestCounts()
  #isClosed = false

  constructor(app: FastifyInstance) {
    this.#app = app
    this.#attach(app.server)
    this.#listen(app.server, 'clientError', this.#clientError)
    this.#watchUpgrades(app.server)
    if (open.size === 0) {
      diagnosticsChannel.subscribe('http.server.request.start', onRequestStart)
      diagnosticsChannel.subscribe('http.server.response.finish', onResponseFinish)
    }
    open.add(this)
    app.addHook('onListen', async () => this.#attachFurther())
    const intake = this
    addFrontHook(app, INTAKE, function holdfastIntake(request, reply, done) {
      const { raw } = request
      const record = recordOf(raw)
      if (record.takenBy !== intake) intake.take(raw, reply.raw)
      record.routed = request
      record.reply = reply
      // Fastify has just started its own timer; an app that handed the request on may allow less.
      const timeout = handlerTimeoutOf(request)
      if (timeout > 0) {
        record.deadline = Math.min(record.deadline ?? Infinity, record.startedAt + timeout)
      }
      done()
    })
    app.addHook('onClose', async () => this.#close())
    provideState(app, '@holdfast/core', () => this.#counts.state)
  }

  /** Whether a server that was never seen before serves this app. */
  serves(server: Server): boolean {
    return server.listeners('request').some((listener) => listener === this.#app.routing)
  }

  take(request: IncomingMessage, response: ServerResponse, queued?: boolean): void {
    const record = recordOf(request)
    if (record.takenBy === this || this.#isClosed) return
    record.takenBy = this
    this.#counts.takenIn++
    if (queued === undefined) watch(response, record)
    else watchNew(response, record, queued)
    // Not through #tell(): this runs for every request, and would make a closure for each.
    for (const listener of this.listeners) {
      try {
        const returned: unknown = listener.request(request, response, record)
        if (returned !== undefined) contain(returned, listener, LISTENER)
      } catch (error) {
        reportOnce(listener, LISTENER, error)
      }
    }
    join(response, record, this.#settled)
  }

  /** One listener to the end of a request, in the place of one for each listener to its beginning. */
  readonly #settled: SettledListener = (response, ending, record) => {
    this.#counts.countEnding(ending)
    const { listeners } = this
    for (let index = listeners.length - 1; index >= 0; index--) {
      const listener = listeners[index] as IntakeListener
      try {
        const returned: unknown = listener.settled?.(response, ending, record)
        if (returned !== undefined) contain(returned, listener, LISTENER)
      } catch (error) {
        reportOnce(listener, LISTENER, error)
      }
    }
  }

  readonly #takeTunnel = (request: IncomingMessage, socket: Socket): void => {
    const record = recordOf(request)
    if (record.takenBy === this || this.#isClosed) return
    record.takenBy = this
    this.#counts.tunnels++
    this.#tell((listener) => listener.tunnel?.(request, socket))
  }

  readonly #takeUpgrade = (request: IncomingMessage, socket: Socket): void => {
    factsOf(request)
    // The listener that takes the upgrade may route it, and then it has a response.
    queueMicrotask(() => {
      const response = responseOn(socket)
      if (response === undefined) this.#takeTunnel(request, socket)
      else this.take(request, response)
    })
  }

  readonly #clientError = (error: NodeJS.ErrnoException, socket: Connection): void => {
    const { code } = error
    // The rest (ECONNRESET, EPIPE) are connections that failed, not requests.
    if (!code?.startsWith('HPE_') && code !== 'ERR_HTTP_REQUEST_TIMEOUT') return
    // An error handler that leaves the connection open hears of everything that still arrives.
    if (socket[BROKEN] === true) return
    socket[BROKEN] = true
    const fact = { code, statusCode: STATUS_OF_CODE.get(code) ?? 400 }
    const latest = socket[LATEST]
    if (latest !== undefined && !latest.req.complete) {
      // A client that left in the middle of its body said nothing wrong: it is aborted.
      if (code !== LEFT_MIDWAY) factsOf(latest.req).clientError = fact
    } else {
      this.#counts.countMalformed(code)
      this.#tell((listener) => listener.malformed?.(fact, socket))
    }
  }

  #tell(tell: (listener: IntakeListener) => unknown): void {
    for (const listener of this.listeners) {
      try {
        contain(tell(listener), listener, LISTENER)
      } catch (error) {
        reportOnce(listener, LISTENER, error)
      }
    }
  }

  #attach(server: Server): void {
    owners.set(server, this)
    lastServer = undefined
    // Where Node answers by itself as long as nobody listens, being the only listener means to
    // give that answer.
    this.#listen(server, 'connect', (request: IncomingMessage, end: Socket | ServerResponse) => {
      const alone = server.listenerCount('connect') === 1
      if ('writeHead' in end) {
        this.take(request, end)
        if (alone) end.writeHead(405).end()
      } else {
        this.#takeTunnel(request, end)
        if (alone) end.destroy()
      }
    })
    if (server instanceof HttpServer || server instanceof HttpsServer) return
    const take = (request: IncomingMessage, response: ServerResponse): void =>
      this.take(request, response)
    this.#listen(server, 'request', take)
    this.#listen(
      server,
      'checkExpectation',
      (request: IncomingMessage, response: ServerResponse) => {
        take(request, response)
        if (server.listenerCount('checkExpectation') === 1) response.writeHead(417).end()
      }
    )
  }

  /**
   * `localhost` may have a second address, and with it a second server. Fastify gives it no handler
   * for malformed requests, and lets it hand every upgrade to the first server.
   */
  #attachFurther(): void {
    for (const server of furtherServers(this.#app)) {
      this.#attach(server)
      this.#listen(server, 'upgrade', this.#takeUpgrade)
      this.#listen(server, 'clientError', (error, socket) => {
        this.#app.server.emit('clientError', error, socket)
      })
    }
  }

  /**
   * Joins the listeners for upgrades while there are any. Alone it must not stay: with a listener
   * Node no longer answers a request that asks for an upgrade as the plain request it also is.
   */
  #watchUpgrades(server: Server): void {
    const takeUpgrade = this.#takeUpgrade
    const join = (): void => {
      if (!server.listeners('upgrade').includes(takeUpgrade)) {
        server.prependListener('upgrade', takeUpgrade)
      }
    }
    this.#listen(server, 'newListener', (event: string, listener: unknown) => {
      if (event === 'upgrade' && listener !== takeUpgrade) join()
    })
    this.#listen(server, 'removeListener', (event: string) => {
      if (event === 'upgrade' && server.listenerCount(event) === 1) server.off(event, takeUpgrade)
    })
    if (server.listenerCount('upgrade') > 0) join()
    this.#releases.push(() => server.off('upgrade', takeUpgrade))
  }

  #listen<Arguments extends unknown[]>(
    server: Server,
    event: string,
    listener: (...args: Arguments) => void
  ): void {
    server.prependListener(event, listener)
    this.#releases.push(() => server.off(event, listener))
  }

  #close(): void {
    for (const release of this.#releases) release()
    // The listeners stay: what was taken in before may still settle.
    this.#isClosed = true
    const served: Served = this.#app.server
    served[LISTENERS] = undefined
    open.delete(this)
    lastServer = undefined
    if (open.size === 0) {
      diagnosticsChannel.unsubscribe('http.server.request.start', onRequestStart)
      diagnosticsChannel.unsubscribe('http.server.response.finish', onResponseFinish)
    }
  }
}

/**
 * The response that was assigned to the socket of an upgrade; private to Node. `undefined`: none, or
 * unknown.
 */
function responseOn(socket: Socket): ServerResponse | undefined {
  const { _httpMessage: response } = socket as { _httpMessage?: unknown }
  return response instanceof ServerResponse ? response : undefined
}

const LEFT_MIDWAY = 'HPE_INVALID_EOF_STATE'

const STATUS_OF_CODE: ReadonlyMap<string, number> = new Map([
  ['ERR_HTTP_REQUEST_TIMEOUT', 408],
  ['HPE_HEADER_OVERFLOW', 431]
])
