/**
 * What a user writes, what it defaults to, and the checks that name a mistake at boot.
 */
import { isIP } from 'node:net'
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
  parseDuration
} from '@holdfast/core'
import type { FastifyRequest } from 'fastify'
import { canonicalAddress, clientKey } from './client-key.ts'
import type { HeaderStyle } from './headers.ts'

/** The hooks in which a request can be checked. */
export type RateLimitHook = 'onRequest' | 'preParsing' | 'preValidation' | 'preHandler'

/** Names the client of a request. Must answer at once, with text that is not empty or a number. */
export type KeyGenerator = (request: FastifyRequest) => string | number

/** Whether a request goes unlimited; must answer at once, and only `true` means yes. */
export type AllowFunction = (request: FastifyRequest, key: string) => boolean

/** The options of a route, under `config.rateLimit`: the plugin's apply where none is given. */
export interface RateLimitRouteOptions {
  /**
   * Requests per `timeWindow` and client: a whole number. 0 denies all.
   *
   * @default 1000
   */
  readonly max?: number
  /**
   * The window of `max`: milliseconds, or text such as `'30s'`; from 1 ms to 365 days. Requests
   * come back evenly over it, one every `timeWindow / max`.
   *
   * @default '1 minute'
   */
  readonly timeWindow?: Duration
  /**
   * Requests a client may make at once, having made none for a while: a whole number of at least 1.
   *
   * @default the `max` it is given with
   */
  readonly burst?: number
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
   * @default the client's address, `request.ip`; of IPv6 the /64 network
   */
  readonly keyGenerator?: KeyGenerator
  /**
   * Who goes unlimited: addresses, compared with `request.ip` in any spelling, or a function.
   *
   * @default []
   */
  readonly allowList?: readonly string[] | AllowFunction
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
   * The most clients to remember, of all budgets together: a whole number from 1 to 2 ** 24. When
   * so many owe at once, further ones share one bucket per budget until there is room.
   *
   * @default 2 ** 20
   */
  readonly maxKeys?: number
}

/** The options of a budget, checked and complete. */
export interface BudgetOptions {
  readonly max: number
  /** Milliseconds. */
  readonly timeWindow: number
  readonly burst: number
  readonly hook: RateLimitHook
  readonly keyGenerator: KeyGenerator
  /** Canonical addresses, or the user's function. */
  readonly allowList: ReadonlySet<string> | AllowFunction
  readonly headers: HeaderStyle
}

/** The plugin's options, checked and complete. */
export interface ResolvedOptions extends BudgetOptions {
  readonly global: boolean
  readonly maxKeys: number
}

const address: OptionCheck = (value, option) => {
  if (typeof value !== 'string' || isIP(value) === 0) {
    throw new InvalidOptionError(option, 'an IP address', describe(value))
  }
}

/** 365 days. Nobody means more, and far beyond it numbers end to be exact, and then to be finite. */
const LONGEST_WINDOW = 31_536_000_000

const window: OptionCheck = (value, option) => {
  duration({ min: 1 })(value, option)
  // The check before leaves nothing but a duration.
  if (parseDuration(value as Duration, option) > LONGEST_WINDOW) {
    throw new InvalidOptionError(option, 'a duration of at most 365 days', describe(value))
  }
}

const addresses: OptionCheck = listOf(address)
const addressesOrFunction: OptionCheck = either(
  'an array of IP addresses or a function',
  addresses,
  func
)

/** A wrong member of a list is named itself. */
const allowList: OptionCheck = (value, option) => {
  const check = Array.isArray(value) ? addresses : addressesOrFunction
  check(value, option)
}

const ROUTE_SHAPE: OptionShape = {
  // The largest integer of a structured field: clients are told this number.
  max: integer({ min: 0, max: 999_999_999_999_999 }),
  timeWindow: window,
  burst: integer({ min: 1, max: 999_999_999_999_999 }),
  hook: oneOf('onRequest', 'preParsing', 'preValidation', 'preHandler'),
  keyGenerator: func,
  allowList,
  headers: oneOf('draft', 'legacy', false)
}

const PLUGIN_SHAPE: OptionShape = {
  ...ROUTE_SHAPE,
  global: boolean,
  maxKeys: integer({ min: 1, max: 2 ** 24 })
}

const DEFAULTS: ResolvedOptions = {
  max: 1000,
  timeWindow: 60_000,
  burst: 1000,
  hook: 'onRequest',
  keyGenerator: (request) => clientKey(request.ip),
  allowList: new Set(),
  headers: 'draft',
  global: true,
  maxKeys: 2 ** 20
}

/** @throws UnknownOptionError, InvalidOptionError */
export function resolveRateLimitOptions(given: RateLimitOptions): ResolvedOptions {
  checkOptions('rateLimit', given, PLUGIN_SHAPE)
  const { global = DEFAULTS.global, maxKeys = DEFAULTS.maxKeys } = given
  return Object.freeze({ ...merge(DEFAULTS, given), global, maxKeys })
}

/**
 * Lays a route's options over the plugin's.
 *
 * @param place names the route in errors
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
  return Object.freeze(merge(plugin, given))
}

function merge(base: BudgetOptions, given: RateLimitRouteOptions): BudgetOptions {
  const { max = base.max, hook = base.hook, headers = base.headers } = given
  return {
    max,
    timeWindow:
      given.timeWindow === undefined
        ? base.timeWindow
        : parseDuration(given.timeWindow, 'timeWindow'),
    // A burst belongs to the max it was given with: a route that lowers max means it.
    burst: given.burst ?? (given.max === undefined ? base.burst : max),
    hook,
    keyGenerator: given.keyGenerator ?? base.keyGenerator,
    allowList: given.allowList === undefined ? base.allowList : listed(given.allowList),
    headers
  }
}

function listed(allowList: readonly string[] | AllowFunction): ReadonlySet<string> | AllowFunction {
  return typeof allowList === 'function' ? allowList : new Set(allowList.map(canonicalAddress))
}
