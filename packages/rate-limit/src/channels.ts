/**
 * What is published of the limiter's decisions.
 */
import { type Channel, channel } from '@holdfast/core'
import type { FastifyRequest } from 'fastify'
import type { Decision } from './decision.ts'

/** A decision about a request, as the channels carry it. Read-only. */
export interface RateLimitEvent {
  readonly request: FastifyRequest
  /** The key the client was counted under. */
  readonly key: string
  readonly decision: Decision
}

declare module '@holdfast/core' {
  interface ChannelPayloads {
    /** A request was within its limit. */
    'holdfast:rate-limit:allowed': RateLimitEvent
    /** A request exceeded its limit and is answered with 429. */
    'holdfast:rate-limit:denied': RateLimitEvent
  }
}

export const allowedChannel: Channel<RateLimitEvent> = channel('holdfast:rate-limit:allowed')
export const deniedChannel: Channel<RateLimitEvent> = channel('holdfast:rate-limit:denied')
