/**
 * What the result of a call says about the dependency.
 */
import { contain, reportOnce } from '@holdfast/core'
import { describe, InvalidOptionError } from '@holdfast/core/options'
import type { CallOutcome } from './circuit/permit.ts'
import { isRefusal } from './errors.ts'

/**
 * How a call ended: with an `error`, with a `value`, or, around a route, with the `statusCode` of
 * the answer. The other two members are absent.
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
 * Decides what a result says about the dependency; `undefined` leaves it to the default rule. It is
 * not called when nothing can be said: the caller left, or a breaker refused.
 */
export type Classify = (result: CallResult) => CallOutcome | undefined

/** The outcome of a call that returned, or resolved with, `value`: a success by default. */
export function outcomeOfValue(
  classify: Classify | undefined,
  breaker: string,
  value: unknown
): CallOutcome {
  return classify === undefined ? 'success' : judge(classify, { breaker, value }, 'success')
}

/**
 * The outcome of a call that threw, or rejected with, `error`: a failure by default. A refusal by
 * another breaker says nothing about this one's dependency: it is excluded.
 */
export function outcomeOfError(
  classify: Classify | undefined,
  breaker: string,
  error: unknown
): CallOutcome {
  if (isRefusal(error)) return 'excluded'
  return classify === undefined ? 'failure' : judge(classify, { breaker, error }, 'failure')
}

/** The outcome of an answer with an HTTP status: as {@link defaultOutcomeOfStatus} by default. */
export function outcomeOfStatus(
  classify: Classify | undefined,
  breaker: string,
  statusCode: number
): CallOutcome {
  const byDefault = defaultOutcomeOfStatus(statusCode)
  return classify === undefined ? byDefault : judge(classify, { breaker, statusCode }, byDefault)
}

const NOT_IMPLEMENTED = 501
const VERSION_NOT_SUPPORTED = 505

/**
 * The meaning of an HTTP status: 500 and above is a failure, except 501 and 505, which say
 * something about the request.
 */
export function defaultOutcomeOfStatus(status: number): CallOutcome {
  if (status < 500) return 'success'
  return status === NOT_IMPLEMENTED || status === VERSION_NOT_SUPPORTED ? 'excluded' : 'failure'
}

/** Asks the user's rule. One that throws, or returns something else, is reported once. */
function judge(classify: Classify, result: CallResult, byDefault: CallOutcome): CallOutcome {
  try {
    const outcome: unknown = classify(result)
    if (outcome === undefined) return byDefault
    if (outcome === 'success' || outcome === 'failure' || outcome === 'excluded') return outcome
    contain(outcome, classify, optionOf(result))
    const expected = "a function that returns 'success', 'failure', 'excluded' or undefined"
    const got = outcome instanceof Promise ? 'a promise' : describe(outcome)
    throw new InvalidOptionError('classify', expected, `one that returned ${got}`)
  } catch (error) {
    reportOnce(classify, optionOf(result), error)
    return byDefault
  }
}

function optionOf({ breaker }: CallResult): string {
  return `the option classify of the circuit breaker "${breaker}"`
}
