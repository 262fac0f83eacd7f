/**
 * A listener for operators beside the app's own: metrics and the console of a process, on an address
 * that clients do not reach. One for each address and process: whoever comes second mounts on it.
 */
import cluster from 'node:cluster'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { AdminPathTakenError, AdminPortTakenError } from './errors.ts'
import { rootOf } from './fastify-internals.ts'
import { guardedCall } from './guard.ts'
import { isTrustedHost } from './host-name.ts'
import { pathOf } from './masking.ts'

/** Where operators find the process. */
export interface AdminAddress {
  /** Default `'127.0.0.1'`: nobody from outside. */
  readonly host?: string | undefined
  /**
   * Default 9464; 0 takes any free port, one for each app. A worker of node:cluster adds its worker's
   * number: 9465 is the first one's.
   */
  readonly port?: number | undefined
  /**
   * Names under which it is asked, beside IP addresses, `localhost` and names below it. Default none.
   * A request under another name is refused with 421, so that no page in an operator's browser can
   * read it by a name of its own (DNS rebinding).
   */
  readonly hosts?: readonly string[] | undefined
}

/** What answers on an admin listener. */
export interface AdminMount {
  /** The exact path without a query, such as `'/metrics'`; `'/'` answers what no other mount does. */
  readonly path: string
  /** Answers a GET or a HEAD. Where it throws, that is reported once, and the answer is a 500. */
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void
}

/** What {@link mountAdmin} returns. */
export interface AdminListener {
  /** Where it listens; `undefined` before the app is ready and after it has closed. */
  readonly address: AddressInfo | undefined
}

/** The port that the OpenTelemetry project gives to Prometheus exporters. */
export const DEFAULT_ADMIN_PORT = 9464

/** More connections than a few browsers and scrapers open. */
const MAX_CONNECTIONS = 256

/** Within a process and an address. Of any copy of this package: only its members are used. */
interface Listener {
  readonly host: string
  readonly port: number
  /** The app, where any port is taken: it shares with nobody. */
  readonly root: object | undefined
  readonly server: Server
  readonly mounts: Map<string, AdminMount>
  readonly hosts: Set<string>
  readonly listening: Promise<void>
}

// Registered, so that two copies of this package in one process share a listener.
const LISTENERS = Symbol.for('holdfast.admin-listeners')

const shared = globalThis as typeof globalThis & { [LISTENERS]?: Set<Listener> }
shared[LISTENERS] ??= new Set()
const listeners = shared[LISTENERS]

/**
 * Mounts a path on the admin listener of an address. It listens when the app is ready, and answers
 * until the app's `onClose` hooks that were added later have run: through the whole drain. Its
 * requests are none of the app's: nobody counts, limits or logs them. It does not keep the process
 * alive.
 *
 * `app.ready()` rejects with `HOLDFAST_ERR_ADMIN_PORT_TAKEN` where somebody else listens there, and
 * with `HOLDFAST_ERR_ADMIN_PATH_TAKEN` where the path is mounted already.
 *
 * @param option the option that says where, as errors name it: `'telemetry.listen'`
 */
export function mountAdmin(
  app: FastifyInstance,
  address: AdminAddress,
  mount: AdminMount,
  option: string
): AdminListener {
  const { host = '127.0.0.1', port = DEFAULT_ADMIN_PORT, hosts = [] } = address
  let listener: Listener | undefined
  app.addHook('onReady', async () => {
    const found = listenerAt(host, workerPort(port), rootOf(app))
    if (found.mounts.has(mount.path)) throw new AdminPathTakenError(option, mount.path, found.port)
    found.mounts.set(mount.path, mount)
    for (const name of hosts) found.hosts.add(name.toLowerCase())
    listener = found
    try {
      await found.listening
    } catch (error) {
      listener = undefined
      await leave(found, mount)
      throw new AdminPortTakenError(option, `${host}:${found.port}`, String(error))
    }
  })
  app.addHook('onClose', async () => {
    const left = listener
    listener = undefined
    if (left !== undefined) await leave(left, mount)
  })
  return {
    get address() {
      return (listener?.server.address() ?? undefined) as AddressInfo | undefined
    }
  }
}

/** Each worker has a port of its own: an operator asks one process, not any of them. */
function workerPort(port: number): number {
  return port === 0 ? 0 : port + (cluster.worker?.id ?? 0)
}

function listenerAt(host: string, port: number, root: object): Listener {
  const owner = port === 0 ? root : undefined
  for (const listener of listeners) {
    if (listener.host === host && listener.port === port && listener.root === owner) return listener
  }
  const listener = open(host, port, owner)
  listeners.add(listener)
  return listener
}

function open(host: string, port: number, root: object | undefined): Listener {
  const mounts = new Map<string, AdminMount>()
  const hosts = new Set<string>()
  const server = createServer((request, response) => answer(request, response, mounts, hosts))
  server.maxConnections = MAX_CONNECTIONS
  server.headersTimeout = 5_000
  server.requestTimeout = 10_000
  server.on('connection', (socket) => socket.unref())
  const listening = new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    // Exclusive: the workers of node:cluster would otherwise share the primary's socket.
    server.listen({ host, port, exclusive: true }, resolve)
  })
  server.unref()
  return { host, port, root, server, mounts, hosts, listening }
}

async function leave(listener: Listener, mount: AdminMount): Promise<void> {
  const { server, mounts } = listener
  mounts.delete(mount.path)
  if (mounts.size > 0) return
  listeners.delete(listener)
  await new Promise((resolve) => {
    server.close(resolve)
    server.closeAllConnections()
  })
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  mounts: ReadonlyMap<string, AdminMount>,
  hosts: ReadonlySet<string>
): void {
  if (!isTrustedHost(request.headers.host, hosts)) {
    say(response, 421, 'This name is not among the names of this listener (option hosts).')
    return
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD')
    say(response, 405, 'This listener is read-only.')
    return
  }
  const path = pathOf(String(request.url), false)
  const mount = mounts.get(path) ?? mounts.get('/')
  if (mount === undefined) {
    say(response, 404, `Nothing is here. There is: ${[...mounts.keys()].join(', ')}`)
    return
  }
  const isAnswered = guardedCall(() => {
    mount.handle(request, response)
    return true
  }, `the admin listener's ${mount.path}`)
  if (isAnswered) return
  if (response.headersSent) response.destroy()
  else say(response, 500, 'This page failed; the log says why.')
}

function say(response: ServerResponse, status: number, text: string): void {
  response.statusCode = status
  response.setHeader('content-type', 'text/plain; charset=utf-8')
  response.setHeader('cache-control', 'no-store')
  response.setHeader('x-content-type-options', 'nosniff')
  response.end(`${text}\n`)
}
