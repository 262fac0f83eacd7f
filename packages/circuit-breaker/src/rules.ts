/**
 * The rules of a breaker: its options in milliseconds, laid over those of the plugin and the
 * defaults.
 */
import {
  checkOptions,
  type Duration,
  describe,
  InvalidOptionError,
  parseDuration
} from '@holdfast/core/options'
import {
  BREAKER_SHAPE,
  type BreakerOptions,
  type HalfOpenOption,
  resolveSources,
  type Sources,
  STANDALONE_SHAPE,
  type StandaloneBreakerOptions,
  type WindowOption
} from './breaker-options.ts'
import type { WindowSize } from './circuit/call-window.ts'
import type { CircuitRules } from './circuit/circuit-rules.ts'
import type { Classify } from './classify.ts'
import { FOREIGN_NAMES } from './foreign-names.ts'

/** A breaker's options, complete and in milliseconds. */
export interface BreakerRules extends Omit<CircuitRules, 'random'> {
  readonly classify: Classify | undefined
  readonly mode: 'enforce' | 'shadow'
}

/** What holds when no option is given. */
export const DEFAULTS: BreakerRules = {
  threshold: 5,
  failureRate: undefined,
  window: { duration: 10_000 },
  minimumCalls: 20,
  slowCall: undefined,
  halfOpen: { permits: 1, successRate: 1, ramp: 1000 },
  resetTimeout: 10_000,
  maxResetTimeout: 60_000,
  classify: undefined,
  mode: 'enforce'
}

/**
 * Checks the options of a breaker, and lays them over the plugin's rules.
 *
 * @param optionPath where the options stand, for errors
 * @throws UnknownOptionError, InvalidOptionError
 */
export function resolveBreakerRules(
  base: BreakerRules,
  given: BreakerOptions,
  optionPath: string
): BreakerRules {
  checkOptions(optionPath, given, BREAKER_SHAPE, FOREIGN_NAMES)
  return merge(base, given, optionPath)
}

/**
 * Checks the options of a breaker that is made by hand, and lays them over `base`.
 *
 * @throws UnknownOptionError, InvalidOptionError
 */
export function resolveStandaloneOptions(
  given: StandaloneBreakerOptions,
  base: BreakerRules
): Sources & { readonly name: string; readonly rules: BreakerRules } {
  checkOptions('CircuitBreaker', given, STANDALONE_SHAPE, FOREIGN_NAMES)
  const { name = 'unnamed' } = given
  return { name, ...resolveSources(given), rules: merge(base, given, 'CircuitBreaker') }
}

/**
 * Lays options, which were checked one by one, over rules.
 *
 * @param optionPath where the options stand, for errors
 * @throws InvalidOptionError when two of them contradict each other
 */
export function merge(base: BreakerRules, given: BreakerOptions, optionPath: string): BreakerRules {
  if (given.threshold !== undefined && given.failureRate !== undefined) {
    const expected = 'left out where there is a failureRate, which takes its place'
    throw new InvalidOptionError(`${optionPath}.threshold`, expected, describe(given.threshold))
  }
  // Asking for failures in a row turns off a rate that was set for all breakers.
  const inherited = given.threshold === undefined ? base.failureRate : undefined
  const window = windowOf(given.window) ?? base.window
  const resetTimeout = milliseconds(given.resetTimeout, 'resetTimeout') ?? base.resetTimeout
  return Object.freeze({
    threshold: given.threshold ?? base.threshold,
    failureRate: given.failureRate ?? inherited,
    window,
    minimumCalls: minimumCallsOf(given, base, window, optionPath),
    slowCall: slowCallOf(given.slowCall, base),
    halfOpen: halfOpenOf(given.halfOpen) ?? base.halfOpen,
    resetTimeout,
    maxResetTimeout: maxResetTimeoutOf(given, base, resetTimeout, optionPath),
    classify: given.classify ?? base.classify,
    mode: given.mode ?? base.mode
  })
}

function milliseconds(given: Duration | undefined, option: string): number | undefined {
  return given === undefined ? undefined : parseDuration(given, option)
}

function windowOf(given: WindowOption | undefined): WindowSize | undefined {
  if (given === undefined) return undefined
  const size =
    'duration' in given && given.duration !== undefined
      ? { duration: parseDuration(given.duration, 'window.duration') }
      : { calls: (given as { calls: number }).calls }
  return Object.freeze(size)
}

function minimumCallsOf(
  given: BreakerOptions,
  base: BreakerRules,
  window: WindowSize,
  optionPath: string
): number {
  const most = 'calls' in window ? window.calls : Infinity
  if (given.minimumCalls === undefined) return Math.min(base.minimumCalls, most)
  if (given.minimumCalls <= most) return given.minimumCalls
  throw new InvalidOptionError(
    `${optionPath}.minimumCalls`,
    `at most the ${most} calls of the window`,
    describe(given.minimumCalls)
  )
}

function slowCallOf(
  given: BreakerOptions['slowCall'],
  base: BreakerRules
): BreakerRules['slowCall'] {
  if (given === undefined) return base.slowCall
  if (given === false) return undefined
  const { rate = 0.5 } = given
  return Object.freeze({ duration: parseDuration(given.duration, 'slowCall.duration'), rate })
}

function halfOpenOf(given: HalfOpenOption | undefined): BreakerRules['halfOpen'] | undefined {
  if (given === undefined) return undefined
  const { permits = 1, successRate = 1, ramp = 1000 } = given
  return Object.freeze({ permits, successRate, ramp: parseDuration(ramp, 'halfOpen.ramp') })
}

function maxResetTimeoutOf(
  given: BreakerOptions,
  base: BreakerRules,
  resetTimeout: number,
  optionPath: string
): number {
  const longest = milliseconds(given.maxResetTimeout, 'maxResetTimeout')
  if (longest === undefined) return Math.max(base.maxResetTimeout, resetTimeout)
  if (longest >= resetTimeout) return longest
  throw new InvalidOptionError(
    `${optionPath}.maxResetTimeout`,
    `at least the resetTimeout of ${resetTimeout} ms`,
    describe(given.maxResetTimeout)
  )
}

/** The rules of a breaker that differ from others, each with the breaker's value; '' when none does. */
export function differences(has: BreakerRules, other: BreakerRules): string {
  const others = new Map(Object.entries(other).map(([name, value]) => [name, shown(value)]))
  return Object.entries(has)
    .map(([name, value]) => [name, shown(value)])
    .filter(([name, value]) => others.get(name as string) !== value)
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ')
}

/** Any two functions count as the same: one that is written in a handler is a new one each time. */
function shown(value: unknown): string {
  return typeof value === 'function' ? 'a function' : String(JSON.stringify(value))
}
