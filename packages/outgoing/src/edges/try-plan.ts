/**
 * What stands around a try: what it is to be, whose it is, and what carries it.
 */
import type { RingItem } from '@holdfast/core'
import type { Caller } from '../caller.ts'
import type { Counts } from '../counts.ts'
import { CallDeadlineError } from '../errors.ts'
import type { Latencies } from '../latencies.ts'
import type { CallRules } from '../options.ts'
import type { StopReason } from '../verdict.ts'
import type { Breaker } from './breaker-seam.ts'

/** What a try is to be. */
export interface TryPlan {
  /** The method of its request, in capitals where it is one of HTTP's. */
  readonly method: string
  /** Which try of its call, from 1. */
  readonly number: number
  /** Whether another try of the call is still running. */
  readonly isHedge: boolean
  /** When the time of its call is over, by the monotonic clock; `Infinity` for never. */
  readonly due: number
  /**
   * Whether the call's time and its caller's leaving stop the body, too. Where nobody may be reading
   * it (`undici.request`), an error of the body would end the process.
   */
  readonly boundsBody: boolean
}

/** What carries a try. */
export interface Transport {
  /** Ends it with this error. The try is told, now or later. */
  abort(error: Error): void
}

/** Something that is on its way and can be stopped: a try, or the wait for the next one. */
export interface Stoppable extends RingItem {
  stop(reason: StopReason, error: Error): void
}

/** The upstream of a try, as far as the try knows it. */
export interface TryOwner {
  readonly name: string
  readonly rules: CallRules
  readonly breaker: Breaker
  readonly counts: Counts
  readonly latencies: Latencies
  /** Milliseconds after its last part that a body which nobody reads counts as an answer. */
  readonly lease: number
  /** Tries that wait for their answers to begin. */
  inFlight: number
  /** Set where its retries are undici's. */
  readonly undiciRetries: object | undefined
  /** Notes what runs until it leaves the ring, so that it can be stopped. */
  add(running: Stoppable): void
}

/** The error of a call whose time is over: that of the request that it is made for, or its own. */
export function outOfTime({ name, rules }: TryOwner, { due }: TryPlan, caller: Caller): Error {
  const why =
    due === caller.deadline
      ? 'the request that it is made for has no time left'
      : `it took longer than its timeout of ${rules.timeout} ms`
  return new CallDeadlineError(name, why)
}
