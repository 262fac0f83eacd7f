/**
 * What a user writes, what it defaults to, and the checks that name a mistake at boot.
 */
import {
  boolean,
  checkOptions,
  type Duration,
  describe,
  duration,
  either,
  func,
  InvalidOptionError,
  integer,
  listOf,
  type OptionCheck,
  type OptionShape,
  oneOf,
  parseDuration,
  shapeOf,
  text
} from '@holdfast/core'
import type { FastifyRequest } from 'fastify'
import { AddressList, isNetwork } from './address-list.ts'
import type { AlgorithmName } from './algorithms/algorithm.ts'
import type { RedisClient } from './edges/redis-clients.ts'
import type { HeaderStyle } from './headers.ts'
import type { Store } from './store.ts'

/** The hooks in which a request can be checked. */
export type RateLimitHook = 'onRequest' | 'preParsing' | 'preValidation' | 'preHandler'

/** What a user's function may answer: at once, or with a promise. At once costs less. */
export type MaybePromise<Value> = Value | Promise<Value>

/** Names the client of a request, with text that is not empty or a number. */
export type KeyGenerator = (request: FastifyRequest) => MaybePromise<string | number>

/** Whether a request goes unlimited; only `true` means yes. */
export type AllowFunction = (request: FastifyRequest, key: string) => MaybePromise<boolean>

/** A number that depends on the request, or on who makes it. */
export type NumberFunction = (request: FastifyRequest, key: string) => MaybePromise<number>

/** A duration that depends on the request, or on who makes it. */
export type DurationFunction = (request: FastifyRequest, key: string) => MaybePromise<Duration>

/** Whether requests that exceed a limit are refused, or only counted and published. */
export type Mode = 'enforce' | 'shadow'

/** What applies to a request while the store does not answer. */
export type OnStoreError = 'local' | 'allow' | 'deny'

/** The options of a route, under `config.rateLimit`: the plugin's apply where none is given. */
export interface RateLimitRouteOptions {
  /**
   * Requests per `timeWindow` and client: a whole number. 0 denies all.
   *
   * @default 1000
   */
  readonly max?: number | NumberFunction
  /**
   * The window of `max`: milliseconds, or text such as `'30s'`; from 1 ms to 365 days.
   *
   * @default '1 minute'
   */
  readonly timeWindow?: Duration | DurationFunction
  /**
   * How requests are counted. The token bucket lets them come back evenly, one every
   * `timeWindow / max`. A fixed window begins with the client's first request. The sliding window
   * counts what is left of the window before.
   *
   * @default 'token-bucket'
   */
  readonly algorithm?: AlgorithmName
  /**
   * Of the token bucket: requests a client may make at once, having made none for a while. A whole
   * number of at least 1, and where the limit is `strict`, at most `max`.
   *
   * @default the `max` it is given with; a fifth of it where the limit is `strict`
   */
  readonly burst?: number
  /**
   * Of the token bucket: no span as long as `timeWindow`, wherever it begins, sees more than `max`
   * requests of a client. What is allowed at once is taken off what comes back.
   *
   * @default false
   */
  readonly strict?: boolean
  /**
   * What a request takes of `max`: a whole number; 0 takes nothing.
   *
   * @default 1
   */
  readonly cost?: number | NumberFunction
  /**
   * Whether a denied request takes its cost too, as far as there is anything to take: who keeps
   * asking stays denied. Without effect on a fixed window, which ends when it ends.
   *
   * @default false
   */
  readonly countDenied?: boolean
  /**
   * The hook that checks. A later one than `onRequest` sees what earlier hooks found out, a user
   * for instance.
   *
   * @default 'onRequest'
   */
  readonly hook?: RateLimitHook
  /**
   * Names the client. When it throws, or answers with nothing, this is logged once and the request
   * shares one budget with all others of its kind.
   *
   * @default the client's address, `request.ip`; of IPv6 the network, see `ipv6Subnet`
   */
  readonly keyGenerator?: KeyGenerator
  /**
   * How many bits of an IPv6 address name the client, where no `keyGenerator` does: from 32 to 128.
   *
   * @default 64
   */
  readonly ipv6Subnet?: number
  /**
   * Who goes unlimited: addresses and networks (`10.0.0.0/8`), compared with `request.ip` in any
   * spelling, or a function.
   *
   * @default []
   */
  readonly allowList?: readonly string[] | AllowFunction
  /** Routes of the same group share one budget per client. They must state the same limit. */
  readonly groupId?: string
  /**
   * Whether to refuse what exceeds the limit. In `'shadow'` it is counted, published and kept among
   * the facts, but answered as if there were no limit, and clients are told none.
   *
   * @default 'enforce'
   */
  readonly mode?: Mode
  /**
   * The header fields that tell clients their limit: those of the IETF draft (`RateLimit-Policy`
   * and `RateLimit`), the older `x-ratelimit-*`, or none.
   *
   * @default 'draft'
   */
  readonly headers?: HeaderStyle
}

/** The options of the plugin. */
export interface RateLimitOptions extends RateLimitRouteOptions {
  /**
   * Whether every route is limited, and requests without a route; else only routes that have
   * `config.rateLimit`.
   *
   * @default true
   */
  readonly global?: boolean
  /**
   * The most clients to remember, of all budgets together: a whole number from 1 to 2 ** 24, rounded
   * up to a multiple of 8. When so many owe at once, newcomers may be limited early.
   *
   * @default 2 ** 20
   */
  readonly maxKeys?: number
  /**
   * A client of the Redis or Valkey in which all processes of the service count together: of ioredis,
   * iovalkey or node-redis, of one server, Sentinels or a Cluster. The same as a `RedisStore` with it
   * as `store`.
   */
  readonly redis?: RedisClient
  /** Where all processes of the service count together; by default each counts by itself. */
  readonly store?: Store
  /**
   * How long a request waits for the store: milliseconds or text, from 1 ms to a minute.
   *
   * @default 50
   */
  readonly storeTimeout?: Duration
  /**
   * What applies to requests that the store does not answer in time: what this process remembers,
   * at the limit divided by `instances`; no limit; or that all are denied.
   *
   * @default 'local'
   */
  readonly onStoreError?: OnStoreError
  /**
   * How many processes share the store: a whole number of at least 1.
   *
   * @default 1
   */
  readonly instances?: number
  /**
   * Takes up to `max` requests of a client from the store in advance, and spends them without asking
   * it; fewer the less is left, and at last one by one. All processes together admit at most
   * `max * instances` requests of a client more than its limit. `max`: a whole number of at least 2.
   * Without effect where denied requests count.
   *
   * @default false
   */
  readonly lease?: false | { readonly max: number }
}

/** The options of a budget, checked and complete. */
export interface BudgetOptions {
  readonly max: number | NumberFunction
  /** Milliseconds. */
  readonly timeWindow: number | DurationFunction
  readonly algorithm: AlgorithmName
  /** `undefined`: what suits `max`. */
  readonly burst: number | undefined
  readonly strict: boolean
  readonly cost: number | NumberFunction
  readonly countDenied: boolean
  readonly hook: RateLimitHook
  /** `undefined`: the client's address. */
  readonly keyGenerator: KeyGenerator | undefined
  readonly ipv6Subnet: number
  readonly allowList: AddressList | AllowFunction
  readonly groupId: string | undefined
  readonly mode: Mode
  readonly headers: HeaderStyle
}

/** How limits are shared, checked and complete. One of `store` and `redis` is given. */
export interface SharedOptions {
  readonly store: Store | undefined
  readonly redis: RedisClient | undefined
  /** Milliseconds. */
  readonly storeTimeout: number
  readonly onStoreError: OnStoreError
  readonly instances: number
  /** The most to take in advance; 1: nothing. */
  readonly leaseMax: number
}

/** The plugin's options, checked and complete. */
export interface ResolvedOptions extends BudgetOptions {
  readonly global: boolean
  readonly maxKeys: number
  /** `undefined`: the process counts by itself. */
  readonly shared: SharedOptions | undefined
}

/** The largest integer of a structured field: clients are told the limit in one. */
const MOST = 999_999_999_999_999

/** What windows count in. */
export const MOST_IN_A_WINDOW = 0xffff_ffff

/** 365 days. Nobody means more, and far beyond it numbers end to be exact, and then to be finite. */
const LONGEST_WINDOW = 31_536_000_000

/** A number of requests. */
export const requests: OptionCheck = integer({ min: 0, max: MOST })

/** The window of a limit. */
export const window: OptionCheck = (value, option) => {
  duration({ min: 1 })(value, option)
  // The check before leaves nothing but a duration.
  if (parseDuration(value as Duration, option) > LONGEST_WINDOW) {
    throw new InvalidOptionError(option, 'a duration of at most 365 days', describe(value))
  }
}

/** A function passes: what it answers is checked when it does. */
function orFunction(check: OptionCheck): OptionCheck {
  return (value, option) => {
    if (typeof value !== 'function') check(value, option)
  }
}

const network: OptionCheck = (value, option) => {
  if (typeof value !== 'string' || !isNetwork(value)) {
    const expected = 'an IP address or a network such as "10.0.0.0/8"'
    throw new InvalidOptionError(option, expected, describe(value))
  }
}

const networks: OptionCheck = listOf(network)
const networksOrFunction: OptionCheck = either(
  'an array of IP addresses and networks, or a function',
  networks,
  func
)

/** A wrong member of a list is named itself. */
const allowList: OptionCheck = (value, option) => {
  const check = Array.isArray(value) ? networks : networksOrFunction
  check(value, option)
}

/** A name goes into a header field, which knows no other characters (RFC 9651, 3.3.3). */
const name: OptionCheck = (value, option) => {
  text(value, option)
  if (!/^[\x20-\x7e]{1,64}$/.test(value as string)) {
    const expected = 'text of at most 64 printable ASCII characters'
    throw new InvalidOptionError(option, expected, describe(value))
  }
}

const store: OptionCheck = (value, option) => {
  const methods = ['check', 'peek', 'refund', 'reset'] as const
  const given = (typeof value === 'object' && value !== null ? value : {}) as Partial<Store>
  if (methods.some((method) => typeof given[method] !== 'function')) {
    const expected = `a store with ${methods.join('(), ')}()`
    throw new InvalidOptionError(option, expected, describe(value))
  }
}

const leaseObject: OptionCheck = shapeOf({ max: integer({ min: 2, max: MOST }) })

const lease: OptionCheck = (value, option) => {
  if (value !== false) leaseObject(value, option)
}

const ROUTE_SHAPE: OptionShape = {
  max: orFunction(requests),
  timeWindow: orFunction(window),
  algorithm: oneOf('token-bucket', 'sliding-window', 'fixed-window'),
  burst: integer({ min: 1, max: MOST }),
  strict: boolean,
  cost: orFunction(requests),
  countDenied: boolean,
  hook: oneOf('onRequest', 'preParsing', 'preValidation', 'preHandler'),
  keyGenerator: func,
  ipv6Subnet: integer({ min: 32, max: 128 }),
  allowList,
  groupId: name,
  mode: oneOf('enforce', 'shadow'),
  headers: oneOf('draft', 'legacy', false)
}

const PLUGIN_SHAPE: OptionShape = {
  ...ROUTE_SHAPE,
  global: boolean,
  maxKeys: integer({ min: 1, max: 2 ** 24 }),
  // Which clients can be used is for the edge to say that uses them.
  redis: () => {},
  store,
  storeTimeout: duration({ min: 1, max: 60_000 }),
  onStoreError: oneOf('local', 'allow', 'deny'),
  instances: integer({ min: 1 }),
  lease
}

/** What applies where nobody says otherwise, or says nonsense. */
export const DEFAULT_MAX = 1000
export const DEFAULT_WINDOW = 60_000

const DEFAULTS: ResolvedOptions = {
  max: DEFAULT_MAX,
  timeWindow: DEFAULT_WINDOW,
  algorithm: 'token-bucket',
  burst: undefined,
  strict: false,
  cost: 1,
  countDenied: false,
  hook: 'onRequest',
  keyGenerator: undefined,
  ipv6Subnet: 64,
  allowList: new AddressList([]),
  groupId: undefined,
  mode: 'enforce',
  headers: 'draft',
  global: true,
  maxKeys: 2 ** 20,
  shared: undefined
}

/** @throws UnknownOptionError, InvalidOptionError */
export function resolveRateLimitOptions(given: RateLimitOptions): ResolvedOptions {
  checkOptions('rateLimit', given, PLUGIN_SHAPE)
  const { global = DEFAULTS.global, maxKeys = DEFAULTS.maxKeys } = given
  const budget = merge(DEFAULTS, routeOptionsOf(given), 'rateLimit')
  return Object.freeze({ ...budget, global, maxKeys, shared: sharedOf(given) })
}

/** What is said of limits, without what is said of where they are kept. */
function routeOptionsOf(given: RateLimitOptions): RateLimitRouteOptions {
  const names = Object.keys(ROUTE_SHAPE)
  return Object.fromEntries(Object.entries(given).filter(([name]) => names.includes(name)))
}

function sharedOf(given: RateLimitOptions): SharedOptions | undefined {
  const { store, redis, storeTimeout = 50, onStoreError = 'local', instances = 1 } = given
  const leaseMax = given.lease ? given.lease.max : 1
  if (store === undefined && redis === undefined) return undefined
  if (store !== undefined && redis !== undefined) {
    const expected = 'left out where there is a store'
    throw new InvalidOptionError('rateLimit.redis', expected, describe(redis))
  }
  const timeout = parseDuration(storeTimeout, 'rateLimit.storeTimeout')
  return { store, redis, storeTimeout: timeout, onStoreError, instances, leaseMax }
}

/**
 * Lays a route's options over the plugin's.
 *
 * @param place names the route's options in errors
 * @throws UnknownOptionError, InvalidOptionError
 */
export function resolveRouteOptions(
  plugin: BudgetOptions,
  given: unknown,
  place: string
): BudgetOptions {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new InvalidOptionError(place, 'an object of options or false', describe(given))
  }
  checkOptions(place, given, ROUTE_SHAPE)
  return Object.freeze(merge(plugin, given, place))
}

function merge(base: BudgetOptions, given: RateLimitRouteOptions, place: string): BudgetOptions {
  const merged: BudgetOptions = {
    ...base,
    ...withoutUndefined(given),
    timeWindow: milliseconds(given.timeWindow ?? base.timeWindow),
    burst: burstOf(base, given),
    allowList: listed(given.allowList ?? base.allowList),
    // A group is stated by its members.
    groupId: given.groupId
  }
  checkTogether(merged, place)
  return merged
}

/** A burst belongs to the max and the algorithm it was given with: a route that lowers max means it. */
function burstOf(base: BudgetOptions, given: RateLimitRouteOptions): number | undefined {
  if (given.burst !== undefined || given.max !== undefined) return given.burst
  const same = given.algorithm === undefined || given.algorithm === base.algorithm
  return same ? base.burst : undefined
}

function withoutUndefined(given: object): object {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

/** What each option by itself may be, but not together with the others. */
function checkTogether(options: BudgetOptions, place: string): void {
  const { max, algorithm, strict, burst } = options
  if (algorithm !== 'token-bucket') {
    const why = `where the algorithm is "${algorithm}"`
    if (strict) throw new InvalidOptionError(`${place}.strict`, `false ${why}`, 'true')
    if (burst !== undefined) {
      throw new InvalidOptionError(`${place}.burst`, `left out ${why}`, describe(burst))
    }
    if (typeof max === 'number' && max > MOST_IN_A_WINDOW) {
      const expected = `a whole number of at most ${MOST_IN_A_WINDOW} ${why}`
      throw new InvalidOptionError(`${place}.max`, expected, describe(max))
    }
  }
  if (strict && burst !== undefined && typeof max === 'number' && burst > Math.max(1, max)) {
    const expected = `at most max, ${max}, where the limit is strict`
    throw new InvalidOptionError(`${place}.burst`, expected, describe(burst))
  }
}

function milliseconds(window: Duration | DurationFunction): number | DurationFunction {
  return typeof window === 'function' ? window : parseDuration(window, 'timeWindow')
}

function listed(
  allowList: readonly string[] | AddressList | AllowFunction
): AddressList | AllowFunction {
  if (typeof allowList === 'function' || allowList instanceof AddressList) return allowList
  return new AddressList(allowList)
}
