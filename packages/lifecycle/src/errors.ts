import { type CodedErrorConstructor, defineError } from '@holdfast/core'

/**
 * The service is shutting down. It is the reason that `app.lifecycle.signal` aborts with, and what
 * a handler may throw that will not begin long work in a service that is about to leave. As the
 * error of a request it is answered with 503.
 */
export const ServerDrainingError: CodedErrorConstructor<'HOLDFAST_ERR_LIFECYCLE_DRAINING'> =
  defineError('HOLDFAST_ERR_LIFECYCLE_DRAINING', 'The server is shutting down.', 503)

/** A step that would never run: those of the shutdown have run already. */
export const StepTooLateError: CodedErrorConstructor<'HOLDFAST_ERR_LIFECYCLE_STEP_TOO_LATE'> =
  defineError(
    'HOLDFAST_ERR_LIFECYCLE_STEP_TOO_LATE',
    'The step "%s" would never run: the steps of the shutdown have run already. Call onShutdown() before the app closes.',
    500
  )
