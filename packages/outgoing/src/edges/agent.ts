/**
 * The guard in front of an Agent of `node:http`, and so of every client that is built on it: axios, got,
 * the SDKs of AWS and Stripe. Each request to the upstream's origin is one try.
 */
import { errorMonitor } from 'node:events'
import http, {
  type Agent,
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions
} from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import type { HeaderFields } from '../call-headers.ts'
import type { Caller } from '../caller.ts'
import { addHeadersOf } from './call-headers.ts'
import type { Target } from './target.ts'
import type { Try } from './try.ts'
import type { Transport } from './try-plan.ts'

/** What Node calls of an Agent to have a request sent. Its types leave it out. */
interface RequestTaker {
  readonly protocol?: string
  addRequest(request: ClientRequest, options: RequestOptions): void
}

/** What Node calls of a request when it has a connection for it, or an error in place of one. */
interface ConnectionTaker {
  onSocket(socket: null, error: Error): void
}

const SWITCHING_PROTOCOLS = 101

/**
 * Returns an Agent with a guard in front: its connections, its limits and its class stay the same.
 * Requests to other origins pass untouched.
 *
 * @param given Node's own for the upstream's scheme, without one
 */
export function guardedAgent<GivenAgent extends Agent = https.Agent>(
  target: Target,
  currentCaller: () => Caller,
  given?: GivenAgent
): GivenAgent {
  const inner = given ?? (nodeAgentFor(target) as GivenAgent)
  const taker = inner as GivenAgent & RequestTaker
  const addRequest = (request: ClientRequest, options: RequestOptions): void => {
    if (!target.owns(originOf(options, taker))) {
      taker.addRequest(request, options)
      return
    }
    let attempt: Try
    try {
      attempt = target.beginAlone(currentCaller(), request.method)
    } catch (error) {
      refuse(request, error as Error)
      return
    }
    // Given as a list, the head of the request is complete already.
    if (!request.headersSent) addHeadersOf(attempt, new RequestHeaders(request))
    new GuardedRequest(attempt, request, inner)
    try {
      taker.addRequest(request, options)
    } catch (error) {
      attempt.exclude(error)
      throw error
    }
  }
  return new Proxy(inner, {
    get(agent, key) {
      if (key === 'addRequest') return addRequest
      const value: unknown = Reflect.get(agent, key, agent)
      // A method that reads private members must be called on the Agent itself.
      return typeof value === 'function' && key !== 'constructor' ? value.bind(agent) : value
    }
  })
}

function nodeAgentFor({ rules }: Target): Agent {
  return rules.origin.protocol === 'https:' ? https.globalAgent : http.globalAgent
}

function originOf({ protocol, host, port }: RequestOptions, agent: RequestTaker): string {
  const name = host?.includes(':') ? `[${host}]` : host
  return `${protocol ?? agent.protocol}//${name}:${port}`
}

/** The header fields of a request that is about to be sent. */
class RequestHeaders implements HeaderFields {
  readonly #request: ClientRequest

  constructor(request: ClientRequest) {
    this.#request = request
  }

  get(name: string): string | undefined {
    const value = this.#request.getHeader(name)
    return value === undefined ? undefined : String(value)
  }

  set(name: string, value: string): void {
    this.#request.setHeader(name, value)
  }
}

/** Ends a request without a connection. Destroyed at this point, it would never emit anything. */
function refuse(request: ClientRequest, error: Error): void {
  ;(request as unknown as ConnectionTaker).onSocket(null, error)
}

/**
 * One request, followed to its end. None of its listeners changes what Node does where the caller
 * listens to nothing.
 */
class GuardedRequest implements Transport {
  readonly #attempt: Try
  readonly #request: ClientRequest
  readonly #agent: Agent
  #response: IncomingMessage | undefined

  constructor(attempt: Try, request: ClientRequest, agent: Agent) {
    this.#attempt = attempt
    this.#request = request
    this.#agent = agent
    attempt.transport = this
    request.once('socket', (socket) => this.#assigned(socket))
    request.prependOnceListener('response', (response) => this.#answered(response))
    request.once(errorMonitor, (error) => this.#failed(error))
    request.once('close', () => this.#closed())
  }

  abort(error: Error): void {
    if (this.#leaveQueue()) refuse(this.#request, error)
    else this.#request.destroy(error)
  }

  /** Takes it out of the Agent's queue: one that waits there hears of nothing before its turn. */
  #leaveQueue(): boolean {
    const queues = this.#agent.requests as Record<string, unknown[]>
    for (const [name, queue] of Object.entries(queues)) {
      const index = queue.indexOf(this.#request)
      if (index === -1) continue
      queue.splice(index, 1)
      if (queue.length === 0) delete queues[name]
      return true
    }
    return false
  }

  #assigned(socket: Socket): void {
    if (socket.connecting) socket.once('connect', () => this.#attempt.started())
    else this.#attempt.started()
  }

  #answered(response: IncomingMessage): void {
    this.#response = response
    const { statusCode = 0, headers } = response
    this.#attempt.head(statusCode, statusCode < 400 ? undefined : headers['retry-after'])
    // As Node does where there is no listener at all.
    if (this.#request.listenerCount('response') === 0) response.resume()
  }

  #failed(error: Error): void {
    // What the network or the parser ends is not yet destroyed, or carries the call that failed.
    const isCallers = this.#request.destroyed && !hasSyscall(error)
    this.#attempt.fail(error, isCallers)
  }

  #closed(): void {
    const response = this.#response
    // Without answer and error its connection was handed over: an upgrade, or a tunnel.
    if (response === undefined) this.#attempt.head(SWITCHING_PROTOCOLS)
    else if (response.complete) this.#attempt.end()
    else this.#attempt.fail(response.errored, !isCut(this.#request.socket))
  }
}

/** Whether the other side ended the connection. */
function isCut(socket: Socket | null): boolean {
  return socket !== null && (socket.readableEnded || hasSyscall(socket.errored))
}

function hasSyscall(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}
