/**
 * The trace of a request, for the calls that are made for it.
 */
import diagnosticsChannel from 'node:diagnostics_channel'
import { type AnyRequest, type TraceHeaders, traceHeaders } from '@holdfast/core'

// The instrumentations of undici add headers of their own here.
const requestCreated = diagnosticsChannel.channel('undici:request:create')

/**
 * Returns the headers that a call through undici hands on. `undefined` where it is made for no request,
 * and where somebody listens for requests of undici, who would add a second trace.
 */
export function traceOfCall(request: AnyRequest | undefined): TraceHeaders | undefined {
  return request === undefined || requestCreated.hasSubscribers ? undefined : traceHeaders(request)
}
