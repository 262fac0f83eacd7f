/**
 * What is published of breakers. Every breaker publishes, also one used without Fastify.
 */
import { type Channel, channel } from '@holdfast/core'
import type { BreakerState, CircuitBreaker } from './breaker.ts'
import type { Causes } from './cause-counts.ts'

/** A change of a breaker's state. Read-only. */
export interface BreakerTransition {
  readonly breaker: CircuitBreaker
  readonly name: string
  readonly from: BreakerState
  readonly to: BreakerState
  /** What led there: the failures, counted by cause; empty when the breaker did not open. */
  readonly causes: Causes
}

/** A call or a request that a breaker refused. Read-only. */
export interface BreakerRefusal {
  readonly breaker: CircuitBreaker
  readonly name: string
  /** Milliseconds until a call may be let through. */
  readonly retryAfter: number
}

declare module '@holdfast/core' {
  interface ChannelPayloads {
    /** A breaker changed its state. Time alone changes it too: told when somebody next looks. */
    'holdfast:circuit-breaker:state': BreakerTransition
    /** A breaker refused a call or a request. */
    'holdfast:circuit-breaker:refused': BreakerRefusal
  }
}

const stateChannel: Channel<BreakerTransition> = channel('holdfast:circuit-breaker:state')
const refusedChannel: Channel<BreakerRefusal> = channel('holdfast:circuit-breaker:refused')

export function publishTransition(
  breaker: CircuitBreaker,
  from: BreakerState,
  to: BreakerState,
  causes: Causes
): void {
  if (!stateChannel.hasSubscribers) return
  stateChannel.publish(Object.freeze({ breaker, name: breaker.name, from, to, causes }))
}

export function publishRefusal(breaker: CircuitBreaker, retryAfter: number): void {
  if (!refusedChannel.hasSubscribers) return
  refusedChannel.publish(Object.freeze({ breaker, name: breaker.name, retryAfter }))
}
