/**
 * A Fastify app as the drain sees it.
 */
import type { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import {
  type Clock,
  factsOf,
  furtherServers,
  type GuardedLog,
  hasSemicolonQueries,
  intake
} from '@holdfast/core'
import type { FastifyInstance } from 'fastify'
import type { Cut, Drainable } from '../drain.ts'
import { ClosedBeforeListeningError, ServerDrainingError } from '../errors.ts'
import { PendingCount } from '../pending-count.ts'
import type { Phases } from '../phases.ts'
import { Tasks } from '../tasks.ts'
import { fittingOneLine } from '../unfinished.ts'
import { Connections } from './connections.ts'
import { cutRequestOf } from './cut-request.ts'
import { InFlight } from './in-flight.ts'
import { WebSockets } from './websockets.ts'

const NGHTTP2_INTERNAL_ERROR = 2

/** What Node knows of a request and its types do not. */
interface MaybeUpgraded {
  readonly upgrade?: boolean
}

/** What only a response of HTTP/2 has. */
interface MaybeHttp2 {
  readonly stream?: { close(code: number): void }
}

/** The traffic of one app, on all its addresses. */
export class Service implements Drainable {
  readonly #connections = new Connections()
  /** Requests and tasks together. */
  readonly #pending = new PendingCount()
  readonly inFlight: InFlight = new InFlight(this.#pending, (socket) =>
    this.#connections.end(socket)
  )
  /** The work that goes on after the answers. */
  readonly tasks: Tasks
  readonly #webSockets: WebSockets
  /** Tells that the app closes. */
  beginClosing!: () => void
  readonly closing: Promise<void> = new Promise((resolve) => {
    this.beginClosing = resolve
  })
  /** Resolves when the app has closed. */
  readonly closed: Promise<void>
  readonly #abort: AbortController
  readonly #phases: Phases
  readonly #log: GuardedLog
  readonly #semicolons: boolean
  readonly #clock: Clock

  constructor(
    app: FastifyInstance,
    log: GuardedLog,
    abort: AbortController,
    phases: Phases,
    clock: Clock
  ) {
    this.#abort = abort
    this.#phases = phases
    this.#log = log
    this.#semicolons = hasSemicolonQueries(app)
    this.#clock = clock
    this.tasks = new Tasks(this.#pending, clock, (task, err) => {
      this.#log.error({ task, err }, `"${task}" failed`)
    })
    this.#webSockets = new WebSockets(app)
    this.#connections.watch(app.server)
    app.addHook('onListen', async () => {
      for (const server of furtherServers(app)) this.#connections.watch(server)
    })
    this.closed = new Promise((resolve) => {
      app.addHook('onClose', async () => {
        this.#connections.release()
        // What never went over a connection, an injected request, waits no longer.
        this.#pending.release()
        resolve()
        if (!phases.started) setImmediate(endListen, app.server)
      })
    })
    const connections = this.#connections
    const { inFlight } = this
    intake(app, {
      request(request, response, record) {
        // A WebSocket that Fastify routes has a response for as long as it lives.
        if ((request as MaybeUpgraded).upgrade === true) connections.tunnel(request.socket)
        else inFlight.take(response, record)
      },
      settled: (response, ending, record) => inFlight.settle(response, ending, record),
      tunnel: (_request, socket) => connections.tunnel(socket)
    })
  }

  /**
   * Whether a close has something to wait for: a request that came over a connection, a task, or
   * perhaps a WebSocket. Nobody waits for a request that was injected.
   */
  get isBusy(): boolean {
    if (this.tasks.count > 0 || this.#webSockets.any) return true
    return [...this.inFlight].some(
      ({ req }) => req.httpVersionMajor > 1 || req.socket instanceof Socket
    )
  }

  get finished(): number {
    return this.inFlight.finished
  }

  askToLeave(): void {
    this.inFlight.askToLeave()
  }

  stopListening(): void {
    this.inFlight.endConnections()
    this.#connections.stopListening()
  }

  closeIdle(): void {
    this.#connections.closeIdle(this.inFlight)
  }

  tellWebSockets(): void {
    this.#webSockets.closeAll()
  }

  whenIdle(): Promise<void> {
    return this.#pending.whenNone()
  }

  whenWebSocketsClosed(): Promise<void> {
    return this.#webSockets.whenClosed()
  }

  whenTasksDone(): Promise<void> {
    return this.tasks.whenNone()
  }

  giveUpTasks(): string[] {
    return this.tasks.giveUp().map(({ task }) => task)
  }

  abort(): void {
    this.#abort.abort(new ServerDrainingError())
    this.#webSockets.closeAll()
  }

  cut(): Cut {
    const responses = [...this.inFlight]
    const tasks = this.tasks.giveUp()
    if (responses.length + tasks.length === 0) return { requests: 0, tasks: [] }
    const now = this.#clock()
    const unfinished = [
      ...responses.map((response) => cutRequestOf(response, now, this.#semicolons)),
      ...tasks
    ]
    const named = fittingOneLine(unfinished)
    const rest = named.length < unfinished.length ? `; the first ${named.length} are named` : ''
    this.#log.error(
      { unfinished: named },
      `not finished in time: ${responses.length} requests, which are cut, and ${tasks.length} tasks${rest}`
    )
    for (const response of responses) {
      factsOf(response.req).lifecycle = { phase: this.#phases.current }
      destroy(response)
    }
    return { requests: responses.length, tasks: tasks.map(({ task }) => task) }
  }

  disconnect(): void {
    this.#connections.disconnect()
  }

  whenDisconnected(): Promise<void> {
    return this.#connections.whenClosed()
  }
}

/** Ends an `app.listen()` that waits for its server, which will never tell that it listens. */
function endListen(server: EventEmitter): void {
  if (server.listenerCount('listening') > 0 && server.listenerCount('error') > 0) {
    server.emit('error', new ClosedBeforeListeningError())
  }
}

function destroy(response: ServerResponse): void {
  const { stream } = response as MaybeHttp2
  if (stream === undefined) response.destroy()
  else stream.close(NGHTTP2_INTERNAL_ERROR)
}
