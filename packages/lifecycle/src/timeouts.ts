import { check, type Duration, parseDuration } from '@holdfast/core/options'
import { FOREIGN_TIMEOUT_NAMES } from './foreign-names.ts'

/** The three times that a service grants its clients and itself, a week at most. 0 turns one off. */
export interface TimeoutOptions {
  /**
   * How long a client may take to send a whole request, head and body. Then it is answered 408 and
   * the connection closed.
   * @default '5s'
   */
  request?: Duration | undefined
  /**
   * How long a handler may take. Then the client is answered 503 and `request.signal` aborts.
   * @default '10s'
   */
  handler?: Duration | undefined
  /**
   * How long a connection without a request is kept open. It must be longer than the same time of
   * the proxy in front, or the proxy sends requests into connections that are being closed.
   * @default '2 minutes'
   */
  idle?: Duration | undefined
}

/** Options for `Fastify(...)`. */
export interface ServerTimeouts {
  requestTimeout: number
  handlerTimeout: number
  keepAliveTimeout: number
  /** What `keepAliveTimeout` is to HTTP/1. */
  http2SessionTimeout: number
  /** Options of Node's `http.createServer()`, where these alone can be set. */
  http: {
    requestTimeout: number
    headersTimeout: number
    connectionsCheckingInterval: number
  }
}

/** A week, in milliseconds. Node's timers end at 24 days. */
export const MAX_DURATION = 604_800_000
const time = check.duration({ max: MAX_DURATION })
const checkTimes = check.shape({ request: time, handler: time, idle: time }, FOREIGN_TIMEOUT_NAMES)

const MIN_CHECKING_INTERVAL = 100
const MAX_CHECKING_INTERVAL = 500

/** What Node and Fastify use when they were given nothing. Such a value may be replaced. */
const DEFAULTS = {
  requestTimeout: 0,
  headersTimeout: 60_000,
  keepAliveTimeout: 72_000,
  connectionsCheckingInterval: 30_000,
  /** Of HTTP/2 with `allowHTTP1`, to which Fastify hands none of its options. */
  http2RequestTimeout: 300_000,
  /** The same, since Node 22; before there was none. */
  http2KeepAliveTimeout: 5000
}

/**
 * Turns three times into the options of Fastify and Node that keep them:
 *
 * ```js
 * const app = Fastify({ ...serverTimeouts({ request: '5s' }), logger: true })
 * ```
 *
 * Node looks for late requests every 30 s unless told otherwise, so that 5 s may become 35; here it
 * looks often enough to be late by half a second at most. With HTTPS, and with HTTP/2 and
 * `allowHTTP1`, Node does not see what is under `http`: there the plugin sets it when the app boots.
 *
 * @throws UnknownOptionError, InvalidOptionError
 */
export function serverTimeouts(options: TimeoutOptions = {}): ServerTimeouts {
  const { request, handler, idle } = resolveTimeouts(options, 'serverTimeouts')
  return {
    requestTimeout: request,
    handlerTimeout: handler,
    // Fastify takes 0 for its own default.
    keepAliveTimeout: idle || MAX_DURATION,
    http2SessionTimeout: idle,
    http: {
      requestTimeout: request,
      headersTimeout: request,
      connectionsCheckingInterval: intervalFor(request)
    }
  }
}

/** The three times in whole milliseconds. */
export interface Timeouts {
  readonly request: number
  readonly handler: number
  readonly idle: number
}

/** @throws UnknownOptionError, InvalidOptionError */
export function resolveTimeouts(options: TimeoutOptions, place: string): Timeouts {
  checkTimes(options, place)
  return {
    request: whole(options.request ?? '5s', `${place}.request`),
    handler: whole(options.handler ?? '10s', `${place}.handler`),
    idle: whole(options.idle ?? '2 minutes', `${place}.idle`)
  }
}

/** Fastify takes whole milliseconds only. Rounded up: 0 would turn it off. */
function whole(value: Duration, option: string): number {
  return Math.ceil(parseDuration(value, option))
}

function intervalFor(request: number): number {
  if (request === 0) return DEFAULTS.connectionsCheckingInterval
  return Math.min(MAX_CHECKING_INTERVAL, Math.max(MIN_CHECKING_INTERVAL, Math.round(request / 10)))
}

/** The times of a server, as Node keeps them. A server of HTTP/2 alone has none. */
export interface ServerTimes {
  requestTimeout?: number
  headersTimeout?: number
  keepAliveTimeout?: number
  connectionsCheckingInterval?: number
}

/** The times that Fastify was given. */
export interface FastifyTimes {
  readonly requestTimeout?: number | undefined
  readonly handlerTimeout?: number | undefined
  readonly keepAliveTimeout?: number | undefined
}

/** A time that cannot be set any more. */
export interface MissingTime {
  /** Whether all servers of the app lack it, or only those of its further addresses. */
  readonly scope: 'app' | 'further addresses'
  /** What is missing, a phrase for the log. */
  readonly text: string
}

/** The result of {@link complete}. */
export interface Completion {
  /** What to set on the server. */
  readonly set: ServerTimes
  readonly missing: readonly MissingTime[]
}

/**
 * What an existing server lacks of the times it should keep. What the user set is kept, and what
 * belongs to it is added: a read timeout has no effect while Node looks for it every 30 s only.
 *
 * @param listening whether Node has begun to look for late requests
 */
export function complete(
  server: ServerTimes,
  fastify: FastifyTimes,
  wanted: Timeouts,
  listening = false
): Completion {
  const set: ServerTimes = {}
  const missing: MissingTime[] = []
  if (wanted.handler > 0 && !fastify.handlerTimeout) {
    missing.push({ scope: 'app', text: 'a timeout for handlers' })
  }
  const readTimeout = fastify.requestTimeout || wanted.request
  if (server.requestTimeout === undefined) {
    if (readTimeout > 0) {
      const text = 'a timeout for reading requests, which HTTP/2 does not have'
      missing.push({ scope: 'app', text })
    }
    return { set, missing }
  }

  const untouchedHttp2 = server.requestTimeout === DEFAULTS.http2RequestTimeout
  const isUnset =
    (server.requestTimeout === DEFAULTS.requestTimeout || untouchedHttp2) &&
    server.headersTimeout === DEFAULTS.headersTimeout
  if (isUnset && readTimeout > 0) set.requestTimeout = readTimeout
  const request = set.requestTimeout ?? server.requestTimeout
  if (request > 0) {
    if (server.headersTimeout === DEFAULTS.headersTimeout && request < DEFAULTS.headersTimeout) {
      set.headersTimeout = request
    }
    if (server.connectionsCheckingInterval === DEFAULTS.connectionsCheckingInterval) {
      if (listening) {
        missing.push({
          scope: 'further addresses',
          text: 'how often Node looks for late requests on the further addresses: every 30 s'
        })
      } else {
        set.connectionsCheckingInterval = intervalFor(request)
      }
    }
  }

  const given = fastify.keepAliveTimeout ?? DEFAULTS.keepAliveTimeout
  const idle = given === DEFAULTS.keepAliveTimeout ? wanted.idle : given
  const current = server.keepAliveTimeout ?? DEFAULTS.http2KeepAliveTimeout
  const untouched = untouchedHttp2 ? DEFAULTS.http2KeepAliveTimeout : DEFAULTS.keepAliveTimeout
  if (current === untouched && idle > 0 && idle !== current) set.keepAliveTimeout = idle
  return { set, missing }
}

/** The warning for an idle time that is too short for the proxy in front; `undefined` if it is right. */
export function idleConflict(idle: number, proxyIdle: number): string | undefined {
  if (idle === 0 || idle > proxyIdle) return undefined
  return `the service closes idle connections after ${idle} ms, the proxy after ${proxyIdle} ms (proxyIdleTimeout): the proxy will send requests into connections that are being closed. Give serverTimeouts() an idle time longer than the proxy's, or shorten the proxy's.`
}
