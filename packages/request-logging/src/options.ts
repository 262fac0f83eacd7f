import {
  check,
  checkOptions,
  type Duration,
  describe,
  InvalidOptionError,
  type OptionCheck,
  type OptionShape,
  parseDuration
} from '@holdfast/core/options'
import { FOREIGN_NAMES } from './foreign-names.ts'
import {
  DEFAULT_LEVELS,
  type LevelFunction,
  type Levels,
  type LevelTable,
  LOG_LEVELS,
  levelsOf
} from './level.ts'
import {
  checkRequestIdOptions,
  type RequestIdOptions,
  type ResolvedRequestIdOptions,
  resolveRequestIdOptions
} from './request-id-options.ts'
import { Silence, type SilentRule } from './silence.ts'

type Write = (fields: object, message: string) => void

/** The part of a pino logger that is used: one call of one of these methods for a line. */
export interface RequestLogger {
  trace: Write
  debug: Write
  info: Write
  warn: Write
  error: Write
  fatal: Write
  /** When present, lines below the logger's level are not built at all. */
  isLevelEnabled?(level: string): boolean
  /** When present, it is called once for each route that has a `logLevel` of its own. */
  child?(bindings: object, options: { level: string }): RequestLogger
  /** When present, the app's close waits for it, for two seconds at most. */
  flush?(done: (error?: Error) => void): void
}

/** Options of the plugin. */
export interface RequestLoggingOptions {
  /**
   * Where the lines go: any pino-like logger. It is flushed when the app closes, but closing it is
   * up to its owner.
   *
   * @default app.log
   */
  readonly logger?: RequestLogger | undefined
  /**
   * The names on a line: the suite's own, with milliseconds, or those of OpenTelemetry's semantic
   * conventions, with seconds.
   *
   * @default 'native'
   */
  readonly format?: 'native' | 'otel' | undefined
  /**
   * The level of a line: a table of outcomes, in which those left out keep the default, or a
   * function of how the request went. `'silent'` writes no line. A function that throws, or returns
   * anything but a level (a promise, for example), is reported once; the default then applies.
   *
   * @default info for ok, client-error and hijacked; warn for slow, refused, aborted and malformed;
   * error for server-error and cut
   */
  readonly level?: LevelTable | LevelFunction | undefined
  /**
   * Which requests write no line:
   *
   * - `'probes'`: routes with `config: { holdfast: { probe: true } }` and the probes of
   *   `@holdfast/lifecycle`
   * - a path: `'/metrics'` itself, or with a star, `'/assets/*'`, every path that begins so
   * - a function that returns `true`; one that throws or returns a promise is reported once, and
   *   silences nothing
   * - `false`: none
   *
   * Probes and paths have a line all the same when an error was thrown and answered with 5xx. The
   * `logLevel` of a probe's route does not count.
   *
   * @default 'probes'
   */
  readonly silent?: SilentRule | readonly SilentRule[] | false | undefined
  /**
   * The time from which a request is slow. A slow request is never left out by `sample`, has the
   * field `slow`, and if it went well the level `slow`. `false`: no request is slow.
   *
   * @default '1s'
   */
  readonly slow?: Duration | false | undefined
  /**
   * The share, 0 to 1, that is written of the requests that went well (`ok`, `hijacked`) and were
   * not slow. It is chosen by the trace id, so that services with the same share keep the same
   * traces; without a trace it is chosen by the id of the request.
   *
   * @default 1
   */
  readonly sample?: number | undefined
  /**
   * The parameters of the query whose values are written; of all others only the names. @default
   * none
   */
  readonly query?: { readonly show?: readonly string[] | undefined } | undefined
  /** Names of request headers to write. Those that carry credentials are refused. @default none */
  readonly headers?: readonly string[] | undefined
  /**
   * Where ids of requests come from. `false` leaves them to Fastify. So does leaving the option out
   * when Fastify was given a `genReqId` or `requestIdHeader`.
   *
   * @default { header: false, generate: 'uuidv7', echo: false }
   */
  readonly requestId?: RequestIdOptions | false | undefined
}

/** `config.requestLogging` of a route. `false` in its place writes no line at all. */
export interface RequestLoggingRouteOptions {
  /** As the plugin's `level`. What a table leaves out has the plugin's level. */
  readonly level?: LevelTable | LevelFunction | undefined
  /** As the plugin's `slow`. */
  readonly slow?: Duration | false | undefined
  /** As the plugin's `sample`. */
  readonly sample?: number | undefined
}

/** {@link RequestLoggingRouteOptions}, ready for use. */
export interface ResolvedRouteOptions {
  readonly levels: Levels
  /** Milliseconds; `Infinity` when nothing is slow. */
  readonly slow: number
  /** A share, 0 to 1. */
  readonly sample: number
}

/** {@link RequestLoggingOptions}, ready for use. */
export interface ResolvedRequestLoggingOptions extends ResolvedRouteOptions {
  readonly logger: RequestLogger | undefined
  readonly format: 'native' | 'otel'
  readonly silence: Silence
  readonly show: ReadonlySet<string>
  /** Lower case. */
  readonly headers: readonly string[]
  /** `undefined`: ids are left as they are. */
  readonly requestId: ResolvedRequestIdOptions | undefined
}

const levelName = check.oneOf(...LOG_LEVELS, 'silent')

const levelTable = check.shape(
  Object.fromEntries(Object.keys(DEFAULT_LEVELS.table).map((outcome) => [outcome, levelName]))
)

const level: OptionCheck = (value, option) => {
  // Not `either`: the error should name the entry of the table that is wrong.
  if (typeof value === 'function') return
  if (typeof value !== 'object' || value === null) {
    const expected = "a table of outcomes, as in { ok: 'debug' }, or a function"
    throw new InvalidOptionError(option, expected, describe(value))
  }
  levelTable(value, option)
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

const isSilentRule = (value: unknown): boolean =>
  typeof value === 'function' ||
  value === 'probes' ||
  (typeof value === 'string' && value.startsWith('/'))

const silent: OptionCheck = (value, option) => {
  if (value === false || isSilentRule(value)) return
  if (Array.isArray(value) && value.every(isSilentRule)) return
  throw new InvalidOptionError(
    option,
    '"probes", a path that begins with "/", a function, a list of these, or false',
    describe(value)
  )
}

const SECRET_HEADERS: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie'
])

const header: OptionCheck = (value, option) => {
  check.text(value, option)
  if (SECRET_HEADERS.has(String(value).toLowerCase())) {
    throw new InvalidOptionError(
      option,
      'the name of a header without credentials; add what you need of it with request.addLogFields()',
      describe(value)
    )
  }
}

const routeShape: OptionShape = {
  level,
  slow: check.either('a duration of at least 0 ms, or false', check.oneOf(false), check.duration()),
  sample: check.number({ min: 0, max: 1 })
}

const checkRouteShape: OptionCheck = check.shape(routeShape, FOREIGN_NAMES)

const pluginShape: OptionShape = {
  ...routeShape,
  logger,
  format: check.oneOf('native', 'otel'),
  silent,
  query: check.shape({ show: check.listOf(check.text) }),
  headers: check.listOf(header),
  requestId: checkRequestIdOptions
}

const DEFAULT_SLOW = 1000

const DEFAULT_ROUTE: ResolvedRouteOptions = {
  levels: DEFAULT_LEVELS,
  slow: DEFAULT_SLOW,
  sample: 1
}

/** @throws UnknownOptionError, InvalidOptionError */
export function resolveRequestLoggingOptions(
  given: RequestLoggingOptions
): ResolvedRequestLoggingOptions {
  checkOptions('requestLogging', given, pluginShape, FOREIGN_NAMES)
  return Object.freeze({
    ...resolveRouteOptions(given, DEFAULT_ROUTE),
    logger: given.logger,
    format: given.format ?? 'native',
    silence: new Silence(rulesOf(given.silent)),
    show: new Set(given.query?.show ?? []),
    headers: (given.headers ?? []).map((name) => name.toLowerCase()),
    requestId: given.requestId === false ? undefined : resolveRequestIdOptions(given.requestId)
  })
}

function rulesOf(silent: RequestLoggingOptions['silent']): readonly SilentRule[] {
  if (silent === undefined) return ['probes']
  if (silent === false) return []
  return typeof silent === 'object' ? silent : [silent]
}

/** Puts the checked options of a route in front of those of the plugin. */
export function resolveRouteOptions(
  given: RequestLoggingRouteOptions,
  plugin: ResolvedRouteOptions
): ResolvedRouteOptions {
  return {
    levels: levelsOf(given.level, plugin.levels),
    slow: given.slow === undefined ? plugin.slow : slowOf(given.slow),
    sample: given.sample ?? plugin.sample
  }
}

function slowOf(slow: Duration | false): number {
  return slow === false ? Infinity : parseDuration(slow, 'slow')
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
