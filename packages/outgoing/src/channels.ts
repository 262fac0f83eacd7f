/**
 * The channels of outgoing calls.
 */
import { type Channel, channel } from '@holdfast/core'
import type { FastifyRequest } from 'fastify'
import type { NoRetryReason } from './retry-rules.ts'
import type { TryOutcome } from './verdict.ts'

/** A try has ended: its answer has been read, or left unread for half a minute, or there is none. Read-only. */
export interface OutgoingTry {
  /**
   * The name of the upstream. A redirect to the origin of another upstream is a try of that one; to an
   * origin that no upstream has, it goes by the name of the one that redirected.
   */
  readonly upstream: string
  /** The method of its request, in capitals where it is one of HTTP's. */
  readonly method: string
  /** Which try of its call it was, from 1. */
  readonly attempt: number
  /** Whether it was made because the one before had not answered yet. */
  readonly hedge: boolean
  /** The status of its answer; `undefined` when there was none. */
  readonly status: number | undefined
  /** Why it failed, or was stopped: an error, or text such as `'status 503'`. */
  readonly error: unknown
  /** What it says about the upstream. */
  readonly outcome: TryOutcome
  /**
   * Milliseconds that it waited for a connection; `undefined` when it got none. A long wait is that of
   * the pool of this process.
   */
  readonly queued: number | undefined
  /** Milliseconds until its answer began, or until it failed. */
  readonly duration: number
}

/** A try has failed in a way that another one may make good. Read-only. */
export interface OutgoingRetry {
  /** The name of the upstream. */
  readonly upstream: string
  /** Which try of its call has failed, from 1. */
  readonly attempt: number
  /** `'scheduled'` when it is made again; otherwise why not. */
  readonly reason: 'scheduled' | NoRetryReason
  /** Milliseconds until the next try; `undefined` when there is none. */
  readonly wait: number | undefined
}

/** A request was refused because its time was over before its handler began. Read-only. */
export interface RequestExpired {
  readonly request: FastifyRequest
  /** Milliseconds since its time was over. */
  readonly late: number
}

declare module '@holdfast/core' {
  interface ChannelPayloads {
    /** A request was refused: its time was over before its handler began. */
    'holdfast:outgoing:expired': RequestExpired
    /** A try of an outgoing call has ended. */
    'holdfast:outgoing:try': OutgoingTry
    /** It was decided whether a failed try is made again. */
    'holdfast:outgoing:retry': OutgoingRetry
  }
}

export const expiredChannel: Channel<RequestExpired> = channel('holdfast:outgoing:expired')
export const tryChannel: Channel<OutgoingTry> = channel('holdfast:outgoing:try')
const retryChannel: Channel<OutgoingRetry> = channel('holdfast:outgoing:retry')

/** Publishes the decision about a retry, if somebody listens. */
export function publishRetry(
  upstream: string,
  attempt: number,
  reason: OutgoingRetry['reason'],
  wait?: number
): void {
  if (!retryChannel.hasSubscribers) return
  retryChannel.publish(Object.freeze({ upstream, attempt, reason, wait }))
}
