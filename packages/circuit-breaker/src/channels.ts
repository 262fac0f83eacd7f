/**
 * The channels of breakers. Every breaker publishes on them, also one used without Fastify.
 */
import { type Channel, channel } from '@holdfast/core'
import type { RefusalReason } from './circuit/call-totals.ts'
import type { Causes } from './circuit/cause-counts.ts'
import type { CallOutcome } from './circuit/permit.ts'
import type { BreakerState } from './circuit/state.ts'
import type { BreakerView } from './snapshot.ts'

/** A change of a breaker's state. Read-only. */
export interface BreakerTransition {
  readonly breaker: BreakerView
  readonly name: string
  readonly from: BreakerState
  readonly to: BreakerState
  /** Why the breaker opened: the failures, counted by cause; empty when it did not open. */
  readonly causes: Causes
  /** Whether the breaker is in shadow: it publishes what it would do, and refuses nothing. */
  readonly shadow: boolean
}

/** A call or a request that a breaker refused, or in shadow would have. Read-only. */
export interface BreakerRefusal {
  readonly breaker: BreakerView
  readonly name: string
  /** Why: its state, or `maxConcurrent` calls that run already. */
  readonly reason: RefusalReason
  /** Milliseconds until a call may be let through; 0 when that is not known. */
  readonly retryAfter: number
  /** Whether the breaker is in shadow: it would have refused, and did not. */
  readonly shadow: boolean
}

/** A call that ended. Read-only. */
export interface BreakerCall {
  readonly breaker: BreakerView
  readonly name: string
  /**
   * How it ended itself. A probe of a half-open breaker that ends well although a call within it has
   * failed is a failure in the breaker's totals, and a success here.
   */
  readonly outcome: CallOutcome
  /** How long it took until it ended or was given up, in milliseconds by the breaker's clock. */
  readonly duration: number
}

declare module '@holdfast/core' {
  interface ChannelPayloads {
    /** A breaker changed its state. A change by time alone is published when somebody next looks. */
    'holdfast:circuit-breaker:state': BreakerTransition
    /** A breaker refused a call or a request. */
    'holdfast:circuit-breaker:refused': BreakerRefusal
    /** A call ended that began while somebody listened. Each costs two readings of the clock more. */
    'holdfast:circuit-breaker:call': BreakerCall
  }
}

const stateChannel: Channel<BreakerTransition> = channel('holdfast:circuit-breaker:state')
const refusedChannel: Channel<BreakerRefusal> = channel('holdfast:circuit-breaker:refused')
const callChannel: Channel<BreakerCall> = channel('holdfast:circuit-breaker:call')

/** Publishes a change of state, if somebody listens. */
export function publishTransition(
  breaker: BreakerView,
  from: BreakerState,
  to: BreakerState,
  causes: Causes
): void {
  if (!stateChannel.hasSubscribers) return
  const { name, isShadow } = breaker
  stateChannel.publish(Object.freeze({ breaker, name, from, to, causes, shadow: isShadow }))
}

/** Publishes a refusal, if somebody listens. `retryAfter` is in milliseconds. */
export function publishRefusal(
  breaker: BreakerView,
  reason: BreakerRefusal['reason'],
  retryAfter: number,
  shadow: boolean
): void {
  if (!refusedChannel.hasSubscribers) return
  refusedChannel.publish({ breaker, name: breaker.name, reason, retryAfter, shadow })
}

/** Whether somebody wants to know how long calls take. */
export function hasCallListeners(): boolean {
  return callChannel.hasSubscribers
}

/** Publishes a call that ended, if somebody still listens. `duration` is in milliseconds. */
export function publishCall(breaker: BreakerView, outcome: CallOutcome, duration: number): void {
  if (!callChannel.hasSubscribers) return
  callChannel.publish({ breaker, name: breaker.name, outcome, duration })
}
