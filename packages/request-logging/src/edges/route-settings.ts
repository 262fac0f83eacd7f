/**
 * The settings of each route for its lines, resolved once.
 */
import { guardedLog, printable, reportOnce, routeConfig } from '@holdfast/core'
import type { FastifyRequest } from 'fastify'
import type { LineRules } from '../line-decision.ts'
import {
  checkRouteOptions,
  type RequestLogger,
  type RequestLoggingRouteOptions,
  type ResolvedRequestLoggingOptions,
  resolveRouteOptions
} from '../options.ts'
import { Silence } from '../silence.ts'
import { Verdicts } from '../verdict.ts'

/** The settings of one route. */
export interface RouteSettings extends LineRules {
  /** The route as it was declared. */
  readonly route: string | undefined
  /** The logger, with the `logLevel` of the route. */
  readonly logger: RequestLogger
  /** What was decided so far. */
  readonly verdicts: Verdicts
}

type Undecided = Omit<RouteSettings, 'verdicts'>

function decidable(settings: Undecided): RouteSettings {
  return { ...settings, verdicts: new Verdicts(settings) }
}

const MAX_ROUTE_LENGTH = 1024

const NO_SILENCE = new Silence([])

/** The settings of the routes below one registration of the plugin. */
export class RouteSettingsTable {
  /** For what was never routed. */
  readonly unrouted: RouteSettings
  readonly #resolved = new WeakMap<object, RouteSettings>()

  constructor(
    { levels, slow, sample, silence }: ResolvedRequestLoggingOptions,
    semicolons: boolean,
    logger: RequestLogger
  ) {
    this.unrouted = decidable({
      route: undefined,
      logger,
      silent: false,
      silence,
      probe: false,
      levels,
      slow,
      sample,
      semicolons
    })
  }

  /** The settings for a request; `undefined` for one that was never routed. */
  of(request: FastifyRequest | undefined): RouteSettings {
    if (request === undefined) return this.unrouted
    const config = routeConfig(request)
    let settings = this.#resolved.get(config)
    if (settings === undefined) {
      settings = decidable(this.#resolve(request))
      this.#resolved.set(config, settings)
    }
    return settings
  }

  #resolve(request: FastifyRequest): Undecided {
    const { unrouted } = this
    const config = routeConfig(request)
    const given: unknown = config.requestLogging
    const probe = config.holdfast?.probe === true
    const { logLevel } = request.routeOptions
    const settings: Undecided = {
      ...unrouted,
      route: config.url && printable(config.url, MAX_ROUTE_LENGTH),
      // The level of a probe is there to silence Fastify's lines; of ours the option `silent` decides.
      logger: probe ? unrouted.logger : loggerFor(logLevel, unrouted.logger),
      probe,
      silent: given === false
    }
    if (given === undefined || given === false) return settings
    try {
      checkRouteOptions(given, `${request.method} ${config.url}`)
    } catch (error) {
      // Declared before the plugin, where it could not stop the boot any more.
      const { message } = error as Error
      const log = guardedLog(unrouted.logger)
      log.error({ err: error }, `${message} The plugin's options apply.`)
      return settings
    }
    const options = resolveRouteOptions(given as RequestLoggingRouteOptions, unrouted)
    // Whoever sets options for a route wants its lines: the plugin's `silent` does not apply to it.
    return { ...settings, ...options, silence: NO_SILENCE }
  }
}

/** A route may have a `logLevel` of its own, higher or lower than the logger's. */
function loggerFor(logLevel: string | undefined, logger: RequestLogger): RequestLogger {
  if (!logLevel || logger.child === undefined) return logger
  try {
    return logger.child({}, { level: logLevel })
  } catch (error) {
    reportOnce(logger, 'the logger of requestLogging', error)
    return logger
  }
}
