/**
 * What a user writes for the plugin and for an upstream, what it defaults to, and the checks that name
 * a mistake.
 */
import {
  check,
  checkOptions,
  type Duration,
  describe,
  InvalidOptionError,
  type OptionCheck,
  type OptionShape,
  parseDuration
} from '@holdfast/core/options'
import type { BudgetRules } from './budget.ts'
import {
  type DeadlineOption,
  deadlineCheck,
  resolveTrust,
  resolveWritten,
  type TrustedCallers,
  type WrittenDeadline,
  type WrittenDeadlineOption,
  writtenCheck
} from './deadline-options.ts'
import type { HedgeAfter } from './hedge.ts'
import { parseOrigin } from './origin.ts'

/** What calls may cost. Given to the plugin it holds for all upstreams, given to one for that one. */
export interface CallOptions {
  /**
   * How long a call may take, its retries and the reading of its answer included: milliseconds, or text
   * such as `'2s'`, at least 1 ms. `false` for no limit but the time of the request that it is made for.
   *
   * @default '10s'
   */
  readonly timeout?: Duration | false | undefined
  /**
   * How long each try may take until its answer begins: at least 1 ms. A try that takes longer may be
   * made again.
   *
   * @default none: a try may take as long as the call
   */
  readonly tryTimeout?: Duration | undefined
  /**
   * The most retries of one call: a whole number from 0 to 10.
   *
   * @default 2
   */
  readonly retries?: number | undefined
  /** The retries of all calls of an upstream together, in any ten seconds. */
  readonly budget?: BudgetOption | undefined
  /**
   * When the answer to a GET or HEAD of `upstream.fetch` is late, it is asked for a second time, and the first good
   * answer counts. A second try costs a retry of the `budget`, of which a third is there for them: a
   * fifteenth of the calls, unless it says otherwise. Without one, and while the breaker is not
   * closed, the first runs on alone. `false` turns off what the plugin's options say.
   *
   * @default none
   */
  readonly hedge?: HedgeOption | false | undefined
  /** How upstreams are told the time that a call has. */
  readonly deadline?: WrittenDeadlineOption | undefined
  /**
   * Whether calls on behalf of a request hand on its trace, `traceparent` and `tracestate`: those that
   * have none, as long as nobody listens on the channel `undici:request:create`, as OpenTelemetry's
   * instrumentation does to add its own.
   *
   * @default true
   */
  readonly trace?: boolean | undefined
}

/** How many retries an upstream may be sent, hedges included. */
export interface BudgetOption {
  /**
   * As a share of the first tries, from 0 to 1.
   *
   * @default 0.2
   */
  readonly ratio?: number | undefined
  /**
   * Besides, so many a second: a number from 0 to 1000.
   *
   * @default 1
   */
  readonly minimum?: number | undefined
}

/** When a call is made a second time because its answer is late. */
export interface HedgeOption {
  /**
   * A time of at least 1 ms, in milliseconds or as text such as `'50ms'`; or `'p95'`: what 95 % of the upstream's latest
   * thousand tries stayed below, at least 10 ms, once twenty are known.
   */
  readonly after: Duration | 'p95'
}

/** The options of the plugin. */
export interface OutgoingOptions extends CallOptions {
  /** How upstreams are told the time that a call has, and which callers may shorten that of a request. */
  readonly deadline?: DeadlineOption | undefined
  /**
   * `'explicit'`: calls are made on behalf of a request by `upstream.for(request)`.
   * `'async-local-storage'`: `upstream.fetch` and `upstream.interceptor` find the request that they are
   * used for by themselves. On Node 20 and 22 that makes every `await` of the process slower.
   *
   * @default 'explicit'
   */
  readonly context?: 'explicit' | 'async-local-storage' | undefined
}

/**
 * The options of one upstream, laid over the plugin's. `BreakerOptions` are those of
 * `@holdfast/circuit-breaker`.
 */
export interface UpstreamOptions<BreakerOptions extends object = object> extends CallOptions {
  /** Scheme, host and port of the upstream: `'https://payments.example'`. Calls go nowhere else. */
  readonly origin: string | URL
  /**
   * The circuit breaker around each try: `true` for the one with the upstream's name, its options, or
   * `false` for none.
   *
   * @default true
   */
  readonly breaker?: boolean | BreakerOptions | undefined
  /**
   * The most tries that may wait for their answers to begin: a whole number of at least 1.
   *
   * @default no limit
   */
  readonly maxConcurrent?: number | undefined
  /**
   * Sends the requests: a dispatcher of undici 6, 7 or 8 that `fetch` can use.
   *
   * @default the global dispatcher of `fetch`
   */
  readonly dispatcher?: DispatcherLike | undefined
}

/** As much of a dispatcher of undici as is used. */
export interface DispatcherLike {
  // biome-ignore lint/suspicious/noExplicitAny: the versions of undici differ in what they hand over
  dispatch(options: any, handler: any): boolean
}

/** The options of calls, complete and in milliseconds; `Infinity` for no limit. */
export interface CallRules {
  readonly timeout: number
  readonly tryTimeout: number
  readonly retries: number
  readonly budget: BudgetRules
  /** `undefined` for never. */
  readonly hedge: HedgeAfter | undefined
  readonly deadline: WrittenDeadline
  readonly trace: boolean
}

/** The options of the plugin, complete. */
export interface OutgoingRules {
  readonly calls: CallRules
  readonly callers: TrustedCallers
  readonly context: 'explicit' | 'async-local-storage'
}

/** The options of an upstream, complete. */
export interface UpstreamRules extends CallRules {
  readonly origin: URL
  readonly breaker: boolean | object
  readonly maxConcurrent: number
  readonly dispatcher: DispatcherLike | undefined
}

const DEFAULTS: CallRules = {
  timeout: 10_000,
  tryTimeout: Infinity,
  retries: 2,
  budget: { ratio: 0.2, minimum: 1 },
  hedge: undefined,
  deadline: resolveWritten({}),
  trace: true
}

/** One day, the longest time that any option may be, in milliseconds. */
const MAX_TIME = 86_400_000
const time = check.duration({ min: 1, max: MAX_TIME })

const dispatcher: OptionCheck = (value, option) => {
  if (typeof value !== 'object' || value === null || !('dispatch' in value)) {
    throw new InvalidOptionError(option, 'a dispatcher of undici', describe(value))
  }
}
const AFTER = "'p95' or a duration of at least 1 ms"
const after = check.either(AFTER, check.oneOf('p95'), time)
const hedge: OptionCheck = (value, option) => {
  if (value === false) return
  check.shape({ after })(value, option)
  if ((value as Partial<HedgeOption>).after === undefined) {
    throw new InvalidOptionError(`${option}.after`, AFTER, 'missing')
  }
}
const CALL_SHAPE: OptionShape = {
  timeout: check.either('a duration of at least 1 ms, or false', check.oneOf(false), time),
  tryTimeout: time,
  retries: check.integer({ min: 0, max: 10 }),
  budget: check.shape({
    ratio: check.number({ min: 0, max: 1 }),
    minimum: check.number({ min: 0, max: 1000 })
  }),
  hedge,
  deadline: writtenCheck,
  trace: check.boolean
}
const PLUGIN_SHAPE: OptionShape = {
  ...CALL_SHAPE,
  deadline: deadlineCheck,
  context: check.oneOf('explicit', 'async-local-storage')
}
const UPSTREAM_SHAPE: OptionShape = {
  ...CALL_SHAPE,
  origin: parseOrigin,
  breaker: check.either('true, false or the options of a breaker', check.boolean, check.object),
  maxConcurrent: check.integer({ min: 1 }),
  dispatcher
}

/** @throws UnknownOptionError, InvalidOptionError */
export function resolveOutgoingOptions(given: OutgoingOptions): OutgoingRules {
  checkOptions('outgoing', given, PLUGIN_SHAPE)
  const { deadline = {}, context = 'explicit' } = given
  return { calls: merge(DEFAULTS, given), callers: resolveTrust(deadline), context }
}

/**
 * Lays the options of an upstream over those of the plugin.
 *
 * @throws UnknownOptionError, InvalidOptionError
 */
export function resolveUpstreamOptions(
  base: CallRules,
  name: string,
  given: UpstreamOptions
): UpstreamRules {
  const optionPath = `upstream(${JSON.stringify(name)})`
  checkOptions(optionPath, given, UPSTREAM_SHAPE)
  const { breaker = true, maxConcurrent = Infinity, dispatcher } = given
  const origin = parseOrigin(given.origin, `${optionPath}.origin`)
  return { ...merge(base, given), origin, breaker, maxConcurrent, dispatcher }
}

function merge(base: CallRules, given: CallOptions): CallRules {
  const { timeout, tryTimeout, retries = base.retries, budget = {} } = given
  const { hedge, deadline = {}, trace = base.trace } = given
  return {
    timeout: timeout === false ? Infinity : milliseconds(timeout, base.timeout),
    tryTimeout: milliseconds(tryTimeout, base.tryTimeout),
    retries,
    budget: {
      ratio: budget.ratio ?? base.budget.ratio,
      minimum: budget.minimum ?? base.budget.minimum
    },
    hedge: hedge === undefined ? base.hedge : hedgeAfter(hedge),
    deadline: resolveWritten(deadline, base.deadline),
    trace
  }
}

function hedgeAfter(given: HedgeOption | false): HedgeAfter | undefined {
  if (given === false) return undefined
  return given.after === 'p95' ? 'p95' : parseDuration(given.after, 'hedge.after')
}

function milliseconds(given: Duration | undefined, otherwise: number): number {
  return given === undefined ? otherwise : parseDuration(given, 'timeout')
}

/** The options of an upstream that differ from others, each with its value; '' when none does. */
export function differences(has: UpstreamRules, other: UpstreamRules): string {
  const others = new Map(Object.entries(other).map(([name, value]) => [name, shown(value)]))
  return Object.entries(has)
    .map(([name, value]) => [name, shown(value)] as const)
    .filter(([name, value]) => others.get(name) !== value)
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ')
}

/** Any two dispatchers, and any two functions, count as the same. */
function shown(value: unknown): string {
  if (value === Infinity) return 'no limit'
  return String(
    JSON.stringify(value, (_key, member) => {
      if (typeof member === 'function') return 'a function'
      return typeof member === 'object' && member !== null && 'dispatch' in member
        ? 'a dispatcher'
        : member
    })
  )
}
