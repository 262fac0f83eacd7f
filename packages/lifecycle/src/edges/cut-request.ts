import type { ServerResponse } from 'node:http'
import { factsOf, pathOf, printable, routedRequest } from '@holdfast/core'

/**
 * A request that did not finish in time and was cut, as the log names it.
 */
export interface CutRequest {
  /** Fastify's id of the request; `undefined` when it never reached a route. */
  readonly id: string | undefined
  readonly method: string
  /** The route's pattern, `'/orders/:id'`. */
  readonly route: string | undefined
  /** The path as the request's own line has it: without query, fragment and credentials. */
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

const MAX_ID_LENGTH = 256
const MAX_ROUTE_LENGTH = 1024

/**
 * Describes the request of a response that is still open, as it may be written down: bounded, and
 * without secrets and control characters.
 *
 * @param semicolons whether a `;` begins the query too
 */
export function cutRequestOf(
  response: ServerResponse,
  now: number,
  semicolons: boolean
): CutRequest {
  const { req, headersSent } = response
  const { stream } = response as MaybeHttp2
  const request = routedRequest(req)
  // Without a body an HTTP/2 request is not "complete" before somebody reads that there is none.
  const received = req.complete || stream?.endAfterHeaders === true
  const url = request?.routeOptions.url
  return {
    id: request && textOf(request.id),
    method: String(req.method),
    route: url && printable(url, MAX_ROUTE_LENGTH),
    path: pathOf(String(req.url), semicolons),
    age: Math.round(now - factsOf(req).startedAt),
    phase: headersSent ? 'sending' : received ? 'handling' : 'receiving'
  }
}

/** A `genReqId` of the user's may return anything. */
function textOf(id: unknown): string {
  try {
    return printable(String(id), MAX_ID_LENGTH)
  } catch {
    return 'an id that cannot be shown'
  }
}
