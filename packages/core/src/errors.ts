import createError, { type FastifyError } from '@fastify/error'

/** An error class made by {@link defineError}. Called with the values of the message's `%s`. */
export interface CodedErrorConstructor<Code extends string = string> {
  new (...values: (string | number)[]): CodedError<Code>
  readonly prototype: CodedError<Code>
}

/** An error with a code, a status and, where a client should see them, headers. */
export type CodedError<Code extends string = string> = FastifyError & {
  code: Code
  statusCode: number
  /** Headers that belong on the answer. Fastify's own error handler sends them too. */
  headers?: Record<string, string>
  /** Members added to the problem+json body (RFC 9457), `type` and `title` among them. */
  problem?: Record<string, unknown>
}

/**
 * Makes an error class with a code, a message with `%s` for its values, and an HTTP status.
 * Its instances carry no stack: they are answers to clients and to wrong options, not crashes,
 * and a stack costs more than the refusal it describes.
 */
export function defineError<const Code extends string>(
  code: Code,
  message: string,
  status: number
): CodedErrorConstructor<Code> {
  // The library types `statusCode` as optional because its default may be turned off; ours is given.
  return createError(code, message, status, Error, false) as unknown as CodedErrorConstructor<Code>
}

/** An option that the plugin does not know. */
export const UnknownOptionError: CodedErrorConstructor<'HOLDFAST_ERR_OPTION_UNKNOWN'> = defineError(
  'HOLDFAST_ERR_OPTION_UNKNOWN',
  '%s: the option "%s" does not exist. Remove it, or use one of: %s.',
  500
)

/** An option with a value that cannot work. */
export const InvalidOptionError: CodedErrorConstructor<'HOLDFAST_ERR_OPTION_INVALID'> = defineError(
  'HOLDFAST_ERR_OPTION_INVALID',
  'The option "%s" must be %s, but it is %s.',
  500
)

/** A plugin registered twice on the same Fastify instance. */
export const RegisteredTwiceError: CodedErrorConstructor<'HOLDFAST_ERR_REGISTERED_TWICE'> =
  defineError(
    'HOLDFAST_ERR_REGISTERED_TWICE',
    '%s is already registered on this Fastify instance. Remove one of the two registrations; a scope made with app.register() may have its own.',
    500
  )

/** A plugin that works on the root instance only, registered in an encapsulated scope. */
export const NotAtRootError: CodedErrorConstructor<'HOLDFAST_ERR_NOT_AT_ROOT'> = defineError(
  'HOLDFAST_ERR_NOT_AT_ROOT',
  '%s must be registered on the root Fastify instance, not inside an encapsulated scope (%s). Move its app.register() to the top level.',
  500
)
