import type { ServerResponse } from 'node:http'
import { factsOf, routedRequest } from '@holdfast/core'

/**
 * A request that did not finish in time and was cut, as the log names it.
 */
export interface CutRequest {
  /** Fastify's id of the request; `undefined` when it never reached a route. */
  readonly id: string | undefined
  readonly method: string
  /** The route's pattern, `'/orders/:id'`. */
  readonly route: string | undefined
  /** The path without the query, which may hold secrets. */
  readonly path: string
  /** Whole milliseconds since the request was taken in. */
  readonly age: number
  /**
   * How far the request had come: its body was still on the way, its handler was at work, or its
   * answer was being sent.
   */
  readonly phase: 'receiving' | 'handling' | 'sending'
}

/** What only a response of HTTP/2 has. */
interface MaybeHttp2 {
  readonly stream?: { readonly endAfterHeaders: boolean }
}

/** Describes the request of a response that is still open. */
export function cutRequestOf(response: ServerResponse, now: number): CutRequest {
  const { req, headersSent } = response
  const { stream } = response as MaybeHttp2
  const request = routedRequest(req)
  // Without a body an HTTP/2 request is not "complete" before somebody reads that there is none.
  const received = req.complete || stream?.endAfterHeaders === true
  const [path = ''] = String(req.url).split('?', 1)
  return {
    id: request?.id,
    method: String(req.method),
    route: request?.routeOptions.url,
    path,
    age: Math.round(now - factsOf(req).startedAt),
    phase: headersSent ? 'sending' : received ? 'handling' : 'receiving'
  }
}
