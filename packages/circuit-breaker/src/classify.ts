/**
 * Which results say something about a dependency, and what.
 */
import { describe, InvalidOptionError, reportOnce } from '@holdfast/core'
import type { CallOutcome } from './circuit/permit.ts'
import { isRefusal } from './errors.ts'

/**
 * How a call ended: with an `error`, a `value`, or, around a route, the `statusCode` of the answer.
 * The two that it did not end with are absent.
 */
export interface CallResult {
  /** The name of the breaker. */
  readonly breaker: string
  /** What the call threw or rejected with, its timeout included. */
  readonly error?: unknown
  /** What the call returned or resolved with. */
  readonly value?: unknown
  readonly statusCode?: number
}

/**
 * Says what a result tells about the dependency; `undefined` leaves it to the default rule. It is
 * not asked where nothing can be told: the caller left, or a breaker refused.
 */
export type Classify = (result: CallResult) => CallOutcome | undefined

/** Asks the user's rule, if there is one. One that throws, or answers nonsense, is reported once. */
export function judge(
  classify: Classify | undefined,
  result: CallResult,
  byDefault: CallOutcome
): CallOutcome {
  if (classify === undefined) return byDefault
  try {
    const outcome: unknown = classify(result)
    if (outcome === undefined) return byDefault
    if (outcome === 'success' || outcome === 'failure' || outcome === 'excluded') return outcome
    const expected = "return 'success', 'failure', 'excluded' or undefined"
    throw new InvalidOptionError('classify', `a function that is to ${expected}`, describe(outcome))
  } catch (error) {
    reportOnce(classify, `the circuit breaker "${result.breaker}" (classify)`, error)
    return byDefault
  }
}

/**
 * What an error says. A refusal by another breaker is not news of this one's dependency: it is
 * excluded. Everything else is a failure.
 */
export function outcomeOfError(error: unknown): CallOutcome {
  return isRefusal(error) ? 'excluded' : 'failure'
}

const NOT_IMPLEMENTED = 501
const VERSION_NOT_SUPPORTED = 505

/**
 * What an HTTP status says: 500 and above is a failure, except 501 and 505, which are about the
 * request.
 */
export function outcomeOfStatus(status: number): CallOutcome {
  if (status < 500) return 'success'
  return status === NOT_IMPLEMENTED || status === VERSION_NOT_SUPPORTED ? 'excluded' : 'failure'
}
