/**
 * The names of OpenTelemetry's semantic conventions, with their units: seconds and bytes. What has
 * no name there stands under `holdfast.`.
 */
import { flagsText, type TraceContext } from '@holdfast/core'
import type { ErrorField } from '../error-field.ts'
import type { Line } from '../line.ts'
import { ALWAYS_RESERVED, type CommonText, type Format } from './format.ts'
import { inOnePiece, keyOf, quoted, withNumber, withText } from './json.ts'

/**
 * The methods of RFC 9110 and PATCH. Others are `_OTHER`: a client could send any number of them.
 */
const METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'CONNECT',
  'OPTIONS',
  'TRACE'
])

/**
 * @param idLabel the name under which Fastify writes the id of a request on the application's lines
 */
export function otelFormat(idLabel: string): Format {
  const idKey = keyOf(idLabel)
  return {
    reserved: new Set<string>([...ALWAYS_RESERVED, ...NAMES, idLabel]),
    shape: (line, trace) => ({ [idLabel]: line.reqId, ...attributesOf(line, trace) }),
    common: commonOf,
    append: (json, line, trace, common) =>
      appendAttributes(withText(json, idKey, line.reqId), line, trace, common)
  }
}

function attributesOf(line: Line, trace: TraceContext | undefined): Record<string, unknown> {
  const { method, error } = line
  const known = method === undefined || METHODS.has(method)
  const attributes: Record<string, unknown> = {
    trace_id: trace?.traceId,
    span_id: trace?.spanId,
    trace_flags: trace && flagsText(trace),
    'http.request.method': known ? method : '_OTHER',
    'http.request.method_original': known ? undefined : method,
    'http.route': line.route,
    'url.path': line.path,
    'url.query': line.query,
    'http.response.status_code': sentStatusOf(line),
    'http.server.request.duration': seconds(line.duration),
    'http.request.body.size': line.bytesIn,
    'http.response.body.size': line.bytesOut,
    'client.address': line.client,
    'user_agent.original': line.userAgent,
    'error.type': errorTypeOf(line),
    'exception.type': exceptionTypeOf(error),
    'exception.message': error?.message,
    'exception.stacktrace': error?.stack,
    'holdfast.outcome': line.outcome,
    'holdfast.time_to_first_byte': seconds(line.ttfb),
    'holdfast.event_loop_delay': seconds(line.eventLoopDelay),
    'holdfast.slow': line.slow,
    'holdfast.sample_rate': line.sampleRate,
    'holdfast.refused_by': line.refusedBy,
    'holdfast.shed': line.shed,
    'holdfast.rate_limit.policy': line.rateLimit,
    'holdfast.rate_limit.remaining': line.rateLimitRemaining,
    'holdfast.circuit_breaker.name': line.breaker,
    'holdfast.circuit_breaker.state': line.breakerState,
    'holdfast.circuit_breaker.outcome': line.breakerOutcome,
    'holdfast.circuit_breaker.fallback': line.breakerFallback,
    'holdfast.upstream.name': line.upstreamName,
    'holdfast.upstream.time': seconds(line.upstreamTime),
    'holdfast.upstream.calls': line.upstreamCalls,
    'holdfast.upstream.tries': line.upstreamTries,
    'holdfast.lifecycle.phase': line.shutdownPhase,
    'holdfast.error_code': error?.code,
    'holdfast.dropped_fields': line.droppedFields
  }
  for (const [name, value] of Object.entries(line.headers ?? {})) {
    attributes[`http.request.header.${name}`] = [value]
  }
  return attributes
}

function commonOf({ method, route, path }: Line): CommonText {
  const known = method === undefined || METHODS.has(method)
  let text = withText('', ',"http.request.method":', known ? method : '_OTHER')
  text = withText(text, ',"http.request.method_original":', known ? undefined : method)
  text = withText(text, ',"http.route":', route)
  return { beforePath: inOnePiece(text, path === undefined ? '' : ',"url.path":'), afterPath: '' }
}

/** As {@link attributesOf}, by name and not in a loop. */
function appendAttributes(
  json: string,
  line: Line,
  trace: TraceContext | undefined,
  { beforePath }: CommonText
): string {
  const { path, error, headers } = line
  let text = json
  if (trace !== undefined) {
    text = withText(text, ',"trace_id":', trace.traceId)
    text = withText(text, ',"span_id":', trace.spanId)
    text = withText(text, ',"trace_flags":', flagsText(trace))
  }
  text += beforePath
  if (path !== undefined) text += quoted(path)
  text = withText(text, ',"url.query":', line.query)
  text = withNumber(text, ',"http.response.status_code":', sentStatusOf(line))
  text = withNumber(text, ',"http.server.request.duration":', seconds(line.duration))
  text = withNumber(text, ',"http.request.body.size":', line.bytesIn)
  text = withNumber(text, ',"http.response.body.size":', line.bytesOut)
  text = withText(text, ',"client.address":', line.client)
  text = withText(text, ',"user_agent.original":', line.userAgent)
  text = withText(text, ',"error.type":', errorTypeOf(line))
  text = withText(text, ',"exception.type":', exceptionTypeOf(error))
  text = withText(text, ',"exception.message":', error?.message)
  text = withText(text, ',"exception.stacktrace":', error?.stack)
  text = withText(text, ',"holdfast.outcome":', line.outcome)
  text = withNumber(text, ',"holdfast.time_to_first_byte":', seconds(line.ttfb))
  text = withNumber(text, ',"holdfast.event_loop_delay":', seconds(line.eventLoopDelay))
  if (line.slow === true) text += ',"holdfast.slow":true'
  text = withNumber(text, ',"holdfast.sample_rate":', line.sampleRate)
  text = withText(text, ',"holdfast.refused_by":', line.refusedBy)
  text = withText(text, ',"holdfast.shed":', line.shed)
  text = withText(text, ',"holdfast.rate_limit.policy":', line.rateLimit)
  text = withNumber(text, ',"holdfast.rate_limit.remaining":', line.rateLimitRemaining)
  text = withText(text, ',"holdfast.circuit_breaker.name":', line.breaker)
  text = withText(text, ',"holdfast.circuit_breaker.state":', line.breakerState)
  text = withText(text, ',"holdfast.circuit_breaker.outcome":', line.breakerOutcome)
  text = withText(text, ',"holdfast.circuit_breaker.fallback":', line.breakerFallback)
  text = withText(text, ',"holdfast.upstream.name":', line.upstreamName)
  text = withNumber(text, ',"holdfast.upstream.time":', seconds(line.upstreamTime))
  text = withNumber(text, ',"holdfast.upstream.calls":', line.upstreamCalls)
  text = withNumber(text, ',"holdfast.upstream.tries":', line.upstreamTries)
  text = withText(text, ',"holdfast.lifecycle.phase":', line.shutdownPhase)
  text = withText(text, ',"holdfast.error_code":', error?.code)
  text = withNumber(text, ',"holdfast.dropped_fields":', line.droppedFields)
  if (headers !== undefined) {
    for (const [name, value] of Object.entries(headers)) {
      text += keyOf(`http.request.header.${name}`) + JSON.stringify([value])
    }
  }
  return text
}

const NAMES: readonly string[] = Object.keys(attributesOf({ outcome: 'ok' }, undefined))

/** Of a client that left, the status that it had been sent: the conventions know no 499. */
function sentStatusOf({ outcome, status, sentStatus }: Line): number | undefined {
  return outcome === 'aborted' ? sentStatus : status
}

/** `undefined` for what has a code only: nothing was thrown. */
function exceptionTypeOf(error: ErrorField | undefined): string | undefined {
  return error?.message === undefined ? undefined : error.type
}

/** By the conventions a 4xx is no error of the server; an answer that broke off is one. */
function errorTypeOf({ outcome, status, error }: Line): string | undefined {
  switch (outcome) {
    case 'aborted':
    case 'cut':
      return error?.type ?? outcome
    case 'malformed':
      return error?.type
    case 'server-error':
      return error?.type ?? String(status)
    default:
      return status !== undefined && status >= 500 ? String(status) : undefined
  }
}

/** Rounds to the microsecond: dividing alone would leave digits that were never measured. */
function seconds(milliseconds: number | undefined): number | undefined {
  return milliseconds === undefined ? undefined : Math.round(milliseconds * 1000) / 1e6
}
