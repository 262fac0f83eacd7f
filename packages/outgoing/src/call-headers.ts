/**
 * The headers that a try sends of its own: how long its answer is waited for, which try it is, and the
 * trace that it belongs to.
 */
import type { TraceHeaders } from '@holdfast/core'
import { ATTEMPT_COUNT, formatTimeout, shorterTimeout } from './deadline-header.ts'

/** The header fields of a request, of any client. Names are in lower case. */
export interface HeaderFields {
  /** The value of a field; `undefined` when there is none. */
  get(name: string): string | undefined
  set(name: string, value: string): void
}

/** What a try tells its upstream. */
export interface CallFacts {
  /** The headers that the time is told in. */
  readonly written: readonly string[]
  /** Milliseconds that the try has left; `Infinity` for no end. */
  readonly left: number
  /** Which try of its call it is, from 1. */
  readonly attempt: number
  /** The trace of its request; `undefined` for none, and where somebody else tells it. */
  readonly trace: TraceHeaders | undefined
}

/** Adds the headers of a try. What the call has of its own stays, except a longer time. */
export function addCallHeaders(
  fields: HeaderFields,
  { written, left, attempt, trace }: CallFacts
): void {
  for (const name of written) {
    const given = fields.get(name)
    const value =
      given === undefined ? formatTimeout(name, left) : shorterTimeout(name, given, left)
    if (value !== undefined && value !== given) fields.set(name, value)
  }
  if (attempt > 1 && fields.get(ATTEMPT_COUNT) === undefined) {
    fields.set(ATTEMPT_COUNT, String(attempt))
  }
  if (trace?.traceparent !== undefined && fields.get('traceparent') === undefined) {
    fields.set('traceparent', trace.traceparent)
    if (trace.tracestate !== undefined) fields.set('tracestate', trace.tracestate)
  }
}
