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
  number,
  type OptionCheck,
  type OptionShape,
  oneOf,
  shapeOf,
  text
} from '@holdfast/core'
import type { Classify } from './classify.ts'
import { type BreakerRules, DEFAULTS, merge } from './rules.ts'

/** The rules of a breaker. Every time is at most one day. */
export interface BreakerOptions {
  /**
   * Failures in a row that open the breaker: a whole number of at least 1. A success starts the
   * count anew.
   *
   * @default 5
   */
  readonly threshold?: number | undefined
  /**
   * In place of `threshold`: the share of the calls in the `window` whose failure opens the
   * breaker, from 0.01 to 1, once there are `minimumCalls`.
   *
   * @default none: failures in a row count
   */
  readonly failureRate?: number | undefined
  /**
   * The calls that rates are made of: those of a time of at least 10 ms (kept in tenths), or the
   * latest so many, at most 100,000.
   *
   * @default { duration: '10s' }
   */
  readonly window?: WindowOption | undefined
  /**
   * How many calls must be in the window before a rate opens the breaker: at least 1.
   *
   * @default 20, or the size of a smaller window
   */
  readonly minimumCalls?: number | undefined
  /**
   * Opens the breaker when a share of the calls in the window, `rate` from 0.01 to 1, takes
   * `duration` or longer. A running call counts as soon as it has. `false` takes back what the
   * plugin's options say.
   *
   * @default none
   */
  readonly slowCall?: SlowCallOption | false | undefined
  /** How the breaker finds out that the dependency is well again. */
  readonly halfOpen?: HalfOpenOption | undefined
  /**
   * How long the breaker stays open the first time: between half of this and all of it, by chance.
   * Each further time it is twice as long, until the breaker has stayed closed for as long as it
   * was last open. Also how long it waits for a probe that has no timeout. Milliseconds, or text
   * such as `'30s'`; at least 1 ms.
   *
   * @default '10s'
   */
  readonly resetTimeout?: Duration | undefined
  /**
   * The longest that the breaker stays open, however often it opens and whatever a `Retry-After`
   * asks for. At least `resetTimeout`.
   *
   * @default '1 minute', or resetTimeout where that is longer
   */
  readonly maxResetTimeout?: Duration | undefined
  /**
   * Decides what a result says about the dependency. For what it leaves open, `undefined`, the
   * default holds: errors and statuses of 500 and above are failures, except 501 and 505.
   */
  readonly classify?: Classify | undefined
  /**
   * `'shadow'`: counts and tells what it would do, and refuses nothing.
   *
   * @default 'enforce'
   */
  readonly mode?: 'enforce' | 'shadow' | undefined
}

/** A time, or a number of calls. */
export type WindowOption = { readonly duration: Duration } | { readonly calls: number }

/** When calls are too slow. */
export interface SlowCallOption {
  /** At least 1 ms. */
  readonly duration: Duration
  /** @default 0.5 */
  readonly rate?: number | undefined
}

/** The way back. */
export interface HalfOpenOption {
  /**
   * How many probes there are, from 1 to 1000.
   *
   * @default 1
   */
  readonly permits?: number | undefined
  /**
   * The share of the probes that must succeed, from 0.01 to 1.
   *
   * @default 1
   */
  readonly successRate?: number | undefined
  /**
   * How long a step is after closing: in the first at most twice as many calls go through as there
   * were probes, in each further one twice as many as before, until a step has calls to spare. `0`
   * lets all callers back in at once.
   *
   * @default '1s'
   */
  readonly ramp?: Duration | undefined
}

/** Where time and chance come from; tests give their own. */
export interface BreakerSources {
  /**
   * The source of time, in milliseconds.
   *
   * @default the monotonic clock
   */
  readonly clock?: Clock | undefined
  /**
   * The source of chance: numbers from 0 to below 1.
   *
   * @default Math.random
   */
  readonly random?: (() => number) | undefined
}

/** The options of a breaker that is used without the plugin. */
export interface StandaloneBreakerOptions extends BreakerOptions, BreakerSources {
  /**
   * How errors and events call the breaker.
   *
   * @default 'unnamed'
   */
  readonly name?: string | undefined
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
export interface CircuitBreakerOptions extends BreakerOptions, BreakerSources {
  /**
   * The most breakers to keep by name: a whole number of at least 1. Beyond it the one that was
   * unused the longest makes room, if it is closed and has no call in flight; while there is none
   * such, new names share one breaker, called `__overflow__`.
   *
   * @default 1000
   */
  readonly maxBreakers?: number | undefined
}

/** The longest time that any option may be. */
const ONE_DAY = 86_400_000
const MOST_WINDOW_CALLS = 100_000

const share = number({ min: 0.01, max: 1 })
const time = duration({ min: 1, max: ONE_DAY })

const windowShape = shapeOf({
  duration: duration({ min: 10, max: ONE_DAY }),
  calls: integer({ min: 1, max: MOST_WINDOW_CALLS })
})
const window: OptionCheck = (value, option) => {
  windowShape(value, option)
  const { duration, calls } = value as { duration?: unknown; calls?: unknown }
  if ((duration === undefined) === (calls === undefined)) {
    const expected = "either { duration } or { calls }, as in { duration: '10s' }"
    throw new InvalidOptionError(option, expected, describe(value))
  }
}

const slowCallShape = shapeOf({ duration: time, rate: share })
const slowCall: OptionCheck = (value, option) => {
  if (value === false) return
  slowCallShape(value, option)
  if ((value as { duration?: unknown }).duration === undefined) {
    throw new InvalidOptionError(`${option}.duration`, "given, as in '2s'", 'undefined')
  }
}

const BREAKER_SHAPE: OptionShape = {
  threshold: integer({ min: 1 }),
  failureRate: share,
  window,
  minimumCalls: integer({ min: 1 }),
  slowCall,
  halfOpen: shapeOf({
    permits: integer({ min: 1, max: 1000 }),
    successRate: share,
    ramp: duration({ max: ONE_DAY })
  }),
  resetTimeout: time,
  maxResetTimeout: time,
  classify: func,
  mode: oneOf('enforce', 'shadow')
}
const SOURCES_SHAPE: OptionShape = { clock: func, random: func }
const STANDALONE_SHAPE: OptionShape = { ...BREAKER_SHAPE, ...SOURCES_SHAPE, name: text }
const ROUTE_SHAPE: OptionShape = { ...BREAKER_SHAPE, name: text }
const PLUGIN_SHAPE: OptionShape = {
  ...BREAKER_SHAPE,
  ...SOURCES_SHAPE,
  maxBreakers: integer({ min: 1 })
}

/** Where a breaker's time and chance come from. */
export interface Sources {
  readonly clock: Clock
  readonly random: () => number
}

/** @throws UnknownOptionError, InvalidOptionError */
export function resolveStandaloneOptions(
  given: StandaloneBreakerOptions
): Sources & { readonly name: string; readonly rules: BreakerRules } {
  checkOptions('CircuitBreaker', given, STANDALONE_SHAPE)
  const { name = 'unnamed' } = given
  return { name, ...sourcesOf(given), rules: merge(DEFAULTS, given, 'CircuitBreaker') }
}

/** @throws UnknownOptionError, InvalidOptionError */
export function resolveCircuitBreakerOptions(
  given: CircuitBreakerOptions
): Sources & { readonly maxBreakers: number; readonly rules: BreakerRules } {
  checkOptions('circuitBreaker', given, PLUGIN_SHAPE)
  const { maxBreakers = 1000 } = given
  return { maxBreakers, ...sourcesOf(given), rules: merge(DEFAULTS, given, 'circuitBreaker') }
}

/**
 * Lays the options given for a name over the plugin's.
 *
 * @param place what they were given to, for errors
 * @throws UnknownOptionError, InvalidOptionError
 */
export function resolveBreakerRules(
  plugin: BreakerRules,
  given: BreakerOptions,
  place: string
): BreakerRules {
  checkOptions(place, given, BREAKER_SHAPE)
  return merge(plugin, given, place)
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

function sourcesOf({ clock = monotonicClock, random = Math.random }: BreakerSources): Sources {
  return { clock, random }
}
