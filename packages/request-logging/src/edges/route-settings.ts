/**
 * What a route says about its lines, resolved once for each route.
 */
import { routeConfig } from '@holdfast/core'
import type { FastifyRequest } from 'fastify'
import {
  checkRouteOptions,
  type RequestLogger,
  type RequestLoggingRouteOptions,
  type ResolvedRouteOptions,
  resolveRouteOptions
} from '../options.ts'

/** The settings of one route. */
export interface RouteSettings extends ResolvedRouteOptions {
  /** The route as it was declared. */
  readonly route: string | undefined
  /** Has the `logLevel` of the route. */
  readonly logger: RequestLogger
  /** `config.requestLogging: false`. */
  readonly silent: boolean
  /** With options of its own the plugin's `silent` does not concern it. */
  readonly outspoken: boolean
  /** `config.holdfast.probe`. */
  readonly probe: boolean
}

/** The settings of the routes below one registration of the plugin. */
export class RouteSettingsTable {
  /** For what was never routed. */
  readonly usual: RouteSettings
  readonly #resolved = new WeakMap<object, RouteSettings>()

  constructor(options: ResolvedRouteOptions, logger: RequestLogger) {
    const { levels, slow, sample } = options
    this.usual = {
      levels,
      slow,
      sample,
      route: undefined,
      logger,
      silent: false,
      outspoken: false,
      probe: false
    }
  }

  /** The settings for a request that was routed. */
  of(request: FastifyRequest): RouteSettings {
    const config = routeConfig(request)
    let settings = this.#resolved.get(config)
    if (settings === undefined) {
      settings = this.#resolve(request)
      this.#resolved.set(config, settings)
    }
    return settings
  }

  #resolve(request: FastifyRequest): RouteSettings {
    const { usual } = this
    const config = routeConfig(request)
    const given: unknown = config.requestLogging
    const settings = {
      ...usual,
      route: config.url,
      logger: loggerFor(request.routeOptions.logLevel, usual.logger),
      probe: config.holdfast?.probe === true,
      silent: given === false
    }
    if (given === undefined || given === false) return settings
    try {
      checkRouteOptions(given, `${request.method} ${config.url}`)
    } catch (error) {
      // Declared before the plugin, where it could not stop the boot any more.
      usual.logger.error({ err: error }, `${(error as Error).message} The plugin's options apply.`)
      return settings
    }
    const options = resolveRouteOptions(given as RequestLoggingRouteOptions, usual)
    return { ...settings, ...options, outspoken: true }
  }
}

/** A route may have a `logLevel` of its own, higher or lower than the logger's. */
function loggerFor(logLevel: string | undefined, logger: RequestLogger): RequestLogger {
  if (!logLevel || logger.child === undefined) return logger
  return logger.child({}, { level: logLevel })
}
