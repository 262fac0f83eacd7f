import { type Duration, duration, parseDuration, shapeOf } from '@holdfast/core'
import { LONGEST } from './options.ts'

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
  /** Options of Node's `http.createServer()`, where these alone can be set. */
  http: {
    requestTimeout: number
    headersTimeout: number
    connectionsCheckingInterval: number
  }
}

const time = duration({ max: LONGEST })
const check = shapeOf({ request: time, handler: time, idle: time })

const SHORTEST_CHECK = 100
const LONGEST_CHECK = 500
/** Node's own. */
const DEFAULT_CHECK = 30_000

/**
 * Turns three times into the options of Fastify and Node that keep them:
 *
 * ```js
 * const app = Fastify({ ...serverTimeouts({ request: '5s' }), logger: true })
 * ```
 *
 * Node looks for late requests every 30 s unless told otherwise, so that 5 s may become 35; here it
 * looks often enough to be late by half a second at most. For HTTPS the same options go to
 * `https`: `Fastify({ ...timeouts, https: { ...timeouts.http, key, cert } })`.
 *
 * @throws UnknownOptionError, InvalidOptionError
 */
export function serverTimeouts(options: TimeoutOptions = {}): ServerTimeouts {
  check(options, 'serverTimeouts')
  const request = whole(options.request ?? '5s', 'request')
  return {
    requestTimeout: request,
    handlerTimeout: whole(options.handler ?? '10s', 'handler'),
    keepAliveTimeout: whole(options.idle ?? '2 minutes', 'idle'),
    http: {
      requestTimeout: request,
      headersTimeout: request,
      connectionsCheckingInterval:
        request === 0
          ? DEFAULT_CHECK
          : Math.min(LONGEST_CHECK, Math.max(SHORTEST_CHECK, Math.round(request / 10)))
    }
  }
}

/** Fastify takes whole milliseconds only. Rounded up: 0 would turn it off. */
function whole(value: Duration, option: string): number {
  return Math.ceil(parseDuration(value, `serverTimeouts.${option}`))
}
