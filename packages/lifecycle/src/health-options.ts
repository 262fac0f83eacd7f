import {
  boolean,
  type Duration,
  describe,
  duration,
  either,
  func,
  InvalidOptionError,
  type OptionCheck,
  object,
  parseDuration,
  shapeOf,
  text
} from '@holdfast/core'
import type { CheckFunction, CheckSettings } from './checks.ts'

/** How a check is treated. */
export interface CheckOptions {
  /**
   * How long an answer may take, an hour at most; after it the check has failed. Keep it below the
   * prober's own timeout, which is a second in Kubernetes.
   * @default '500ms'
   */
  timeout?: Duration | undefined
  /**
   * How long an answer is good for, be it yes or no. 0: every probe asks anew.
   * @default '1s'
   */
  cacheFor?: Duration | undefined
  /**
   * Whether the service is not ready without it. When a check that is not critical fails, the
   * service is ready and `degraded`.
   * @default true
   */
  critical?: boolean | undefined
}

/** A check with how it is treated. */
export interface CheckDefinition extends CheckOptions {
  check: CheckFunction
}

/** The paths that the probes are answered on, and what readiness depends on. */
export interface HealthOptions {
  /**
   * 200 as long as the process answers at all.
   * @default '/livez'
   */
  live?: string | undefined
  /**
   * 200 while the service is ready for requests, 503 before and after.
   * @default '/readyz'
   */
  ready?: string | undefined
  /**
   * 503 until the service listens, and 200 ever after.
   * @default '/startupz'
   */
  startup?: string | undefined
  /**
   * What readiness depends on, by name: functions that throw or return `false` when it is not well.
   * `app.lifecycle.addCheck()` adds further ones.
   * @default {}
   */
  checks?: Readonly<Record<string, CheckFunction | CheckDefinition>> | undefined
}

/** Where the probes are, all of them given. */
export interface HealthPaths {
  readonly live: string
  readonly ready: string
  readonly startup: string
}

/** A check as the engine takes it. */
export interface NamedCheck {
  readonly name: string
  readonly check: CheckFunction
  readonly settings: CheckSettings
}

const path: OptionCheck = (value, option) => {
  if (typeof value !== 'string' || !value.startsWith('/')) {
    throw new InvalidOptionError(option, "a path that starts with '/'", describe(value))
  }
}

export const healthShape: OptionCheck = shapeOf({
  live: path,
  ready: path,
  startup: path,
  checks: object
})

const HOUR = 3_600_000
const CHECK_SHAPE = {
  timeout: duration({ min: 1, max: HOUR }),
  cacheFor: duration({ max: HOUR }),
  critical: boolean
}

/** Fills in where the probes are. @throws InvalidOptionError where two are at one place */
export function resolvePaths(health: HealthOptions): HealthPaths {
  const paths = {
    live: health.live ?? '/livez',
    ready: health.ready ?? '/readyz',
    startup: health.startup ?? '/startupz'
  }
  const taken = new Map<string, string>()
  for (const [probe, path] of Object.entries(paths)) {
    const other = taken.get(path)
    const option = `lifecycle.health.${probe}`
    if (other !== undefined) {
      throw new InvalidOptionError(option, `another path than that of ${other}`, describe(path))
    }
    taken.set(path, option)
  }
  return Object.freeze(paths)
}

const FUNCTION_OR_DEFINITION = either(
  'a function, or an object { check, timeout, cacheFor, critical }',
  func,
  object
)

/** Fills in the defaults of the checks. @throws UnknownOptionError, InvalidOptionError */
export function resolveChecks(given: NonNullable<HealthOptions['checks']>): readonly NamedCheck[] {
  return Object.entries(given).map(([name, value]) => {
    const option = `lifecycle.health.checks.${name}`
    FUNCTION_OR_DEFINITION(value, option)
    const { check, ...options } = typeof value === 'function' ? { check: value } : value
    return resolveCheck(name, check, options, option)
  })
}

/**
 * Checks one check and fills in its defaults.
 *
 * @param place how the message names where it was given
 * @throws UnknownOptionError, InvalidOptionError
 */
export function resolveCheck(
  name: string,
  check: CheckFunction,
  options: CheckOptions,
  place: string
): NamedCheck {
  text(name, `the name of ${place}`)
  func(check, place)
  shapeOf(CHECK_SHAPE)(options, place)
  const { timeout = 500, cacheFor = 1000, critical = true } = options
  return {
    name,
    check,
    settings: {
      timeout: parseDuration(timeout, `${place}.timeout`),
      cacheFor: parseDuration(cacheFor, `${place}.cacheFor`),
      critical
    }
  }
}
