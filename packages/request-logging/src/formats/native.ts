/**
 * The suite's own names: short, flat, milliseconds and bytes.
 */
import type { Line } from '../line.ts'
import { ALWAYS_RESERVED, type Format } from './format.ts'
import { keyOf, withNumber, withObject, withText } from './json.ts'

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
  upstreamName: true,
  upstreamTime: true,
  upstreamCalls: true,
  upstreamTries: true,
  shutdownPhase: true,
  error: true,
  headers: true,
  droppedFields: true
}

/** Names that lines of later versions will have. */
const TO_COME: readonly string[] = ['shed']

/**
 * @param idLabel the name under which Fastify writes the id of a request on the application's own
 * lines, so that one search finds both
 */
export function nativeFormat(idLabel: string): Format {
  const idKey = keyOf(idLabel)
  return {
    reserved: new Set<string>([...ALWAYS_RESERVED, ...Object.keys(NAMES), ...TO_COME, idLabel]),
    shape:
      idLabel === 'reqId'
        ? (line) => line
        : ({ reqId, ...line }) => ({ [idLabel]: reqId, ...line }),
    append: (json, line) => appendMembers(withText(json, idKey, line.reqId), line)
  }
}

/** By name, and not in a loop: the names of a line are known. */
function appendMembers(json: string, line: Line): string {
  let text = json
  text = withText(text, ',"method":', line.method)
  text = withText(text, ',"route":', line.route)
  text = withText(text, ',"path":', line.path)
  text = withNumber(text, ',"status":', line.status)
  text = withText(text, ',"outcome":', line.outcome)
  text = withNumber(text, ',"duration":', line.duration)
  text = withNumber(text, ',"ttfb":', line.ttfb)
  text = withNumber(text, ',"bytesIn":', line.bytesIn)
  text = withNumber(text, ',"bytesOut":', line.bytesOut)
  text = withText(text, ',"client":', line.client)
  text = withText(text, ',"userAgent":', line.userAgent)
  text = withNumber(text, ',"eventLoopDelay":', line.eventLoopDelay)
  text = withText(text, ',"query":', line.query)
  text = withNumber(text, ',"sentStatus":', line.sentStatus)
  if (line.slow === true) text += ',"slow":true'
  text = withNumber(text, ',"sampleRate":', line.sampleRate)
  text = withText(text, ',"traceId":', line.traceId)
  text = withText(text, ',"spanId":', line.spanId)
  text = withText(text, ',"refusedBy":', line.refusedBy)
  text = withText(text, ',"rateLimit":', line.rateLimit)
  text = withNumber(text, ',"rateLimitRemaining":', line.rateLimitRemaining)
  text = withText(text, ',"breaker":', line.breaker)
  text = withText(text, ',"breakerState":', line.breakerState)
  text = withText(text, ',"breakerOutcome":', line.breakerOutcome)
  text = withText(text, ',"breakerFallback":', line.breakerFallback)
  text = withText(text, ',"upstreamName":', line.upstreamName)
  text = withNumber(text, ',"upstreamTime":', line.upstreamTime)
  text = withNumber(text, ',"upstreamCalls":', line.upstreamCalls)
  text = withNumber(text, ',"upstreamTries":', line.upstreamTries)
  text = withText(text, ',"shutdownPhase":', line.shutdownPhase)
  text = withObject(text, ',"error":', line.error)
  text = withObject(text, ',"headers":', line.headers)
  text = withNumber(text, ',"droppedFields":', line.droppedFields)
  return text
}
