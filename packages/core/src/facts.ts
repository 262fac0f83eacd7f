/**
 * What the suite found out and decided about a request, written once by whoever decided and read
 * by the others. The facts hang on the raw request: a request that never reached a route has no
 * FastifyRequest.
 */
import type { IncomingMessage } from 'node:http'
import type { FastifyRequest } from 'fastify'
import { monotonicClock } from './clock.ts'
import type { Settling } from './settle.ts'

/** What the suite as a whole is told of a route, in its `config.holdfast`. */
export interface HoldfastRouteConfig {
  /** The route asks after the service itself: limiter, shedder and log leave it alone. */
  probe?: boolean
}

declare module 'fastify' {
  interface FastifyContextConfig {
    holdfast?: HoldfastRouteConfig
  }
}

/** The plugins that can refuse a request. */
export type Refuser = 'rate-limit' | 'circuit-breaker' | 'load-shedding' | 'lifecycle'

/** What the limiter decided. */
export interface RateLimitFact {
  readonly allowed: boolean
  /** The policy that decided: the tightest one, or the one that was exceeded. */
  readonly policy: string
  readonly limit: number
  readonly remaining: number
  /** Milliseconds until the same request would be allowed; 0 when it was. */
  readonly retryAfter: number
  readonly reason: string
}

/** What the route's breaker decided, and later what it made of the answer. */
export interface BreakerFact {
  readonly name: string
  /** The state the request met. */
  readonly state: string
  outcome?: 'success' | 'failure' | 'excluded'
}

/** What the load shedder decided. */
export interface SheddingFact {
  readonly shed: boolean
  readonly priority: string
}

/** What the lifecycle did to a request. */
export interface LifecycleFact {
  /** The phase in which the request was cut or refused. */
  readonly phase: string
}

/** What Node's parser had against the rest of a request whose head was good. */
export interface ClientErrorFact {
  /** The code of Node's error, `HPE_INVALID_CHUNK_SIZE` for example. */
  readonly code: string
  /** The status that Fastify's default handler answers it with: 400, 408 or 431. */
  readonly statusCode: number
}

/**
 * The facts of one request. Third parties may add their own by declaration merging.
 */
export interface RequestFacts {
  /** When the request was taken in, by the monotonic clock, in milliseconds. */
  startedAt: number
  /** When the answer stops being of use, by the monotonic clock, in milliseconds. */
  deadline?: number | undefined
  /** The request asks after the service itself: limiter, shedder and log leave it alone. */
  probe?: true | undefined
  /** Which plugin refused the request, if one did. */
  refusedBy?: Refuser | undefined
  rateLimit?: RateLimitFact | undefined
  circuitBreaker?: BreakerFact | undefined
  loadShedding?: SheddingFact | undefined
  lifecycle?: LifecycleFact | undefined
  clientError?: ClientErrorFact | undefined
}

/** Who took the request in, known to intake alone. */
export const TAKEN_BY: unique symbol = Symbol('holdfast.taken-by')
/** Fastify's request, once there is one. */
export const ROUTED: unique symbol = Symbol.for('holdfast.routed-request')
/** What is known of the end of its response. */
export const SETTLING: unique symbol = Symbol.for('holdfast.settling')

/**
 * What the suite keeps beside the facts. All of it is in one object that hangs on the request: each
 * further symbol on Node's own objects would cost as much as the object.
 */
export interface Notes extends RequestFacts {
  [TAKEN_BY]?: object | undefined
  [ROUTED]?: FastifyRequest | undefined
  [SETTLING]?: Settling | undefined
}

// Registered, so that two copies of this package in one process share the facts.
const FACTS: unique symbol = Symbol.for('holdfast.facts')

interface WithFacts {
  [FACTS]?: Notes
}

/**
 * Returns the facts of a request, raw or Fastify's, and creates them on first use. They live as
 * long as the raw request.
 */
export function factsOf(request: FastifyRequest | IncomingMessage): RequestFacts {
  return notesOf('raw' in request ? request.raw : request)
}

/** The facts of a raw request, with what intake keeps beside them. */
export function notesOf(raw: IncomingMessage & WithFacts): Notes {
  let facts = raw[FACTS]
  if (facts === undefined) {
    // Every member from the start: one hidden class for all requests.
    facts = {
      startedAt: monotonicClock(),
      deadline: undefined,
      probe: undefined,
      refusedBy: undefined,
      rateLimit: undefined,
      circuitBreaker: undefined,
      loadShedding: undefined,
      lifecycle: undefined,
      clientError: undefined,
      [TAKEN_BY]: undefined,
      [ROUTED]: undefined,
      [SETTLING]: undefined
    }
    raw[FACTS] = facts
  }
  return facts
}

/**
 * Fastify's request of a raw one, from the first hook on. `undefined` for a request that never
 * reached a hook, and in an app that takes nothing in.
 */
export function routedRequest(raw: IncomingMessage): FastifyRequest | undefined {
  return notesOf(raw)[ROUTED]
}

/**
 * Milliseconds until the request's deadline: at least 0, and `Infinity` when it has none.
 */
export function remaining(request: FastifyRequest | IncomingMessage): number {
  const { deadline } = factsOf(request)
  return deadline === undefined ? Infinity : Math.max(0, deadline - monotonicClock())
}
