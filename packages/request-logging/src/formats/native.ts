/**
 * The suite's own names: short, flat, milliseconds and bytes.
 */
import type { Line } from '../line.ts'
import { ALWAYS_RESERVED, type Format } from './format.ts'

const NAMES: { readonly [name in keyof Required<Line>]: true } = {
  reqId: true,
  method: true,
  route: true,
  path: true,
  status: true,
  outcome: true,
  duration: true,
  ttfb: true,
  bytesIn: true,
  bytesOut: true,
  client: true,
  userAgent: true,
  eventLoopDelay: true,
  query: true,
  sentStatus: true,
  slow: true,
  sampleRate: true,
  traceId: true,
  spanId: true,
  refusedBy: true,
  rateLimit: true,
  rateLimitRemaining: true,
  breaker: true,
  breakerState: true,
  breakerOutcome: true,
  breakerFallback: true,
  shutdownPhase: true,
  error: true,
  headers: true,
  droppedFields: true
}

/** Names that lines of later versions will have. */
const TO_COME: readonly string[] = ['shed', 'upstreamName', 'upstreamCalls']

/**
 * @param idLabel the name under which Fastify writes the id of a request on the application's own
 * lines, so that one search finds both
 */
export function nativeFormat(idLabel: string): Format {
  const reserved = new Set<string>([...ALWAYS_RESERVED, ...Object.keys(NAMES), ...TO_COME, idLabel])
  if (idLabel === 'reqId') return { reserved, shape: (line) => line }
  return {
    reserved,
    shape: ({ reqId, ...line }) => ({ [idLabel]: reqId, ...line })
  }
}
