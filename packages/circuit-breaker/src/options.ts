/**
 * What a user writes for the plugin and for a route, what it defaults to, and the checks that name
 * a mistake.
 */
import {
  check,
  checkOptions,
  describe,
  InvalidOptionError,
  type OptionShape
} from '@holdfast/core/options'
import {
  BREAKER_SHAPE,
  type BreakerOptions,
  type BreakerSources,
  resolveSources,
  SOURCES_SHAPE,
  type Sources
} from './breaker-options.ts'
import { FOREIGN_NAMES } from './foreign-names.ts'
import { type BreakerRules, DEFAULTS, merge } from './rules.ts'

/** The options of a route, as `config.circuitBreaker`, laid over the plugin's. */
export interface CircuitBreakerRouteOptions extends BreakerOptions {
  /**
   * The breaker's name. Routes that name the same breaker share it.
   *
   * @default method and URL: 'GET /orders/:id'
   */
  readonly name?: string | undefined
}

/** The options of the plugin: the defaults of its breakers, and their bound. */
export interface CircuitBreakerOptions extends BreakerOptions, BreakerSources {
  /**
   * The most breakers to keep by name: a whole number of at least 1. Beyond it, the breaker that
   * was unused the longest is dropped, if it is closed and has no call in flight. While there is no
   * such breaker, new names share one, called `__overflow__`.
   *
   * @default 1000
   */
  readonly maxBreakers?: number | undefined
}

const ROUTE_SHAPE: OptionShape = { ...BREAKER_SHAPE, name: check.text }
const PLUGIN_SHAPE: OptionShape = {
  ...BREAKER_SHAPE,
  ...SOURCES_SHAPE,
  maxBreakers: check.integer({ min: 1 })
}

/** @throws UnknownOptionError, InvalidOptionError */
export function resolveCircuitBreakerOptions(
  given: CircuitBreakerOptions
): Sources & { readonly maxBreakers: number; readonly rules: BreakerRules } {
  checkOptions('circuitBreaker', given, PLUGIN_SHAPE, FOREIGN_NAMES)
  const { maxBreakers = 1000 } = given
  return { maxBreakers, ...resolveSources(given), rules: merge(DEFAULTS, given, 'circuitBreaker') }
}

/** What a route asks for: a breaker by name, with options of its own or whatever it has. */
export interface RouteBreaker {
  readonly name: string
  readonly options: BreakerOptions | undefined
}

/**
 * Reads a route's `config.circuitBreaker` other than `false`.
 *
 * @param route method and URL of the route
 * @throws UnknownOptionError, InvalidOptionError
 */
export function resolveRouteBreaker(given: unknown, route: string): RouteBreaker {
  const optionPath = `config.circuitBreaker of ${route}`
  if (given === true) return { name: route, options: undefined }
  if (typeof given === 'string') {
    check.text(given, optionPath)
    return { name: given, options: undefined }
  }
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new InvalidOptionError(optionPath, 'true, a name, an object or false', describe(given))
  }
  checkOptions(optionPath, given, ROUTE_SHAPE, FOREIGN_NAMES)
  const { name = route, ...options }: CircuitBreakerRouteOptions = given
  return { name, options: Object.keys(options).length === 0 ? undefined : options }
}
