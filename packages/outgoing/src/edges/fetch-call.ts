/**
 * A call by `fetch`, as all its tries know it.
 */
import type { Caller } from '../caller.ts'
import type { DispatcherLike } from '../options.ts'
import type { Target, TargetOfOrigin } from './target.ts'

/** What `fetch` is given: as everywhere, and what sends it in Node. */
export interface FetchInit extends Omit<RequestInit, 'dispatcher'> {
  dispatcher?: DispatcherLike | undefined
}

export interface FetchCall {
  readonly target: Target
  readonly targetOf: TargetOfOrigin
  readonly caller: Caller
  /** Where it goes: the upstream's origin. */
  readonly input: string | Request
  readonly init: FetchInit | undefined
  /** In capitals. */
  readonly method: string
  readonly signal: AbortSignal | undefined
  /** When its time is over, by the monotonic clock; `Infinity` for never. */
  readonly due: number
  /** The tries that have begun. */
  tries: number
}
