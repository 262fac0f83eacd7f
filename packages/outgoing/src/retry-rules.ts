/**
 * Whether a try that failed is made again. Each rule keeps one promise: nothing is done twice that must
 * happen once, nobody waits for what cannot come in time, and an upstream in trouble is left alone.
 */
import { waitBefore } from './backoff.ts'

/** Why a try that failed is not made again. */
export type NoRetryReason =
  /** The request that the call is made for is a retry itself: it is the caller who tries again. */
  | 'retried-request'
  /** The body cannot be sent a second time. */
  | 'body'
  /** The call may have had an effect, and its method is not idempotent. */
  | 'method'
  /** The upstream asks to be left alone for longer than the call may take. */
  | 'retry-after'
  /** The wait and a usual answer take longer than what is left of the call's time. */
  | 'deadline'
  /** The breaker is open. */
  | 'breaker'
  /** The upstream has been sent as many retries as its budget allows. */
  | 'budget'

/** A try that failed, as far as it matters for another one. */
export interface FailedTry {
  /** In capitals. */
  readonly method: string
  /** Whether an `Idempotency-Key` makes a repetition harmless. */
  readonly isKeyed: boolean
  readonly isBodyRepeatable: boolean
  /** Whether anything of it may have reached the upstream. */
  readonly wasSent: boolean
  /** Which try it was, from 1. */
  readonly number: number
  /** Milliseconds that the upstream asked to be left alone for, 0 when it did not ask. */
  readonly retryAfter: number
}

/** What decides beside the try itself. */
export interface Circumstances {
  readonly mayRetry: boolean
  readonly isBreakerOpen: boolean
  /** Milliseconds left of the call's time. */
  readonly left: number
  /** Milliseconds that an answer of the upstream usually takes. */
  readonly usual: number
  /** A number from 0 to below 1. */
  readonly random: number
  /** Takes a retry from the budget, and returns whether there was one. Asked last. */
  takeRetry(): boolean
}

/** How many milliseconds to wait before the next try, or why there is none. */
export type RetryDecision = number | NoRetryReason

/** RFC 9110, section 9.2.2, and QUERY, which is safe by its draft. */
const IDEMPOTENT: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'PUT',
  'DELETE',
  'QUERY'
])

/** Too many requests, bad gateway, unavailable, gateway timeout. Not 500: that call was made. */
const RETRYABLE: ReadonlySet<number> = new Set([429, 502, 503, 504])

/** A call without any other bound does not wait longer than this, in milliseconds. */
const MAX_WAIT = 60_000

/** Whether an answer with this status says that another try may do better. */
export function isRetryable(status: number): boolean {
  return RETRYABLE.has(status)
}

/** Decides about the try after one that failed. */
export function decideRetry(failed: FailedTry, circumstances: Circumstances): RetryDecision {
  const { left, usual, random } = circumstances
  if (!circumstances.mayRetry) return 'retried-request'
  if (!failed.isBodyRepeatable) return 'body'
  if (failed.wasSent && !failed.isKeyed && !IDEMPOTENT.has(failed.method)) return 'method'
  const wait = waitBefore(failed.number, failed.retryAfter, random)
  if (wait > MAX_WAIT || wait + usual > left) {
    return failed.retryAfter > 0 ? 'retry-after' : 'deadline'
  }
  if (circumstances.isBreakerOpen) return 'breaker'
  return circumstances.takeRetry() ? wait : 'budget'
}
