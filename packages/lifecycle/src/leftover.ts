import type { IncomingMessage, ServerResponse } from 'node:http'
import { factsOf } from '@holdfast/core'
import type { FastifyRequest } from 'fastify'

/** A request that had to be cut, as the log names it. */
export interface Leftover {
  /** Fastify's id of the request; none when it never reached a route. */
  readonly id: string | undefined
  readonly method: string
  /** The route's pattern, `'/orders/:id'`. */
  readonly route: string | undefined
  /** The path without the query, which may hold secrets. */
  readonly path: string
  /** Whole milliseconds since it was taken in. */
  readonly age: number
}

const REQUEST: unique symbol = Symbol('holdfast.fastify-request')

type Routed = IncomingMessage & { [REQUEST]?: FastifyRequest }

/** Keeps the way from a raw request to Fastify's, which knows the route. */
export function rememberRoute(request: FastifyRequest): void {
  ;(request.raw as Routed)[REQUEST] = request
}

/** Describes the request of a response that is still open. */
export function leftoverOf({ req }: ServerResponse, now: number): Leftover {
  const request = (req as Routed)[REQUEST]
  const [path = ''] = String(req.url).split('?', 1)
  return {
    id: request?.id,
    method: String(req.method),
    route: request?.routeOptions.url,
    path,
    age: Math.round(now - factsOf(req).startedAt)
  }
}
