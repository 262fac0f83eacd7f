import { type CodedErrorConstructor, defineError } from '@holdfast/core/options'

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

/** The rejection of `app.listen()` in an app that was closed while it booted. */
export const ClosedBeforeListeningError: CodedErrorConstructor<'HOLDFAST_ERR_LIFECYCLE_CLOSED_BEFORE_LISTENING'> =
  defineError(
    'HOLDFAST_ERR_LIFECYCLE_CLOSED_BEFORE_LISTENING',
    'The app was closed before it could listen. Wait for app.listen() before you call app.close().',
    500
  )

/** A second check of the same name. */
export const CheckExistsError: CodedErrorConstructor<'HOLDFAST_ERR_LIFECYCLE_CHECK_EXISTS'> =
  defineError(
    'HOLDFAST_ERR_LIFECYCLE_CHECK_EXISTS',
    'There is a check "%s" already. Give this one another name.',
    500
  )

/** A route of the app on the path of a probe. The values are the path and the option that moves the probe. */
export const ProbePathTakenError: CodedErrorConstructor<'HOLDFAST_ERR_LIFECYCLE_PROBE_PATH_TAKEN'> =
  defineError(
    'HOLDFAST_ERR_LIFECYCLE_PROBE_PATH_TAKEN',
    'There is a route GET %s in the app, and lifecycle answers its probe there. Remove the route and give what it looks at as health: { checks: { name: fn } }, or move the probe with %s, or leave all probes to the app with health: false.',
    500
  )

const CodedPressureError: CodedErrorConstructor<'HOLDFAST_ERR_LIFECYCLE_UNDER_PRESSURE'> =
  defineError(
    'HOLDFAST_ERR_LIFECYCLE_UNDER_PRESSURE',
    'The service is under pressure. Try again in %s s.',
    503
  )

/**
 * The process is pressed beyond a threshold of the option `pressure`. Goes to the user's error
 * handler where there is one, with the status 503 and `Retry-After` already set on the reply.
 */
export class UnderPressureError extends CodedPressureError {
  override readonly headers: Record<string, string>

  /** @param retryAfter whole seconds */
  constructor(retryAfter: number) {
    super(retryAfter)
    this.headers = { 'retry-after': String(retryAfter) }
  }
}
