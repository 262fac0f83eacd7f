/**
 * The line: what it holds, and its message.
 */
import type { ErrorField } from './error-field.ts'
import type { RequestOutcome } from './outcome.ts'

/**
 * The fields of a line in the native format, in the order they are written. The logger adds
 * `level`, `time` and `msg`, and leaves out what is undefined.
 */
export interface Line {
  /** Fastify's id of the request; absent when it was never routed. */
  reqId?: string | undefined
  method?: string | undefined
  /** The route as it was declared, `/orders/:id`; absent for a 404 and what was never routed. */
  route?: string | undefined
  /** The path as the client sent it, without the query. */
  path?: string | undefined
  /** 499 when the client left; absent when no answer was begun, or none that we saw. */
  status?: number | undefined
  outcome: RequestOutcome
  /** Milliseconds from the head of the request to the end of the answer. */
  duration?: number | undefined
  /** Milliseconds from the head of the request to the first byte of the answer. */
  ttfb?: number | undefined
  /** Bytes of the request's body, as its head announced them. */
  bytesIn?: number | undefined
  /** Bytes of the answer's body; those that went out, when it broke off. */
  bytesOut?: number | undefined
  /** The address of the client, as `request.ip` has it. */
  client?: string | undefined
  userAgent?: string | undefined
  /** The delay of the event loop when the line was written, in whole milliseconds. */
  eventLoopDelay?: number | undefined
  /** The query, with the values that options allow; the others are masked. */
  query?: string | undefined
  /** The status that a client had been sent before it left; absent when no head went out. */
  sentStatus?: number | undefined
  /** It took as long as the option `slow` says, or longer. */
  slow?: true | undefined
  /** The share of such lines that is written: this one stands for `1 / sampleRate`. */
  sampleRate?: number | undefined
  traceId?: string | undefined
  spanId?: string | undefined
  /** The plugin of the suite that refused the request. */
  refusedBy?: string | undefined
  /** Why load shedding refused the request, or in shadow mode would have. */
  shed?: string | undefined
  /** The policy of the limiter that decided: the tightest one, or the one that was exceeded. */
  rateLimit?: string | undefined
  /** What that policy still has for the client. */
  rateLimitRemaining?: number | undefined
  /** The route's breaker. */
  breaker?: string | undefined
  /** The state of the breaker that the request met. */
  breakerState?: string | undefined
  /** The breaker's judgement of the answer. */
  breakerOutcome?: string | undefined
  /** The breaker whose fallback answered in place of a call that failed. */
  breakerFallback?: string | undefined
  /** Of the upstreams that were called for the request, the one whose answers it waited for longest. */
  upstreamName?: string | undefined
  /** Milliseconds that it waited for them. */
  upstreamTime?: number | undefined
  /** The calls that were made for the request, to all upstreams. */
  upstreamCalls?: number | undefined
  /** The tries of these calls; absent where each had only one. */
  upstreamTries?: number | undefined
  /** The phase of the service in which the request was cut or refused. */
  shutdownPhase?: string | undefined
  error?: ErrorField | undefined
  /** The headers of the request that options allow. */
  headers?: Record<string, string> | undefined
  /** The count of the application's fields that are left out because there was too much. */
  droppedFields?: number | undefined
}

/** Milliseconds with at most three decimals. */
export function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000
}

const SAID_BY_THE_STATUS: ReadonlySet<RequestOutcome> = new Set([
  'ok',
  'client-error',
  'server-error'
])

/** The line in a few words: `GET /orders/:id 200`, `GET /orders/:id 499 aborted`. */
export function messageOf({ method, route, path, status, outcome }: Line): string {
  const words = method === undefined ? '' : `${method} ${route ?? path} `
  if (status === undefined) return words + outcome
  return SAID_BY_THE_STATUS.has(outcome) ? words + status : `${words}${status} ${outcome}`
}
