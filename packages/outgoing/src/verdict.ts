/**
 * What the end of a try says about its upstream.
 */

/** A try worked, it failed, or it says nothing about the upstream. */
export type TryOutcome = 'success' | 'failure' | 'excluded'

/** Why a try was stopped from this side. */
export type StopReason =
  /** No answer within `tryTimeout`. */
  | 'try-timeout'
  /** The call has taken its `timeout`. */
  | 'timeout'
  /** The time of the request that the call is made for is over. */
  | 'deadline'
  /** The caller has left: the client of the request, or the call's own signal. */
  | 'caller'
  /** Another try of the same call has answered first. */
  | 'hedge'
  /** The app has closed. */
  | 'closed'

/** Errors of undici that are about the caller's arguments, or about a pool that was closed. */
const OWN_FAULTS: ReadonlySet<unknown> = new Set([
  'UND_ERR_INVALID_ARG',
  'UND_ERR_NOT_SUPPORTED',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
  'UND_ERR_CLOSED',
  'UND_ERR_DESTROYED'
])

/** Codes that clients of `node:http` give up with when their own timeout has passed: got, axios, request. */
const TIMEOUTS: ReadonlySet<unknown> = new Set(['ETIMEDOUT', 'ECONNABORTED', 'ESOCKETTIMEDOUT'])

const NOT_IMPLEMENTED = 501
const VERSION_NOT_SUPPORTED = 505

/** What a status says: 500 and above is a failure, except 501 and 505, which speak of the request. */
export function outcomeOfStatus(status: number): TryOutcome {
  if (status < 500) return 'success'
  return status === NOT_IMPLEMENTED || status === VERSION_NOT_SUPPORTED ? 'excluded' : 'failure'
}

/**
 * What it says that a try was stopped here. An upstream that did not answer in the time that its own
 * options allow has failed; everybody else's impatience says nothing about it.
 *
 * @param hasAnswered whether a good head had come before
 */
export function outcomeOfStop(reason: StopReason, hasAnswered: boolean): TryOutcome {
  const isOwnTime = reason === 'try-timeout' || reason === 'timeout'
  // Whether the body was slow to come or slow to be read cannot be told.
  if (hasAnswered) return isOwnTime ? 'excluded' : 'success'
  return isOwnTime ? 'failure' : 'excluded'
}

/**
 * What it says that the caller aborted a try with this error. A caller with a timeout of its own
 * (`AbortSignal.timeout()`) has waited in vain; any other has changed its mind.
 */
export function outcomeOfAbort(error: unknown, hasAnswered: boolean): TryOutcome {
  if (hasAnswered) return 'success'
  const isTimeout =
    memberOf(error, 'name') === 'TimeoutError' || TIMEOUTS.has(memberOf(error, 'code'))
  return isTimeout ? 'failure' : 'excluded'
}

/** Whether an error is a mistake of the caller's, or of a pool of connections, on this side. */
export function isOwnFault(error: unknown): boolean {
  return OWN_FAULTS.has(memberOf(error, 'code'))
}

function memberOf(error: unknown, name: 'name' | 'code'): unknown {
  return typeof error === 'object' && error !== null ? Reflect.get(error, name) : undefined
}
