/**
 * The channels of load shedding.
 */
import { type Channel, channel } from '@holdfast/core'
import type { FastifyRequest } from 'fastify'
import type { SheddingFact } from './fact.ts'
import type { SheddingView } from './state.ts'

/** A request that was refused, or in shadow mode would have been. Read-only. */
export interface RequestShed extends SheddingFact {
  readonly request: FastifyRequest
  /** How many refusals this one stands for: itself, and those since the one published before. */
  readonly count: number
}

declare module '@holdfast/core' {
  interface ChannelPayloads {
    /** A request was refused: a sample, at most ten a second. */
    'holdfast:load-shedding:shed': RequestShed
    /** Requests begin to be refused, or have not been for five seconds. */
    'holdfast:load-shedding:state': SheddingView
  }
}

export const shedChannel: Channel<RequestShed> = channel('holdfast:load-shedding:shed')
export const stateChannel: Channel<SheddingView> = channel('holdfast:load-shedding:state')
