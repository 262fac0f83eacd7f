/**
 * What a user writes for one breaker, and the checks that name a mistake.
 */
import { type Clock, guardedCall, monotonicClock } from '@holdfast/core'
import {
  check,
  type Duration,
  describe,
  InvalidOptionError,
  type OptionCheck,
  type OptionShape
} from '@holdfast/core/options'
import type { Classify } from './classify.ts'

/** The rules of a breaker. Every time is at most one day. */
export interface BreakerOptions {
  /**
   * Failures in a row that open the breaker: a whole number of at least 1. A success starts the
   * count again at 0.
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
   * The calls that rates are computed from: those of a time of at least 10 ms (kept in tenths), or
   * a number of latest calls, at most 100,000.
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
   * `duration` or longer. A running call counts as soon as it has. `false` turns off what the
   * plugin's options say.
   *
   * @default none
   */
  readonly slowCall?: SlowCallOption | false | undefined
  /** How the breaker finds out that the dependency is healthy again. */
  readonly halfOpen?: HalfOpenOption | undefined
  /**
   * How long the breaker stays open the first time: a random time between half of
   * this and all of it. Each further time it is twice as long, until the breaker has stayed closed for as long as it
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

/** How the breaker probes, and how it lets its callers back in. */
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

/** The sources of time and randomness of a breaker; tests give their own. */
export interface BreakerSources {
  /**
   * The source of time, in milliseconds.
   *
   * @default the monotonic clock
   */
  readonly clock?: Clock | undefined
  /**
   * The source of randomness: numbers from 0 to below 1.
   *
   * @default Math.random
   */
  readonly random?: (() => number) | undefined
}

/** The options of a breaker that is used without the plugin. */
export interface StandaloneBreakerOptions extends BreakerOptions, BreakerSources {
  /**
   * The breaker's name in errors, logs and events.
   *
   * @default 'unnamed'
   */
  readonly name?: string | undefined
}

/** One day, the longest time that any option may be, in milliseconds. */
const MAX_TIME = 86_400_000
const MAX_WINDOW_CALLS = 100_000

const share = check.number({ min: 0.01, max: 1 })
const time = check.duration({ min: 1, max: MAX_TIME })

const windowShape = check.shape({
  duration: check.duration({ min: 10, max: MAX_TIME }),
  calls: check.integer({ min: 1, max: MAX_WINDOW_CALLS })
})
const window: OptionCheck = (value, option) => {
  windowShape(value, option)
  const { duration, calls } = value as { duration?: unknown; calls?: unknown }
  if ((duration === undefined) === (calls === undefined)) {
    const expected = "either { duration } or { calls }, as in { duration: '10s' }"
    throw new InvalidOptionError(option, expected, describe(value))
  }
}

const slowCallShape = check.shape({ duration: time, rate: share })
const slowCall: OptionCheck = (value, option) => {
  if (value === false) return
  slowCallShape(value, option)
  if ((value as { duration?: unknown }).duration === undefined) {
    throw new InvalidOptionError(`${option}.duration`, "given, as in '2s'", 'undefined')
  }
}

/** The options that every breaker has. */
export const BREAKER_SHAPE: OptionShape = {
  threshold: check.integer({ min: 1 }),
  failureRate: share,
  window,
  minimumCalls: check.integer({ min: 1 }),
  slowCall,
  halfOpen: check.shape({
    permits: check.integer({ min: 1, max: 1000 }),
    successRate: share,
    ramp: check.duration({ max: MAX_TIME })
  }),
  resetTimeout: time,
  maxResetTimeout: time,
  classify: check.func,
  mode: check.oneOf('enforce', 'shadow')
}
/** The sources that a test gives. */
export const SOURCES_SHAPE: OptionShape = { clock: check.func, random: check.func }
/** The options of a breaker without the plugin. */
export const STANDALONE_SHAPE: OptionShape = {
  ...BREAKER_SHAPE,
  ...SOURCES_SHAPE,
  name: check.text
}

/** A breaker's sources, complete. */
export interface Sources {
  readonly clock: Clock
  readonly random: () => number
}

/** Fills in the sources that were not given, and guards a given source of randomness. */
export function resolveSources({ clock = monotonicClock, random }: BreakerSources): Sources {
  return { clock, random: random === undefined ? Math.random : guardedRandom(random) }
}

function guardedRandom(random: () => number): () => number {
  return () => {
    const number = guardedCall(random, 'the option random')
    return number !== undefined && number >= 0 && number <= 1 ? number : Math.random()
  }
}
