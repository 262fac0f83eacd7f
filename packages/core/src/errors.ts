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
  /** The same as `statusCode`, for frameworks that read the errors of http-errors. On the prototype. */
  readonly status: number
  /** Whether clients may read the message: not of a mistake in the program. On the prototype. */
  readonly expose: boolean
  /** Headers that belong on the answer. Fastify's own error handler sends them too. */
  headers?: Record<string, string> | undefined
  /** Members added to the problem+json body (RFC 9457), `type` and `title` among them. */
  problem?: Record<string, unknown> | undefined
}

/** The status of an error that no client and no dependency caused. */
const MISTAKE = 500

/**
 * Makes an error class with a code, a message with `%s` for its values, and an HTTP status.
 *
 * With the status 500 its instances are mistakes in the program, such as a wrong option: they carry
 * a stack, so that they can be found where nobody catches them. With any other status they are answers,
 * and their `stack` is empty: it would cost more than the refusal it describes.
 */
export function defineError<const Code extends string>(
  code: Code,
  message: string,
  status: number
): CodedErrorConstructor<Code> {
  const Coded = createError(code, message, status, Error, false)
  const isMistake = status === MISTAKE
  Object.assign(Coded.prototype, { status, expose: !isMistake })
  // The name that loggers show as the type of the error.
  class FastifyError extends Coded {
    constructor(...values: (string | number)[]) {
      super(...values)
      if (isMistake) Error.captureStackTrace(this, new.target)
      // Without any stack of its own, Node takes it for no error where nobody catches it.
      else this.stack = ''
    }
  }
  // The library declares `statusCode` as optional because its default may be turned off; ours is given.
  return FastifyError as unknown as CodedErrorConstructor<Code>
}

/** An option that the plugin does not know. The last value is the remedy, a sentence. */
export const UnknownOptionError: CodedErrorConstructor<'HOLDFAST_ERR_OPTION_UNKNOWN'> = defineError(
  'HOLDFAST_ERR_OPTION_UNKNOWN',
  '%s: the option "%s" does not exist. %s',
  500
)

/** An option with a value that cannot work. */
export const InvalidOptionError: CodedErrorConstructor<'HOLDFAST_ERR_OPTION_INVALID'> = defineError(
  'HOLDFAST_ERR_OPTION_INVALID',
  'The option "%s" must be %s, but it is %s.',
  500
)

/** A plugin registered twice on the same Fastify instance. The last value is the remedy, a sentence. */
export const RegisteredTwiceError: CodedErrorConstructor<'HOLDFAST_ERR_REGISTERED_TWICE'> =
  defineError(
    'HOLDFAST_ERR_REGISTERED_TWICE',
    '%s is already registered on this Fastify instance. Remove one of the two registrations. %s',
    500
  )

/** A decorator that another plugin has added to the same Fastify instance before. */
export const DecoratorTakenError: CodedErrorConstructor<'HOLDFAST_ERR_DECORATOR_TAKEN'> =
  defineError(
    'HOLDFAST_ERR_DECORATOR_TAKEN',
    '%s adds the decorator "%s", which this Fastify instance has already, from another plugin. Remove that plugin, or give each of the two a scope of its own with app.register().',
    500
  )

/** A plugin that works on the root instance only, registered in an encapsulated scope. */
export const NotAtRootError: CodedErrorConstructor<'HOLDFAST_ERR_NOT_AT_ROOT'> = defineError(
  'HOLDFAST_ERR_NOT_AT_ROOT',
  '%s must be registered on the root Fastify instance, not inside an encapsulated scope (%s). Move its app.register() to the top level.',
  500
)

/** The options of a plugin for a route, in a place where they have no effect. */
export const MisplacedRouteOptionError: CodedErrorConstructor<'HOLDFAST_ERR_ROUTE_OPTION_MISPLACED'> =
  defineError(
    'HOLDFAST_ERR_ROUTE_OPTION_MISPLACED',
    '%s: %s has no effect. Write config: { %s: ... } in the options of the route.',
    500
  )

/** A port for operators that another listener has. The values: the option, the address, Node's error. */
export const AdminPortTakenError: CodedErrorConstructor<'HOLDFAST_ERR_ADMIN_PORT_TAKEN'> =
  defineError(
    'HOLDFAST_ERR_ADMIN_PORT_TAKEN',
    '%s: cannot listen on %s (%s). Choose another port, or stop what listens there. 9464 is also the port of the Prometheus exporter of OpenTelemetry: where that runs in this process, give one of the two another port.',
    500
  )

/** A path of the admin listener that is mounted twice. The values: the option, the path, the port. */
export const AdminPathTakenError: CodedErrorConstructor<'HOLDFAST_ERR_ADMIN_PATH_TAKEN'> =
  defineError(
    'HOLDFAST_ERR_ADMIN_PATH_TAKEN',
    '%s: the path %s of the admin listener at port %s is taken, by another app of this process or by another registration. Give one of the two another port.',
    500
  )
