/**
 * What a route says about its lines, resolved once for each route.
 */
import { routeConfig } from '@holdfast/core'
import type { FastifyRequest } from 'fastify'
import { type LevelFunction, levelFunction } from '../level.ts'
import {
  checkRouteOptions,
  type RequestLogger,
  type RequestLoggingRouteOptions
} from '../options.ts'

/** The settings of one route. */
export interface RouteSettings {
  readonly level: LevelFunction
  /** `config.requestLogging: false`. */
  readonly silent: boolean
}

/** The settings of the routes below one registration of the plugin. */
export class RouteSettingsTable {
  /** For routes that say nothing, and for what was never routed. */
  readonly #usual: RouteSettings
  readonly #logger: RequestLogger
  readonly #resolved = new WeakMap<object, RouteSettings>()

  constructor(level: LevelFunction, logger: RequestLogger) {
    this.#usual = { level, silent: false }
    this.#logger = logger
  }

  /** The settings for a request. */
  of(request: FastifyRequest | undefined): RouteSettings {
    if (request === undefined) return this.#usual
    const config = routeConfig(request)
    const given: unknown = config.requestLogging
    if (given === undefined) return this.#usual
    let settings = this.#resolved.get(config)
    if (settings === undefined) {
      settings = this.#resolve(given, `${request.method} ${config.url}`)
      this.#resolved.set(config, settings)
    }
    return settings
  }

  #resolve(given: unknown, route: string): RouteSettings {
    try {
      checkRouteOptions(given, route)
    } catch (error) {
      // Declared before the plugin, where it could not stop the boot any more.
      this.#logger.error({ err: error }, `${(error as Error).message} The plugin's options apply.`)
      return this.#usual
    }
    const { level, silent } = this.#usual
    if (given === false) return { level, silent: true }
    const options = given as RequestLoggingRouteOptions
    return { level: levelFunction(options.level, level), silent }
  }
}
