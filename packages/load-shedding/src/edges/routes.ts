/**
 * What routes say about their requests, and the work they have in hand.
 */
import type { GuardedLog, routeConfig } from '@holdfast/core'
import type { RouteOptions } from 'fastify'
import type { WorkCount } from '../fact.ts'
import { type RankSource, resolveRouteOptions } from '../options.ts'
import type { Shedder } from '../shedder.ts'

/** A route, or all that say nothing. */
export class SheddingRoute implements WorkCount {
  readonly rank: RankSource
  readonly #shedder: Shedder
  readonly #maxInFlight: number
  #inFlight = 0

  /** @param maxInFlight the most requests of the route in flight; `Infinity` for no limit of its own */
  constructor(shedder: Shedder, rank: RankSource, maxInFlight: number) {
    this.rank = rank
    this.#shedder = shedder
    this.#maxInFlight = maxInFlight
  }

  /** Whether as many requests of the route are in flight as may be. */
  get isFull(): boolean {
    return this.#inFlight >= this.#maxInFlight
  }

  begin(): void {
    this.#inFlight++
  }

  end(startedAt: number, isAnswered: boolean): void {
    this.#inFlight--
    if (isAnswered) this.#shedder.finish(startedAt)
    else this.#shedder.abandon()
  }
}

type Config = ReturnType<typeof routeConfig>

/** The routes of an app. */
export class SheddingRoutes {
  readonly #shedder: Shedder
  readonly #rank: RankSource
  readonly #log: GuardedLog
  /** All routes that say nothing. */
  readonly #common: SheddingRoute
  readonly #byConfig = new WeakMap<object, SheddingRoute>()
  /** Routes with a limit, by their options and then their methods and URL: GET and HEAD are one. */
  readonly #limited = new WeakMap<object, Map<string, SheddingRoute>>()

  /** @param rank the rank of requests whose route says nothing */
  constructor(shedder: Shedder, rank: RankSource, log: GuardedLog) {
    this.#shedder = shedder
    this.#rank = rank
    this.#log = log
    this.#common = new SheddingRoute(shedder, rank, Infinity)
  }

  /**
   * Checks what a route that is being declared says.
   *
   * @throws UnknownOptionError, InvalidOptionError
   */
  declare({ method, url, config }: RouteOptions): void {
    const given = config?.loadShedding
    if (given !== undefined && given !== false) resolveRouteOptions(given, pathOf(method, url))
  }

  /** The route of a request; `undefined` when it is exempt. */
  of(config: Config): SheddingRoute | undefined {
    if (config.holdfast?.probe === true || config.loadShedding === false) return undefined
    if (config.loadShedding === undefined) return this.#common
    const known = this.#byConfig.get(config)
    if (known !== undefined) return known
    const route = this.#make(config, config.loadShedding)
    this.#byConfig.set(config, route)
    return route
  }

  #make({ method, url = '' }: Config, given: string | object): SheddingRoute {
    try {
      const { rank = this.#rank, maxInFlight } = resolveRouteOptions(given, pathOf(method, url))
      if (typeof given === 'string' || maxInFlight === Infinity) {
        return new SheddingRoute(this.#shedder, rank, Infinity)
      }
      const routes = this.#limited.get(given) ?? new Map<string, SheddingRoute>()
      this.#limited.set(given, routes)
      const key = `${sharedMethodOf(method)} ${url}`
      const route = routes.get(key) ?? new SheddingRoute(this.#shedder, rank, maxInFlight)
      routes.set(key, route)
      return route
    } catch (err) {
      // The route was declared before the plugin: it is too late to stop the boot.
      this.#log.error({ err }, `${pathOf(method, url)} cannot be used; the plugin's options apply.`)
      return this.#common
    }
  }
}

/** Names the methods that share a limit at one URL: all of one route, and the HEAD that Fastify adds to its GET. */
function sharedMethodOf(method: string | readonly string[] | undefined): string {
  const methods = String(method).split(',')
  return methods.includes('GET') || methods.includes('HEAD') ? 'GET' : methods.join()
}

function pathOf(method: string | readonly string[] | undefined, url: string): string {
  return `config.loadShedding of ${String(method)} ${url}`
}
