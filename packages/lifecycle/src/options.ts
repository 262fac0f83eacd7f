import { isatty } from 'node:tty'
import {
  boolean,
  checkOptions,
  type Duration,
  describe,
  duration,
  either,
  func,
  InvalidOptionError,
  listOf,
  number,
  type OptionCheck,
  object,
  oneOf,
  parseDuration,
  shapeOf,
  text
} from '@holdfast/core'
import type { Budget } from './budget.ts'
import type { CheckFunction, CheckSettings } from './checks.ts'
import { resolveTimeouts, type TimeoutOptions, type Timeouts } from './timeouts.ts'

/** The signals that may start a shutdown. */
export type ShutdownSignal = 'SIGTERM' | 'SIGINT' | 'SIGHUP' | 'SIGBREAK' | 'SIGQUIT' | 'SIGUSR2'

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

/**
 * The pressure sensor, and what is done beyond its thresholds. Without a threshold nothing is. They
 * are those of `@fastify/under-pressure`.
 */
export interface PressureOptions {
  /**
   * How often a sample is taken, 100 ms at least.
   * @default 250
   */
  sampleInterval?: Duration | undefined
  /** How late the event loop may be, on average over a sample. */
  maxEventLoopDelay?: Duration | undefined
  /** The part of a sample the event loop may be busy: more than 0, at most 1. */
  maxEventLoopUtilization?: number | undefined
  maxHeapUsedBytes?: number | undefined
  maxRssBytes?: number | undefined
  /**
   * Whether requests are answered 503 while a threshold is exceeded. Probes never are.
   * @default true
   */
  refuse?: boolean | undefined
  /**
   * When a client that was refused is told to come back: after this at the earliest, twice as long
   * at the latest, in whole seconds.
   * @default '10s'
   */
  retryAfter?: Duration | undefined
  /**
   * Whether the service is not ready while a threshold is exceeded. Mind that load which presses
   * all instances takes all of them out.
   * @default false
   */
  readiness?: boolean | undefined
}

/** The options of the sensor with every default filled in, times in milliseconds. */
export interface ResolvedPressure {
  /** Whether the app's own sensor, if it has one, will not do. */
  readonly own: boolean
  readonly sampleInterval: number
  readonly thresholds: Thresholds
  readonly refuse: boolean
  readonly retryAfter: number
  readonly readiness: boolean
}

/** As `@fastify/under-pressure` names them; 0 is none. */
export interface Thresholds {
  readonly maxEventLoopDelay: number
  readonly maxEventLoopUtilization: number
  readonly maxHeapUsedBytes: number
  readonly maxRssBytes: number
}

/** The options of the plugin. */
export interface LifecycleOptions {
  /**
   * What the orchestrator grants between its signal and the kill: Kubernetes 30 s, `docker stop`
   * 10 s. `drainDelay`, `finishTimeout` and `closeTimeout` together must not exceed it; when they
   * do, a warning at start gives the sum.
   * @default '30s'
   */
  gracePeriod?: Duration | undefined
  /**
   * How long everything is still served after the signal, while balancers take notice. Ctrl-C on a
   * terminal never waits for it, nor does a service that does not listen.
   * @default '5s', but at most a sixth of `gracePeriod`; 0 when the process runs on a terminal
   */
  drainDelay?: Duration | undefined
  /**
   * How long requests in flight may go on after the listeners are closed. After three quarters of
   * it `app.lifecycle.signal` aborts, at its end they are cut.
   * @default '20s': what the other two leave of `gracePeriod`
   */
  finishTimeout?: Duration | undefined
  /**
   * How long `app.close()` may take, with all `onClose` hooks.
   * @default '5s', but at most a sixth of `gracePeriod`
   */
  closeTimeout?: Duration | undefined
  /**
   * The signals that start a shutdown. `false` leaves the process alone: no signal handler and no
   * crash handler; call `app.lifecycle.shutdown()` yourself.
   * @default ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGBREAK']
   */
  signals?: readonly ShutdownSignal[] | false | undefined
  /**
   * Whether the process exits at the end of a shutdown: with 0 when every request was finished and
   * everything closed, else with 1. With `false` nothing here ever exits, and a crash is left to
   * Node.
   * @default true
   */
  exit?: boolean | undefined
  /**
   * The probes and what readiness depends on, or `false` for no probes.
   * @default { live: '/livez', ready: '/readyz', startup: '/startupz', checks: {} }
   */
  health?: HealthOptions | false | undefined
  /** The pressure sensor. @default {}: it measures, and refuses nothing */
  pressure?: PressureOptions | undefined
  /**
   * The timeouts that the server gets at boot where `Fastify(...)` was given none, by
   * `serverTimeouts()` or otherwise; those of handlers only that can do. `false`: none.
   * @default { request: '5s', handler: '10s', idle: '2 minutes' }
   */
  timeouts?: TimeoutOptions | false | undefined
  /**
   * How long the proxy in front keeps connections without a request. When the service closes them
   * sooner, a warning at start says so.
   */
  proxyIdleTimeout?: Duration | undefined
}

/** The options with every default filled in, times in milliseconds. */
export interface ResolvedLifecycleOptions {
  readonly gracePeriod: number
  readonly budget: Budget
  readonly signals: readonly ShutdownSignal[]
  /** Whether crashes are caught. */
  readonly guard: boolean
  readonly exit: boolean
  readonly health: HealthPaths | undefined
  readonly checks: readonly NamedCheck[]
  readonly pressure: ResolvedPressure
  /** `undefined`: the server is left as it is. */
  readonly timeouts: Timeouts | undefined
  readonly proxyIdleTimeout: number | undefined
}

/** A check as the engine takes it. */
export interface NamedCheck {
  readonly name: string
  readonly check: CheckFunction
  readonly settings: CheckSettings
}

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGBREAK', 'SIGQUIT', 'SIGUSR2'] as const
const DEFAULT_SIGNALS = SIGNALS.slice(0, 4)
const LONGEST_DEFAULT = 5000
const DEFAULT_FINISH = 20_000

const path: OptionCheck = (value, option) => {
  if (typeof value !== 'string' || !value.startsWith('/')) {
    throw new InvalidOptionError(option, "a path that starts with '/'", describe(value))
  }
}

function orFalse(check: OptionCheck): OptionCheck {
  return (value, option) => {
    if (value !== false) check(value, option)
  }
}

/** A week. Node's timers end at 24 days, which the sum of three must not exceed: then they are 1 ms. */
const LONGEST = 604_800_000
const HOUR = 3_600_000

const SHAPE = {
  gracePeriod: duration({ min: 1, max: LONGEST }),
  drainDelay: duration({ max: LONGEST }),
  finishTimeout: duration({ max: LONGEST }),
  closeTimeout: duration({ min: 1, max: LONGEST }),
  signals: orFalse(listOf(oneOf(...SIGNALS))),
  exit: boolean,
  health: orFalse(shapeOf({ live: path, ready: path, startup: path, checks: object })),
  pressure: shapeOf({
    sampleInterval: duration({ min: 100, max: HOUR }),
    maxEventLoopDelay: duration({ min: 1, max: HOUR }),
    maxEventLoopUtilization: number({ min: Number.MIN_VALUE, max: 1 }),
    maxHeapUsedBytes: number({ min: 1 }),
    maxRssBytes: number({ min: 1 }),
    refuse: boolean,
    retryAfter: duration({ max: LONGEST }),
    readiness: boolean
  }),
  timeouts: orFalse(object),
  proxyIdleTimeout: duration({ max: LONGEST })
}

const CHECK_SHAPE = {
  timeout: duration({ min: 1, max: HOUR }),
  cacheFor: duration({ max: HOUR }),
  critical: boolean
}

/**
 * Checks the options and fills in the defaults.
 *
 * @param onTerminal somebody started the process by hand
 * @throws UnknownOptionError, InvalidOptionError
 */
export function resolveLifecycleOptions(
  options: LifecycleOptions,
  onTerminal: boolean = runsOnTerminal()
): ResolvedLifecycleOptions {
  checkOptions('lifecycle', options, SHAPE)
  const { signals = DEFAULT_SIGNALS, exit = true, health = {} } = options
  const gracePeriod = parseDuration(options.gracePeriod ?? '30s', 'lifecycle.gracePeriod')
  return Object.freeze({
    gracePeriod,
    budget: resolveBudget(options, gracePeriod, onTerminal),
    signals: Object.freeze([...(signals || [])]),
    guard: signals !== false && exit,
    exit,
    health: health ? resolvePaths(health) : undefined,
    checks: health ? resolveChecks(health.checks ?? {}) : [],
    pressure: resolvePressure(options.pressure ?? {}),
    timeouts:
      options.timeouts === false
        ? undefined
        : resolveTimeouts(options.timeouts ?? {}, 'lifecycle.timeouts'),
    proxyIdleTimeout:
      options.proxyIdleTimeout === undefined
        ? undefined
        : parseDuration(options.proxyIdleTimeout, 'lifecycle.proxyIdleTimeout')
  })
}

function resolvePaths(health: HealthOptions): HealthPaths {
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

function resolveChecks(given: NonNullable<HealthOptions['checks']>): readonly NamedCheck[] {
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

function resolvePressure(given: PressureOptions): ResolvedPressure {
  const thresholds: Thresholds = {
    maxEventLoopDelay: parseDuration(
      given.maxEventLoopDelay ?? 0,
      'lifecycle.pressure.maxEventLoopDelay'
    ),
    maxEventLoopUtilization: given.maxEventLoopUtilization ?? 0,
    maxHeapUsedBytes: given.maxHeapUsedBytes ?? 0,
    maxRssBytes: given.maxRssBytes ?? 0
  }
  const hasThreshold = Object.values(thresholds).some((threshold) => threshold > 0)
  for (const option of ['refuse', 'readiness'] as const) {
    if (given[option] === true && !hasThreshold) {
      throw new InvalidOptionError(
        `lifecycle.pressure.${option}`,
        'used with a threshold, such as maxEventLoopUtilization',
        'alone'
      )
    }
  }
  return Object.freeze({
    own: hasThreshold || given.sampleInterval !== undefined,
    sampleInterval: parseDuration(given.sampleInterval ?? 250, 'lifecycle.pressure.sampleInterval'),
    thresholds: Object.freeze(thresholds),
    refuse: hasThreshold && given.refuse !== false,
    retryAfter: parseDuration(given.retryAfter ?? '10s', 'lifecycle.pressure.retryAfter'),
    readiness: given.readiness === true
  })
}

function resolveBudget(given: LifecycleOptions, gracePeriod: number, onTerminal: boolean): Budget {
  const sixth = Math.min(LONGEST_DEFAULT, Math.floor(gracePeriod / 6))
  const drainDelay = parseDuration(given.drainDelay ?? sixth, 'lifecycle.drainDelay')
  const closeTimeout = parseDuration(given.closeTimeout ?? sixth, 'lifecycle.closeTimeout')
  const left = gracePeriod - drainDelay - closeTimeout
  const finishTimeout = given.finishTimeout ?? (left > 0 ? left : DEFAULT_FINISH)
  return Object.freeze({
    drainDelay: given.drainDelay === undefined && onTerminal ? 0 : drainDelay,
    finishTimeout: parseDuration(finishTimeout, 'lifecycle.finishTimeout'),
    closeTimeout
  })
}

/** Whether standard input or output is a terminal. Asks without opening either as a stream. */
export function runsOnTerminal(): boolean {
  return isatty(0) || isatty(1)
}
