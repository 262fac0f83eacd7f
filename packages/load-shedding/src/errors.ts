/**
 * The error of a request that is refused.
 */
import { type CodedErrorConstructor, defineError } from '@holdfast/core/options'

/**
 * A request that was refused because the service cannot finish all in time. An error handler that you
 * set is given it; the header fields are on the reply already.
 */
export const OverloadedError: CodedErrorConstructor<'HOLDFAST_ERR_LOAD_SHEDDING_OVERLOADED'> =
  defineError(
    'HOLDFAST_ERR_LOAD_SHEDDING_OVERLOADED',
    'The service is overloaded. Try again in %s s.',
    503
  )
