/**
 * What a user writes, what it defaults to, and the checks that name a mistake.
 */
import {
  type Clock,
  checkOptions,
  type Duration,
  describe,
  duration,
  func,
  InvalidOptionError,
  integer,
  monotonicClock,
  type OptionCheck,
  type OptionShape,
  parseDuration,
  text
} from '@holdfast/core'

/** The rules of a breaker. */
export interface BreakerOptions {
  /**
   * Failures in a row that open the breaker: a whole number of at least 1. A success starts the
   * count anew.
   *
   * @default 5
   */
  readonly threshold?: number | undefined
  /**
   * How long the breaker stays open before it lets a probe through, and how long it waits for a
   * probe's result: milliseconds, or text such as `'30s'`; at least 1 ms.
   *
   * @default '10s'
   */
  readonly resetTimeout?: Duration | undefined
}

/** The options of a breaker that is used without the plugin. */
export interface StandaloneBreakerOptions extends BreakerOptions {
  /**
   * How errors and events call the breaker.
   *
   * @default 'unnamed'
   */
  readonly name?: string | undefined
  /**
   * The source of time, in milliseconds. Tests give their own.
   *
   * @default the monotonic clock
   */
  readonly clock?: Clock | undefined
}

/** The options of a route, as `config.circuitBreaker`: the plugin's apply where none is given. */
export interface CircuitBreakerRouteOptions extends BreakerOptions {
  /**
   * The breaker's name. Routes that name the same breaker share it.
   *
   * @default method and URL: 'GET /orders/:id'
   */
  readonly name?: string | undefined
}

/** The options of the plugin: the defaults of its breakers, and their bound. */
export interface CircuitBreakerOptions extends BreakerOptions {
  /**
   * The most breakers to keep by name: a whole number of at least 1. Beyond it the one that was
   * unused the longest makes room, if it is closed and has no call in flight; while there is none
   * such, new names share one breaker, called `__overflow__`.
   *
   * @default 1000
   */
  readonly maxBreakers?: number | undefined
  /**
   * The source of time of all breakers, in milliseconds. Tests give their own.
   *
   * @default the monotonic clock
   */
  readonly clock?: Clock | undefined
}

/** The options of one call through `execute`. */
export interface ExecuteOptions<Fallback = never> {
  /**
   * How long the call may take: milliseconds, or text such as `'2s'`; at least 1 ms. After it
   * `call.signal` aborts, the call counts as a failure, and `execute` rejects with a
   * `CallTimeoutError`.
   *
   * @default no limit
   */
  readonly timeout?: Duration | undefined
  /**
   * The caller's own signal. When it aborts, `execute` rejects with its reason, without fallback,
   * and the call counts as neither success nor failure.
   */
  readonly signal?: AbortSignal | undefined
  /** Answers in place of a call that was refused, failed or took too long. */
  readonly fallback?: ((error: unknown) => Fallback | PromiseLike<Fallback>) | undefined
}

/** A breaker's rules, checked and complete. */
export interface ResolvedBreakerOptions {
  readonly threshold: number
  /** Milliseconds. */
  readonly resetTimeout: number
}

const BREAKER_SHAPE: OptionShape = {
  threshold: integer({ min: 1 }),
  resetTimeout: duration({ min: 1 })
}
const STANDALONE_SHAPE: OptionShape = { ...BREAKER_SHAPE, name: text, clock: func }
const ROUTE_SHAPE: OptionShape = { ...BREAKER_SHAPE, name: text }
const PLUGIN_SHAPE: OptionShape = {
  ...BREAKER_SHAPE,
  maxBreakers: integer({ min: 1 }),
  clock: func
}

const abortSignal: OptionCheck = (value, option) => {
  if (!(value instanceof AbortSignal)) {
    throw new InvalidOptionError(option, 'an AbortSignal', describe(value))
  }
}
const EXECUTE_SHAPE: OptionShape = {
  timeout: duration({ min: 1 }),
  signal: abortSignal,
  fallback: func
}

const DEFAULTS: ResolvedBreakerOptions = { threshold: 5, resetTimeout: 10_000 }

/** @throws UnknownOptionError, InvalidOptionError */
export function resolveStandaloneOptions(
  given: StandaloneBreakerOptions
): ResolvedBreakerOptions & { readonly name: string; readonly clock: Clock } {
  checkOptions('CircuitBreaker', given, STANDALONE_SHAPE)
  const { name = 'unnamed', clock = monotonicClock } = given
  return Object.freeze({ ...merge(DEFAULTS, given), name, clock })
}

/** @throws UnknownOptionError, InvalidOptionError */
export function resolveCircuitBreakerOptions(
  given: CircuitBreakerOptions
): ResolvedBreakerOptions & { readonly maxBreakers: number; readonly clock: Clock } {
  checkOptions('circuitBreaker', given, PLUGIN_SHAPE)
  const { maxBreakers = 1000, clock = monotonicClock } = given
  return Object.freeze({ ...merge(DEFAULTS, given), maxBreakers, clock })
}

/**
 * Lays the options given for a name over the plugin's.
 *
 * @param place what they were given to, for errors
 * @throws UnknownOptionError, InvalidOptionError
 */
export function resolveBreakerOptions(
  plugin: ResolvedBreakerOptions,
  given: BreakerOptions,
  place: string
): ResolvedBreakerOptions {
  checkOptions(place, given, BREAKER_SHAPE)
  return Object.freeze(merge(plugin, given))
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
  const place = `config.circuitBreaker of ${route}`
  if (given === true) return { name: route, options: undefined }
  if (typeof given === 'string') {
    text(given, place)
    return { name: given, options: undefined }
  }
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new InvalidOptionError(place, 'true, a name, an object or false', describe(given))
  }
  checkOptions(place, given, ROUTE_SHAPE)
  const { name = route, ...options }: CircuitBreakerRouteOptions = given
  return { name, options: Object.keys(options).length === 0 ? undefined : options }
}

/**
 * Checks the options of a call. Returns its timeout in milliseconds, `Infinity` for none.
 *
 * @throws UnknownOptionError, InvalidOptionError
 */
export function resolveTimeout(given: ExecuteOptions<unknown>): number {
  checkOptions('execute', given, EXECUTE_SHAPE)
  return given.timeout === undefined ? Infinity : parseDuration(given.timeout, 'execute.timeout')
}

function merge(base: ResolvedBreakerOptions, given: BreakerOptions): ResolvedBreakerOptions {
  return {
    threshold: given.threshold ?? base.threshold,
    resetTimeout:
      given.resetTimeout === undefined
        ? base.resetTimeout
        : parseDuration(given.resetTimeout, 'resetTimeout')
  }
}
