/**
 * The trace a request belongs to, read and continued by the rules of W3C Trace Context, without an
 * SDK: a service that only hands a trace on still keeps it whole.
 */
import { randomHex } from './random-hex.ts'
import type { AnyRequest, RawRequest } from './request-record.ts'

/** One request's place in a trace. */
export interface TraceContext {
  /** 32 hexadecimal digits, the same for every request of the trace. */
  readonly traceId: string
  /** 16 hexadecimal digits: this request, as its log line has it. */
  readonly spanId: string
  /** Bit 0: sampled. Bit 1: the trace id is random. */
  readonly flags: number
  /** The `tracestate` that came with it, for vendors, unread. */
  readonly state: string | undefined
  /**
   * The headers of the caller, where no SDK takes part in the trace: calls hand them on unchanged,
   * since nobody will ever tell of a span with the id of this request.
   */
  readonly received?: TraceHeaders | undefined
}

/** The content of a `traceparent` header. */
export interface TraceParent {
  readonly traceId: string
  /** The span of the caller. */
  readonly parentId: string
  readonly flags: number
}

/** The headers that an outgoing call must send on. Empty when the request has no trace. */
export interface TraceHeaders {
  readonly traceparent?: string
  readonly tracestate?: string
}

const TRACEPARENT = /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}(?:$|-)/
const NO_TRACE = '0'.repeat(32)
const NO_SPAN = '0'.repeat(16)
const LENGTH_OF_VERSION_0 = 55
const SAMPLED = 1
const RANDOM = 2
const NOT_ZERO = /[^0]/
// Visible ASCII, which every client can send.
const STATE = /^[\x20-\x7e]+$/

/**
 * Reads a `traceparent` header. `undefined` when there is none, or one that the specification says
 * to ignore: of version ff, with an id of zeros, with capitals, of the wrong length.
 */
export function parseTraceparent(header: unknown): TraceParent | undefined {
  if (typeof header !== 'string' || !TRACEPARENT.test(header)) return undefined
  if (header.startsWith('ff')) return undefined
  if (header.startsWith('00') && header.length !== LENGTH_OF_VERSION_0) return undefined
  // Cut out by their places: groups would cost more than all the rest.
  const traceId = header.slice(3, 35)
  const parentId = header.slice(36, 52)
  if (traceId === NO_TRACE || parentId === NO_SPAN) return undefined
  return {
    traceId,
    parentId,
    flags: Number.parseInt(header.slice(53, 55), 16) & (SAMPLED | RANDOM)
  }
}

/**
 * Begins a trace. Its flag tells the services that are called whether it is being recorded.
 *
 * @param isSampled whether the trace of that id is being recorded
 */
export function beginTrace(isSampled: (traceId: string) => boolean): TraceContext {
  const traceId = newId(32)
  const flags = isSampled(traceId) ? SAMPLED | RANDOM : RANDOM
  return { traceId, spanId: newId(16), flags, state: undefined }
}

function newId(digits: number): string {
  for (;;) {
    const id = randomHex(digits)
    if (NOT_ZERO.test(id)) return id
  }
}

// Registered, so that two copies of this package in one process agree on a request's trace.
const TRACE = Symbol.for('holdfast.trace')

interface WithTrace {
  [TRACE]?: TraceContext | null
}

type Traced = RawRequest & WithTrace

/**
 * Returns the trace of a request: the one set by {@link setTrace}, or else the one its `traceparent`
 * names, continued with a span id of its own. `undefined` when it has none.
 */
export function traceOf(request: AnyRequest): TraceContext | undefined {
  const raw: Traced = 'raw' in request ? request.raw : request
  const trace = raw[TRACE]
  if (trace !== undefined) return trace ?? undefined
  const header = raw.headers['traceparent']
  // Most requests have none; nothing is kept for them.
  if (header === undefined) return undefined
  raw[TRACE] = continued(header, raw.headers['tracestate'])
  return raw[TRACE] ?? undefined
}

/** Puts a request into a trace: one that was begun here, or that of an SDK's active span. */
export function setTrace(request: AnyRequest, trace: TraceContext): void {
  const raw: Traced = 'raw' in request ? request.raw : request
  raw[TRACE] = trace
}

function continued(traceparent: unknown, tracestate: unknown): TraceContext | null {
  const parent = parseTraceparent(traceparent)
  if (parent === undefined) return null
  const state = typeof tracestate === 'string' && STATE.test(tracestate) ? tracestate : undefined
  return {
    traceId: parent.traceId,
    spanId: newId(16),
    flags: parent.flags,
    state,
    received: headersWith(traceparent as string, state)
  }
}

/**
 * Returns what a call made on behalf of `request` must send on, so that the trace goes on in the
 * service that is called: spread it into the call's headers. Without an SDK those are the headers of
 * the caller, unchanged (W3C Trace Context, "forwarding"); in a trace that an SDK has, or that began
 * here, they name this request as the parent.
 */
export function traceHeaders(request: AnyRequest): TraceHeaders {
  const trace = traceOf(request)
  if (trace === undefined) return {}
  const { received, traceId, spanId, state } = trace
  return received ?? headersWith(`00-${traceId}-${spanId}-${flagsText(trace)}`, state)
}

function headersWith(traceparent: string, tracestate: string | undefined): TraceHeaders {
  return tracestate === undefined ? { traceparent } : { traceparent, tracestate }
}

/** The flags as headers and log lines write them: two hexadecimal digits. */
export function flagsText({ flags }: TraceContext): string {
  return flags.toString(16).padStart(2, '0')
}
