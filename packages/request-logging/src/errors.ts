import { type CodedErrorConstructor, defineError } from '@holdfast/core/options'

/** The Fastify in use has no log controllers. */
export const LogControllerMissingError: CodedErrorConstructor<'HOLDFAST_ERR_REQUEST_LOGGING_NO_LOG_CONTROLLER'> =
  defineError(
    'HOLDFAST_ERR_REQUEST_LOGGING_NO_LOG_CONTROLLER',
    'This version of Fastify has no log controllers; they came with 5.10. Use Fastify({ disableRequestLogging: true }) instead, or update Fastify.',
    500
  )
