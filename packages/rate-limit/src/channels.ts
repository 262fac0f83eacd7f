/**
 * The channels on which the limiter publishes its decisions.
 */
import { type Channel, channel } from '@holdfast/core'
import type { FastifyRequest } from 'fastify'
import type { Decision } from './decision.ts'

/** A decision about a request. Read-only. */
export interface RateLimitEvent {
  readonly request: FastifyRequest
  /** The key that the client was counted under. */
  readonly key: string
  readonly decision: Decision
  /** With `'shadow'` the request went on, whatever was decided. */
  readonly mode: 'enforce' | 'shadow'
}

/** The table was full and forgot a client that still owed; newcomers may be limited early. Read-only. */
export interface RateLimitEvictedEvent {
  /** How many clients were forgotten so far, of this registration. */
  readonly evictions: number
  /** How many clients the table can hold. */
  readonly capacity: number
}

/** A store stopped answering, or answers again. Read-only. */
export interface RateLimitStoreEvent {
  readonly available: boolean
  /** The part that it is about, where parts fail one by one: in a Redis Cluster the node's address. Otherwise empty. */
  readonly part: string
  /** What happened, as text for people. */
  readonly reason: string
}

declare module '@holdfast/core' {
  interface ChannelPayloads {
    /** A request was within its limit. */
    'holdfast:rate-limit:allowed': RateLimitEvent
    /** A request was within its limit, and a fifth of the limit or less remains. */
    'holdfast:rate-limit:near-limit': RateLimitEvent
    /** A request exceeded its limit: it is answered with 429, or in shadow mode goes on. */
    'holdfast:rate-limit:denied': RateLimitEvent
    /** The table of clients was full. */
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
