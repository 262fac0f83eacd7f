import type { ServerResponse } from 'node:http'
import { factsOf, routedRequest } from '@holdfast/core'

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
  /**
   * How far it had come: its body was still on the way, it was being worked on, or its answer was
   * being sent.
   */
  readonly phase: 'receiving' | 'handling' | 'sending'
}

/** Describes the request of a response that is still open. */
export function leftoverOf({ req, headersSent }: ServerResponse, now: number): Leftover {
  const request = routedRequest(req)
  const [path = ''] = String(req.url).split('?', 1)
  return {
    id: request?.id,
    method: String(req.method),
    route: request?.routeOptions.url,
    path,
    age: Math.round(now - factsOf(req).startedAt),
    phase: headersSent ? 'sending' : req.complete ? 'handling' : 'receiving'
  }
}
