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
  /** In `'shadow'` nobody is refused, whatever was decided. */
  readonly mode: 'enforce' | 'shadow'
}

/** A client was forgotten that still owed something; newcomers may be limited early. Read-only. */
export interface RateLimitEvictedEvent {
  /** How many there were, of this registration. */
  readonly evictions: number
  /** How many clients its table can hold. */
  readonly capacity: number
}

/** A store stopped answering, or answers again. Read-only. */
export interface RateLimitStoreEvent {
  readonly available: boolean
  /** Of a store whose parts fail one by one: which, of a Redis Cluster the node's address. Else empty. */
  readonly part: string
  /** What happened. */
  readonly reason: string
}

declare module '@holdfast/core' {
  interface ChannelPayloads {
    /** A request was within its limit. */
    'holdfast:rate-limit:allowed': RateLimitEvent
    /** A request was within its limit, and a fifth of that or less is left. */
    'holdfast:rate-limit:near-limit': RateLimitEvent
    /** A request exceeded its limit and is answered with 429. */
    'holdfast:rate-limit:denied': RateLimitEvent
    /** The table was full. */
    'holdfast:rate-limit:evicted': RateLimitEvictedEvent
    /** The store became unavailable, or available again. */
    'holdfast:rate-limit:store': RateLimitStoreEvent
  }
}

export const allowedChannel: Channel<RateLimitEvent> = channel('holdfast:rate-limit:allowed')
export const nearLimitChannel: Channel<RateLimitEvent> = channel('holdfast:rate-limit:near-limit')
export const deniedChannel: Channel<RateLimitEvent> = channel('holdfast:rate-limit:denied')
export const evictedChannel: Channel<RateLimitEvictedEvent> = channel('holdfast:rate-limit:evicted')
export const storeChannel: Channel<RateLimitStoreEvent> = channel('holdfast:rate-limit:store')
