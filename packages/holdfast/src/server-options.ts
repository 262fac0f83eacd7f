import { check, describe, InvalidOptionError } from '@holdfast/core/options'
import { type ServerTimeouts, serverTimeouts, type TimeoutOptions } from '@holdfast/lifecycle'
import { type LogControllerClass, logController } from '@holdfast/request-logging/log-controller'
import fastify, {
  type FastifyBaseLogger,
  type FastifyServerOptions,
  type LogController
} from 'fastify'

/** What {@link serverOptions} is made of. */
export interface ServerSettings {
  /** How long a request, a handler and an idle connection may take. @default 5 s, 10 s, 2 minutes */
  readonly timeouts?: TimeoutOptions | undefined
  /** Fastify's `logger` option. @default true */
  readonly logger?: NonNullable<FastifyServerOptions['logger']> | undefined
}

/** {@link ServerSettings} with a logger that exists already. */
export interface ServerSettingsWithLogger<Logger extends FastifyBaseLogger> {
  /** As in {@link ServerSettings}. */
  readonly timeouts?: TimeoutOptions | undefined
  /** Fastify's `loggerInstance` option, in the place of `logger`. */
  readonly loggerInstance: Logger
}

/** How Fastify is told to leave the lines of requests to the suite: by version, one or the other. */
export type QuietLogging = { logController: LogController } | { disableRequestLogging: true }

/** Options for `Fastify(...)`. */
export type ServerOptions = ServerTimeouts &
  QuietLogging & { logger: NonNullable<FastifyServerOptions['logger']> }

/** Options for `Fastify(...)` with a logger that exists already. */
export type ServerOptionsWithLogger<Logger extends FastifyBaseLogger> = ServerTimeouts &
  QuietLogging & { loggerInstance: Logger }

const checkSettings = check.shape({
  timeouts: check.object,
  logger: check.either('true, false or an object of options', check.boolean, check.object),
  loggerInstance: check.object
})

/**
 * The options for `Fastify(...)` that no plugin can set later: the server's timeouts, a logger, and
 * that each request gets the suite's one line instead of Fastify's two.
 *
 * ```js
 * const app = Fastify(serverOptions({ timeouts: { handler: '20s' } }))
 * ```
 *
 * @throws UnknownOptionError, InvalidOptionError
 */
export function serverOptions<Logger extends FastifyBaseLogger>(
  settings: ServerSettingsWithLogger<Logger>
): ServerOptionsWithLogger<Logger>
export function serverOptions(settings?: ServerSettings): ServerOptions
export function serverOptions(
  settings: ServerSettings & { loggerInstance?: FastifyBaseLogger } = {}
): ServerOptions | ServerOptionsWithLogger<FastifyBaseLogger> {
  checkSettings(settings, 'serverOptions')
  const { timeouts, logger, loggerInstance } = settings
  const options = { ...serverTimeouts(timeouts), ...quietLogging(fastify.LogController) }
  if (loggerInstance === undefined) return { ...options, logger: logger ?? true }
  if (logger === undefined) return { ...options, loggerInstance }
  throw new InvalidOptionError(
    'serverOptions.logger',
    'left out where there is a loggerInstance',
    describe(logger)
  )
}

/** @param Base Fastify's class, which it has since 5.10 */
export function quietLogging(Base: LogControllerClass | undefined): QuietLogging {
  return Base === undefined
    ? { disableRequestLogging: true }
    : { logController: logController(Base) }
}
