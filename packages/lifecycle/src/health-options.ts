import {
  check,
  type Duration,
  describe,
  InvalidOptionError,
  type OptionCheck,
  parseDuration
} from '@holdfast/core/options'
import type { CheckFunction, CheckSettings } from './checks.ts'

/** The options of a check. */
export interface CheckOptions {
  /**
   * How long an answer may take, an hour at most; after it the check has failed. Keep it below the
   * timeout of the probe itself, which is a second in Kubernetes.
   * @default '500ms'
   */
  timeout?: Duration | undefined
  /**
   * How long an answer is kept, be it yes or no. 0: every probe asks again.
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

/** A check with its options. */
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

/** The path of each probe. */
export interface HealthPaths {
  readonly live: string
  readonly ready: string
  readonly startup: string
}

/** A check with every default filled in, times in milliseconds. */
export interface NamedCheck {
  readonly name: string
  readonly ask: CheckFunction
  readonly settings: CheckSettings
}

const path: OptionCheck = (value, option) => {
  if (typeof value !== 'string' || !value.startsWith('/')) {
    throw new InvalidOptionError(option, "a path that starts with '/'", describe(value))
  }
}

export const healthShape: OptionCheck = check.shape({
  live: path,
  ready: path,
  startup: path,
  checks: check.object
})

const HOUR = 3_600_000
const CHECK_SHAPE = {
  timeout: check.duration({ min: 1, max: HOUR }),
  cacheFor: check.duration({ max: HOUR }),
  critical: check.boolean
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

const FUNCTION_OR_DEFINITION = check.either(
  'a function, or an object { check, timeout, cacheFor, critical }',
  check.func,
  check.object
)

/** Fills in the defaults of the checks. @throws UnknownOptionError, InvalidOptionError */
export function resolveChecks(given: NonNullable<HealthOptions['checks']>): readonly NamedCheck[] {
  return Object.entries(given).map(([name, value]) => {
    const option = `lifecycle.health.checks.${name}`
    FUNCTION_OR_DEFINITION(value, option)
    const { check: ask, ...options } = typeof value === 'function' ? { check: value } : value
    return resolveCheck(name, ask, options, option)
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
  ask: CheckFunction,
  options: CheckOptions,
  place: string
): NamedCheck {
  check.text(name, `the name of ${place}`)
  check.func(ask, place)
  check.shape(CHECK_SHAPE)(options, place)
  const { timeout = 500, cacheFor = 1000, critical = true } = options
  return {
    name,
    ask,
    settings: {
      timeout: parseDuration(timeout, `${place}.timeout`),
      cacheFor: parseDuration(cacheFor, `${place}.cacheFor`),
      critical
    }
  }
}
