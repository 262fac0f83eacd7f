/**
 * The suite's own names: short, flat, milliseconds and bytes.
 */
import type { Line } from '../line.ts'
import { remembered } from '../remembered.ts'
import { ALWAYS_RESERVED, type CommonText, type Format } from './format.ts'
import { inOnePiece, keyOf, numeral, quoted, withNumber, withText } from './json.ts'

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
  shed: true,
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

/**
 * @param idLabel the name under which Fastify writes the id of a request on the application's own
 * lines, so that one search finds both
 */
export function nativeFormat(idLabel: string): Format {
  const idKey = keyOf(idLabel)
  return {
    reserved: new Set<string>([...ALWAYS_RESERVED, ...Object.keys(NAMES), idLabel]),
    shape:
      idLabel === 'reqId'
        ? (line) => line
        : ({ reqId, ...line }) => ({ [idLabel]: reqId, ...line }),
    common: commonOf,
    append: (json, line, _trace, common) =>
      appendMembers(withText(json, idKey, line.reqId), line, common)
  }
}

function commonOf({ method, route, path, status, outcome }: Line): CommonText {
  const beforePath = withText(withText('', ',"method":', method), ',"route":', route)
  const afterPath = withNumber('', ',"status":', status)
  return {
    beforePath: inOnePiece(beforePath, path === undefined ? '' : ',"path":'),
    afterPath: inOnePiece(afterPath, ',"outcome":', quoted(outcome))
  }
}

const limitText = remembered((name) => inOnePiece(',"rateLimit":', quoted(name)))
/** With the breaker as it usually is. */
const usualBreakerText = remembered((name) =>
  inOnePiece(
    withText('', ',"breaker":', name),
    ',"breakerState":"closed","breakerOutcome":"success"'
  )
)

/**
 * By name and in one function: the names of a line are known, and a call for each member would cost
 * more than the member.
 */
function appendMembers(json: string, line: Line, { beforePath, afterPath }: CommonText): string {
  let text = json + beforePath
  if (line.path !== undefined) text += quoted(line.path)
  text += afterPath
  if (line.duration !== undefined) text = `${text},"duration":${numeral(line.duration)}`
  if (line.ttfb !== undefined) text = `${text},"ttfb":${numeral(line.ttfb)}`
  if (line.bytesIn !== undefined) text = `${text},"bytesIn":${numeral(line.bytesIn)}`
  if (line.bytesOut !== undefined) text = `${text},"bytesOut":${numeral(line.bytesOut)}`
  if (line.client !== undefined) text = `${text},"client":${quoted(line.client)}`
  if (line.userAgent !== undefined) text = `${text},"userAgent":${quoted(line.userAgent)}`
  if (line.eventLoopDelay !== undefined)
    text = `${text},"eventLoopDelay":${numeral(line.eventLoopDelay)}`
  if (line.query !== undefined) text = `${text},"query":${quoted(line.query)}`
  if (line.sentStatus !== undefined) text = `${text},"sentStatus":${numeral(line.sentStatus)}`
  if (line.slow === true) text += ',"slow":true'
  if (line.sampleRate !== undefined) text = `${text},"sampleRate":${numeral(line.sampleRate)}`
  if (line.traceId !== undefined) text = `${text},"traceId":${quoted(line.traceId)}`
  if (line.spanId !== undefined) text = `${text},"spanId":${quoted(line.spanId)}`
  if (line.refusedBy !== undefined) text = `${text},"refusedBy":${quoted(line.refusedBy)}`
  if (line.shed !== undefined) text = `${text},"shed":${quoted(line.shed)}`
  if (line.rateLimit !== undefined) text += limitText(line.rateLimit)
  if (line.rateLimitRemaining !== undefined)
    text = `${text},"rateLimitRemaining":${numeral(line.rateLimitRemaining)}`
  text = withBreaker(text, line)
  if (line.breakerFallback !== undefined)
    text = `${text},"breakerFallback":${quoted(line.breakerFallback)}`
  if (line.upstreamName !== undefined) text = `${text},"upstreamName":${quoted(line.upstreamName)}`
  if (line.upstreamTime !== undefined) text = `${text},"upstreamTime":${numeral(line.upstreamTime)}`
  if (line.upstreamCalls !== undefined)
    text = `${text},"upstreamCalls":${numeral(line.upstreamCalls)}`
  if (line.upstreamTries !== undefined)
    text = `${text},"upstreamTries":${numeral(line.upstreamTries)}`
  if (line.shutdownPhase !== undefined)
    text = `${text},"shutdownPhase":${quoted(line.shutdownPhase)}`
  if (line.error !== undefined) text = `${text},"error":${JSON.stringify(line.error)}`
  if (line.headers !== undefined) text = `${text},"headers":${JSON.stringify(line.headers)}`
  if (line.droppedFields !== undefined)
    text = `${text},"droppedFields":${numeral(line.droppedFields)}`
  return text
}

function withBreaker(
  json: string,
  { breaker: name, breakerState: state, breakerOutcome: outcome }: Line
): string {
  if (name !== undefined && state === 'closed' && outcome === 'success') {
    return json + usualBreakerText(name)
  }
  const withName = withText(json, ',"breaker":', name)
  return withText(withText(withName, ',"breakerState":', state), ',"breakerOutcome":', outcome)
}
