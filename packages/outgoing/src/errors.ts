/**
 * The errors of this package.
 */
import { type CodedErrorConstructor, defineError } from '@holdfast/core/options'

/** A call that took longer than its `timeout`, or than the request it is made for has time. */
export const CallDeadlineError: CodedErrorConstructor<'HOLDFAST_ERR_OUTGOING_DEADLINE'> =
  defineError(
    'HOLDFAST_ERR_OUTGOING_DEADLINE',
    'The call of the upstream "%s" was given up: %s.',
    504
  )

/** A call whose last try had no answer within `tryTimeout`. */
export const TryTimeoutError: CodedErrorConstructor<'HOLDFAST_ERR_OUTGOING_TRY_TIMEOUT'> =
  defineError(
    'HOLDFAST_ERR_OUTGOING_TRY_TIMEOUT',
    'The upstream "%s" did not answer within the tryTimeout of %s ms.',
    504
  )

/** A call that was refused because `maxConcurrent` calls wait for their answers. */
export const UpstreamFullError: CodedErrorConstructor<'HOLDFAST_ERR_OUTGOING_FULL'> = defineError(
  'HOLDFAST_ERR_OUTGOING_FULL',
  'As many calls of the upstream "%s" wait for an answer as its maxConcurrent of %s allows.',
  503
)

/** A call that was given up because the client of its request has left. */
export const ClientLeftError: CodedErrorConstructor<'HOLDFAST_ERR_OUTGOING_CLIENT_LEFT'> =
  defineError(
    'HOLDFAST_ERR_OUTGOING_CLIENT_LEFT',
    'The call of the upstream "%s" was given up: the client of the request has left.',
    503
  )

/** A try that was stopped because another one of the same call answered first. No call ends with it. */
export const HedgeLostError: CodedErrorConstructor<'HOLDFAST_ERR_OUTGOING_HEDGE_LOST'> =
  defineError(
    'HOLDFAST_ERR_OUTGOING_HEDGE_LOST',
    'Another try of the same call of the upstream "%s" has answered first.',
    503
  )

/** A call that was refused, or given up, because the app has closed. */
export const UpstreamClosedError: CodedErrorConstructor<'HOLDFAST_ERR_OUTGOING_CLOSED'> =
  defineError(
    'HOLDFAST_ERR_OUTGOING_CLOSED',
    'The call of the upstream "%s" was given up: the app has closed. Make such calls before it does, or see to them in a step of the shutdown.',
    503
  )

/** A path that leads to another origin. */
export const ForeignPathError: CodedErrorConstructor<'HOLDFAST_ERR_OUTGOING_FOREIGN_PATH'> =
  defineError(
    'HOLDFAST_ERR_OUTGOING_FOREIGN_PATH',
    'The path "%s" does not lead to the upstream "%s" at %s. Give a path of that origin, or declare an upstream for the other one.',
    500
  )

/** One name with two sets of options. */
export const UpstreamConflictError: CodedErrorConstructor<'HOLDFAST_ERR_OUTGOING_CONFLICT'> =
  defineError(
    'HOLDFAST_ERR_OUTGOING_CONFLICT',
    'The upstream "%s" exists with other options (%s). Give the same options wherever you name it, or leave them out, or choose another name.',
    500
  )

/** A name that no upstream has. */
export const UnknownUpstreamError: CodedErrorConstructor<'HOLDFAST_ERR_OUTGOING_UNKNOWN'> =
  defineError(
    'HOLDFAST_ERR_OUTGOING_UNKNOWN',
    'There is no upstream "%s". Declare it: app.upstream("%s", { origin }).',
    500
  )

/** An upstream with a breaker, in an app without breakers. */
export const NoBreakersError: CodedErrorConstructor<'HOLDFAST_ERR_OUTGOING_NO_BREAKERS'> =
  defineError(
    'HOLDFAST_ERR_OUTGOING_NO_BREAKERS',
    'The upstream "%s" has a breaker, but the app has no @holdfast/circuit-breaker. Register it before the upstream is declared, or set breaker: false.',
    500
  )

const CodedExpiredError: CodedErrorConstructor<'HOLDFAST_ERR_OUTGOING_EXPIRED'> = defineError(
  'HOLDFAST_ERR_OUTGOING_EXPIRED',
  'The time of the request was over before its handler began.',
  503
)

/** A request whose time was over before its handler began: nobody waits for its answer any more. */
export class RequestExpiredError extends CodedExpiredError {
  // Answers of a shortened time must not be kept for those who have more.
  override readonly headers: Record<string, string> = {
    'cache-control': 'no-store',
    'retry-after': '1'
  }
}
