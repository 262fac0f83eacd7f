/**
 * Whom a call is made for: a request with a client that waits for its answer, or nobody.
 */
import type { AnyRequest, CallersCall } from '@holdfast/core'

/** Where a call can stop listening to its caller. */
export interface CallersEntry {
  leave(): void
}

/** Whom calls are made for. */
export interface Caller {
  /** The request; `undefined` for a call outside of any. */
  readonly request: AnyRequest | undefined
  /** When its time is over, by the monotonic clock, in milliseconds; `Infinity` for never. */
  readonly deadline: number
  /** Whether its calls may be tried again: not those of a request that is a retry itself. */
  readonly mayRetry: boolean
  /** Whether nobody waits for the answers any more. */
  readonly hasLeft: boolean
  /** Calls `callerLeft()` of the call when the caller leaves, until the entry leaves. */
  follow(call: CallersCall): CallersEntry | undefined
}

/** No request: the call has its own time, and nobody leaves. */
export const NOBODY: Caller = {
  request: undefined,
  deadline: Infinity,
  mayRetry: true,
  hasLeft: false,
  follow: () => undefined
}
