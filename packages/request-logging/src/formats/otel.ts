/**
 * The names of OpenTelemetry's semantic conventions, with their units: seconds and bytes. What has
 * no name there stands under `holdfast.`.
 */
import { flagsText, type TraceContext } from '@holdfast/core'
import type { Line } from '../line.ts'
import { ALWAYS_RESERVED, type Format } from './format.ts'

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
  return {
    reserved: new Set<string>([...ALWAYS_RESERVED, ...NAMES, ...TO_COME, idLabel]),
    shape: (line, trace) => ({ [idLabel]: line.reqId, ...attributesOf(line, trace) })
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
    'http.response.status_code': line.outcome === 'aborted' ? line.sentStatus : line.status,
    'http.server.request.duration': seconds(line.duration),
    'http.request.body.size': line.bytesIn,
    'http.response.body.size': line.bytesOut,
    'client.address': line.client,
    'user_agent.original': line.userAgent,
    'error.type': errorTypeOf(line),
    'exception.type': error?.message === undefined ? undefined : error.type,
    'exception.message': error?.message,
    'exception.stacktrace': error?.stack,
    'holdfast.outcome': line.outcome,
    'holdfast.time_to_first_byte': seconds(line.ttfb),
    'holdfast.event_loop_delay': seconds(line.eventLoopDelay),
    'holdfast.slow': line.slow,
    'holdfast.sample_rate': line.sampleRate,
    'holdfast.refused_by': line.refusedBy,
    'holdfast.rate_limit.policy': line.rateLimit,
    'holdfast.rate_limit.remaining': line.rateLimitRemaining,
    'holdfast.circuit_breaker.name': line.breaker,
    'holdfast.circuit_breaker.state': line.breakerState,
    'holdfast.circuit_breaker.outcome': line.breakerOutcome,
    'holdfast.circuit_breaker.fallback': line.breakerFallback,
    'holdfast.lifecycle.phase': line.shutdownPhase,
    'holdfast.error_code': error?.code,
    'holdfast.dropped_fields': line.droppedFields
  }
  for (const [name, value] of Object.entries(line.headers ?? {})) {
    attributes[`http.request.header.${name}`] = [value]
  }
  return attributes
}

const NAMES: readonly string[] = Object.keys(attributesOf({ outcome: 'ok' }, undefined))

/** Names that lines of later versions will have. */
const TO_COME: readonly string[] = [
  'holdfast.shed',
  'holdfast.upstream.name',
  'holdfast.upstream.calls'
]

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
