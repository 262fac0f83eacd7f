/**
 * The headers that a try carries beside those of its call. They go to the upstream itself only: they
 * are added to each request, not to the call, and so no redirect takes them elsewhere.
 */
import { addCallHeaders, type HeaderFields } from '../call-headers.ts'
import { DispatchHeaders } from './dispatch-headers.ts'
import { traceOfCall } from './outgoing-trace.ts'
import type { Try } from './try.ts'

const NONE: readonly string[] = []

/** Adds the headers of a try that begins now. */
export function addHeadersOf({ target, plan, caller, time }: Try, fields: HeaderFields): void {
  const { deadline, trace } = target.rules
  addCallHeaders(fields, {
    written: deadline.write ? deadline.header : NONE,
    left: time,
    attempt: plan.number,
    trace: trace ? traceOfCall(caller.request) : undefined
  })
}

/** Returns the header fields of a request with those of its try, as an object. */
export function headersOf(attempt: Try, given: unknown): object {
  const headers = new DispatchHeaders(given)
  addHeadersOf(attempt, headers)
  return headers.fields
}
