import {
  checkOptions,
  describe,
  InvalidOptionError,
  type OptionCheck,
  type OptionShape,
  oneOf,
  shapeOf
} from '@holdfast/core'
import {
  DEFAULT_LEVELS,
  type LevelFunction,
  type LevelTable,
  LOG_LEVELS,
  levelByOutcome,
  levelFunction
} from './level.ts'

type Write = (fields: object, message: string) => void

/** The part of a pino logger that is used: one call of one of these for a line. */
export interface RequestLogger {
  trace: Write
  debug: Write
  info: Write
  warn: Write
  error: Write
  fatal: Write
  /** Where there is one, lines below the logger's level are not even built. */
  isLevelEnabled?(level: string): boolean
}

/** Options of the plugin. */
export interface RequestLoggingOptions {
  /**
   * Where the lines go: any pino-like logger. It stays its owner's to flush and to close.
   *
   * @default app.log
   */
  logger?: RequestLogger | undefined
  /**
   * The level of a line: a table of outcomes, in which those left out keep the default, or a
   * function. `'silent'` writes no line. A function that throws, or returns no level, is reported
   * once, and the default applies.
   *
   * @default info for ok, client-error and hijacked; warn for refused, aborted and malformed; error
   * for server-error and cut
   */
  level?: LevelTable | LevelFunction | undefined
  /**
   * What writes no line: `'probes'` means routes with `config: { holdfast: { probe: true } }` and
   * the probes of `@holdfast/lifecycle`, unless an error was thrown and answered with 500 or more;
   * `false` means nothing.
   *
   * @default 'probes'
   */
  silent?: 'probes' | false | undefined
}

/** `config.requestLogging` of a route; `false` in its place writes no line at all. */
export interface RequestLoggingRouteOptions {
  /** As the plugin's `level`. What it leaves out has the plugin's level. */
  level?: LevelTable | LevelFunction | undefined
}

/** What the options of the plugin come to. */
export interface ResolvedRequestLoggingOptions {
  readonly logger: RequestLogger | undefined
  readonly level: LevelFunction
  readonly silentProbes: boolean
}

const levelName = oneOf(...LOG_LEVELS, 'silent')

const levelTable = shapeOf(
  Object.fromEntries(Object.keys(DEFAULT_LEVELS).map((outcome) => [outcome, levelName]))
)

const level: OptionCheck = (value, option) => {
  // Not `either`: a table with a wrong entry should be told which entry it is.
  if (typeof value !== 'function') levelTable(value, option)
}

const logger: OptionCheck = (value, option) => {
  const missing = LOG_LEVELS.filter(
    (name) => typeof (value as Partial<RequestLogger> | null)?.[name] !== 'function'
  )
  if (missing.length > 0) {
    throw new InvalidOptionError(
      option,
      `a logger with the methods ${LOG_LEVELS.join(', ')}`,
      `${describe(value)} without ${missing.join(', ')}`
    )
  }
}

const routeShape: OptionShape = { level }

const checkRouteShape: OptionCheck = shapeOf(routeShape)

const pluginShape: OptionShape = { ...routeShape, logger, silent: oneOf('probes', false) }

/** @throws UnknownOptionError, InvalidOptionError */
export function resolveRequestLoggingOptions(
  given: RequestLoggingOptions
): ResolvedRequestLoggingOptions {
  checkOptions('requestLogging', given, pluginShape)
  return Object.freeze({
    logger: given.logger,
    level: levelFunction(given.level, levelByOutcome),
    silentProbes: given.silent !== false
  })
}

/**
 * Checks the `config.requestLogging` of a route.
 *
 * @param route names the route in the message: `GET /orders`
 * @throws UnknownOptionError, InvalidOptionError
 */
export function checkRouteOptions(given: unknown, route: string): void {
  const option = `config.requestLogging of ${route}`
  if (given === false) return
  if (typeof given !== 'object' || given === null) {
    throw new InvalidOptionError(option, 'an object of options, or false', describe(given))
  }
  checkRouteShape(given, option)
}
