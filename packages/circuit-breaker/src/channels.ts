/**
 * What is published of breakers. Every breaker publishes, also one used without Fastify.
 */
import { type Channel, channel } from '@holdfast/core'
import type { CircuitBreaker } from './breaker.ts'
import type { Causes } from './circuit/cause-counts.ts'
import type { BreakerState } from './circuit/circuit.ts'

/** A change of a breaker's state. Read-only. */
export interface BreakerTransition {
  readonly breaker: CircuitBreaker
  readonly name: string
  readonly from: BreakerState
  readonly to: BreakerState
  /** What led there: the failures, counted by cause; empty when the breaker did not open. */
  readonly causes: Causes
  /** The breaker is in shadow: it tells what it would do, and refuses nothing. */
  readonly shadow: boolean
}

/** A call or a request that a breaker refused, or in shadow would have. Read-only. */
export interface BreakerRefusal {
  readonly breaker: CircuitBreaker
  readonly name: string
  /** Its state refused, or `maxConcurrent` calls run already. */
  readonly reason: 'state' | 'concurrency'
  /** Milliseconds until a call may be let through; 0 where that is not known. */
  readonly retryAfter: number
  /** The breaker is in shadow: it would have refused, and did not. */
  readonly shadow: boolean
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

export function publishTransition(transition: BreakerTransition): void {
  if (stateChannel.hasSubscribers) stateChannel.publish(Object.freeze(transition))
}

export function publishRefusal(
  breaker: CircuitBreaker,
  reason: BreakerRefusal['reason'],
  retryAfter: number,
  shadow: boolean
): void {
  if (!refusedChannel.hasSubscribers) return
  refusedChannel.publish(Object.freeze({ breaker, name: breaker.name, reason, retryAfter, shadow }))
}
