import { isatty } from 'node:tty'
import {
  check,
  checkOptions,
  type Duration,
  InvalidOptionError,
  type OptionCheck,
  parseDuration
} from '@holdfast/core/options'
import { FOREIGN_NAMES } from './foreign-names.ts'
import {
  type HealthOptions,
  type HealthPaths,
  healthShape,
  type NamedCheck,
  resolveChecks,
  resolvePaths
} from './health-options.ts'
import {
  type PressureOptions,
  pressureShape,
  type ResolvedPressure,
  resolvePressure
} from './pressure-options.ts'
import type { ShutdownBudget } from './shutdown-budget.ts'
import { MAX_DURATION, resolveTimeouts, type TimeoutOptions, type Timeouts } from './timeouts.ts'

/** The signals that may start a shutdown. */
export type ShutdownSignal = 'SIGTERM' | 'SIGINT' | 'SIGHUP' | 'SIGBREAK' | 'SIGQUIT' | 'SIGUSR2'

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
   * The signals that start a shutdown. `false` leaves the process alone: neither a signal nor another
   * end of it is noticed; call `app.lifecycle.shutdown()` yourself.
   * @default ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGBREAK']
   */
  signals?: readonly ShutdownSignal[] | false | undefined
  /**
   * What an error does that nobody caught, an uncaught exception or an unhandled rejection. `'drain'`:
   * it shuts the service down, and the process exits with 1. `'leave'`: nothing; Node, or whoever
   * listens for such errors, decides.
   * @default 'drain', but 'leave' where somebody else in the process listens for them, where
   * `--unhandled-rejections` says that rejections end nothing, and with `signals: false` or
   * `exit: false`
   */
  errors?: 'drain' | 'leave' | undefined
  /**
   * Whether the process exits at the end of a shutdown: with 0 when every request was finished and
   * everything closed, else with 1. With `false` nothing here ever exits.
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
  readonly budget: ShutdownBudget
  readonly signals: readonly ShutdownSignal[]
  readonly errors: 'drain' | 'drain-if-alone' | 'leave'
  /** Whether ends of the process that no signal announces are noticed. */
  readonly watched: boolean
  readonly exit: boolean
  readonly health: HealthPaths | undefined
  readonly checks: readonly NamedCheck[]
  readonly pressure: ResolvedPressure
  /** `undefined`: the server is left as it is. */
  readonly timeouts: Timeouts | undefined
  readonly proxyIdleTimeout: number | undefined
}

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGBREAK', 'SIGQUIT', 'SIGUSR2'] as const
const DEFAULT_SIGNALS = SIGNALS.slice(0, 4)
const MAX_DEFAULT_PART = 5000
const DEFAULT_FINISH = 20_000

function orFalse(check: OptionCheck): OptionCheck {
  return (value, option) => {
    if (value !== false) check(value, option)
  }
}

const SHAPE = {
  gracePeriod: check.duration({ min: 1, max: MAX_DURATION }),
  drainDelay: check.duration({ max: MAX_DURATION }),
  finishTimeout: check.duration({ max: MAX_DURATION }),
  closeTimeout: check.duration({ min: 1, max: MAX_DURATION }),
  signals: orFalse(check.listOf(check.oneOf(...SIGNALS))),
  errors: check.oneOf('drain', 'leave'),
  exit: check.boolean,
  health: orFalse(healthShape),
  pressure: pressureShape,
  timeouts: orFalse(check.object),
  proxyIdleTimeout: check.duration({ max: MAX_DURATION })
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
  checkOptions('lifecycle', options, SHAPE, FOREIGN_NAMES)
  const { signals = DEFAULT_SIGNALS, exit = true, health = {} } = options
  if (options.errors === 'drain' && !exit) {
    throw new InvalidOptionError('lifecycle.errors', "'leave' where exit is false", "'drain'")
  }
  const gracePeriod = parseDuration(options.gracePeriod ?? '30s', 'lifecycle.gracePeriod')
  return Object.freeze({
    gracePeriod,
    budget: resolveBudget(options, gracePeriod, onTerminal),
    signals: Object.freeze([...(signals || [])]),
    errors: options.errors ?? (signals !== false && exit ? 'drain-if-alone' : 'leave'),
    watched: signals !== false,
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

function resolveBudget(
  given: LifecycleOptions,
  gracePeriod: number,
  onTerminal: boolean
): ShutdownBudget {
  const sixth = Math.min(MAX_DEFAULT_PART, Math.floor(gracePeriod / 6))
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
