/**
 * The options of @fastify/rate-limit 11 by their own names, what they default to, and which
 * mistakes stop the boot.
 */
import { describe, InvalidOptionError } from '@holdfast/core/options'
import type { FastifyRequest, RouteOptions } from 'fastify'
import type { MaybePromise } from '../limit-options.ts'
import { DEFAULT_MAX, DEFAULT_WINDOW } from '../limit-options.ts'
import { parseSpan, spokenSpan } from './span.ts'

/** The hooks in which a request can be checked. */
export type RateLimitHook = 'onRequest' | 'preParsing' | 'preValidation' | 'preHandler'

/** What a store's constructor is given: the plugin's options, complete. */
export type FastifyRateLimitOptions = object

/** What `errorResponseBuilder` is told. */
export interface errorResponseBuilderContext {
  /** 429, or 403 for a banned client. */
  statusCode: number
  ban: boolean
  /** The time to wait, in words: `'1 minute'`. */
  after: string
  max: number
  /** The time to wait in milliseconds. */
  ttl: number
}

/** A class of stores. */
export interface FastifyRateLimitStoreCtor {
  new (options: FastifyRateLimitOptions): FastifyRateLimitStore
}

type StoreCallback = (error: Error | null, result?: { current: number; ttl: number }) => void

/** A store of the user's. */
export interface FastifyRateLimitStore {
  /** Counts a request, and answers with the count and what is left of the window in milliseconds. */
  incr(key: string, callback: StoreCallback, timeWindow: number, max: number): void
  /** The same without counting; needed for `{ increment: false }` only. */
  read?(key: string, callback: StoreCallback, timeWindow: number, max: number): void
  /** The store of a route with options of its own. */
  child(routeOptions: RouteOptions & { path: string; prefix: string }): FastifyRateLimitStore
}

type NumberFunction = (req: FastifyRequest, key: string) => MaybePromise<number>
type WindowFunction = (req: FastifyRequest, key: string) => MaybePromise<number>
type AllowFunction = (req: FastifyRequest, key: string) => MaybePromise<boolean>

/** The options of `app.createRateLimit()`. */
export interface CreateRateLimitOptions {
  /** Of the plugin only: a class that counts elsewhere. */
  store?: FastifyRateLimitStoreCtor
  /**
   * Whether requests pass when the store fails.
   *
   * @default false
   */
  skipOnError?: boolean
  /**
   * Requests per `timeWindow` and client. 0 denies all.
   *
   * @default 1000
   */
  max?:
    | number
    | ((req: FastifyRequest, key: string) => number)
    | ((req: FastifyRequest, key: string) => Promise<number>)
  /**
   * The window: milliseconds, or text such as `'1 minute'`. A client's first request opens it.
   *
   * @default 60000
   */
  timeWindow?:
    | number
    | string
    | ((req: FastifyRequest, key: string) => number)
    | ((req: FastifyRequest, key: string) => Promise<number>)
  /** Keys that are not limited, or a function that says so. */
  allowList?: string[] | ((req: FastifyRequest, key: string) => boolean | Promise<boolean>)
  /**
   * Names the client.
   *
   * @default the address, of IPv6 the network
   */
  keyGenerator?: (req: FastifyRequest) => string | number | Promise<string | number>
  /**
   * How many bits of an IPv6 address name the client, where no `keyGenerator` does.
   *
   * @default 64
   */
  ipv6Subnet?: number
  /**
   * After how many denied requests in a window the client is banned, until the window closes.
   *
   * @default -1, never
   */
  ban?: number
}

/** The options of a route, under `config.rateLimit`, and of `app.rateLimit()`. */
export interface RateLimitOptions extends CreateRateLimitOptions {
  /**
   * The hook that checks.
   *
   * @default 'onRequest'
   */
  hook?: RateLimitHook
  /** Clients to remember. Never fewer than 2 ** 20 are, whatever it says. */
  cache?: number
  /**
   * Whether a denied request opens the window anew.
   *
   * @default false
   */
  continueExceeding?: boolean
  /** Called for every request of a banned client. */
  onBanReach?: (req: FastifyRequest, key: string) => void
  /** Routes of the same group share their counters. */
  groupId?: string
  /** Makes what is thrown when a request is denied. */
  errorResponseBuilder?: (req: FastifyRequest, context: errorResponseBuilderContext) => object
  /**
   * Of the plugin only: `ratelimit-limit` and so on instead of `x-ratelimit-limit`.
   *
   * @default false
   */
  enableDraftSpec?: boolean
  /** Called for every request that passes. */
  onExceeding?: (req: FastifyRequest, key: string) => void
  /** Called for every request that is denied. */
  onExceeded?: (req: FastifyRequest, key: string) => void
  /**
   * Whether a denied request opens the window anew, twice as long each time.
   *
   * @default false
   */
  exponentialBackoff?: boolean
}

interface DefaultAddHeadersOnExceeding {
  'x-ratelimit-limit'?: boolean
  'x-ratelimit-remaining'?: boolean
  'x-ratelimit-reset'?: boolean
}

interface DefaultAddHeaders extends DefaultAddHeadersOnExceeding {
  'retry-after'?: boolean
}

interface DraftSpecAddHeadersOnExceeding {
  'ratelimit-limit'?: boolean
  'ratelimit-remaining'?: boolean
  'ratelimit-reset'?: boolean
}

interface DraftSpecAddHeaders extends DraftSpecAddHeadersOnExceeding {
  'retry-after'?: boolean
}

/** The options of the plugin. */
export interface RateLimitPluginOptions extends RateLimitOptions {
  /**
   * Whether every route is limited; else only those with `config.rateLimit`.
   *
   * @default true
   */
  global?: boolean
  /** A client of ioredis or iovalkey, to count in Redis. */
  redis?: object
  /**
   * What keys in Redis begin with.
   *
   * @default 'fastify-rate-limit-'
   */
  nameSpace?: string
  /** The header fields of denied requests; all, unless they are `false` here. */
  addHeaders?: DefaultAddHeaders | DraftSpecAddHeaders
  /** The header fields of requests that pass; all, unless they are `false` here. */
  addHeadersOnExceeding?: DefaultAddHeadersOnExceeding | DraftSpecAddHeadersOnExceeding
}

/** The names of the header fields. */
export interface Labels {
  readonly rateLimit: string
  readonly rateRemaining: string
  readonly rateReset: string
  readonly retryAfter: string
}

/** One limit, checked and complete. A user's store is given the same. */
export interface Limits {
  readonly global: boolean
  readonly max: number | NumberFunction
  /** Milliseconds. */
  readonly timeWindow: number | WindowFunction
  readonly hook: RateLimitHook
  readonly allowList: readonly string[] | AllowFunction | null
  /** -1: nobody is banned. */
  readonly ban: number
  readonly continueExceeding: boolean
  readonly exponentialBackoff: boolean
  readonly skipOnError: boolean
  readonly ipv6Subnet: number
  /** `undefined`: the client's address. */
  readonly keyGenerator: ((req: FastifyRequest) => MaybePromise<string | number>) | undefined
  readonly groupId: string | undefined
  readonly errorResponseBuilder: (req: FastifyRequest, told: errorResponseBuilderContext) => unknown
  readonly onBanReach: (req: FastifyRequest, key: string) => void
  readonly onExceeding: (req: FastifyRequest, key: string) => void
  readonly onExceeded: (req: FastifyRequest, key: string) => void
  readonly enableDraftSpec: boolean
  readonly labels: Labels
  readonly addHeaders: Readonly<Record<string, boolean>>
  readonly addHeadersOnExceeding: Readonly<Record<string, boolean>>
}

const DEFAULT_LABELS: Labels = {
  rateLimit: 'x-ratelimit-limit',
  rateRemaining: 'x-ratelimit-remaining',
  rateReset: 'x-ratelimit-reset',
  retryAfter: 'retry-after'
}

const DRAFT_LABELS: Labels = {
  rateLimit: 'ratelimit-limit',
  rateRemaining: 'ratelimit-remaining',
  rateReset: 'ratelimit-reset',
  retryAfter: 'retry-after'
}

const nothing = (): void => {}

/** What is thrown where no `errorResponseBuilder` says otherwise. */
export function exceededError(_request: unknown, told: errorResponseBuilderContext): Error {
  const error = new Error(`Rate limit exceeded, retry in ${told.after}`)
  return Object.assign(error, { statusCode: told.statusCode })
}

/** @throws InvalidOptionError */
export function resolveOptions(given: RateLimitPluginOptions): Limits {
  const enableDraftSpec = given.enableDraftSpec === true
  const labels = enableDraftSpec ? DRAFT_LABELS : DEFAULT_LABELS
  const { rateLimit, rateRemaining, rateReset, retryAfter } = labels
  const shown = { [rateLimit]: true, [rateRemaining]: true, [rateReset]: true }
  const unset: Limits = {
    global: flag(given.global, true),
    max: DEFAULT_MAX,
    timeWindow: DEFAULT_WINDOW,
    hook: 'onRequest',
    allowList: null,
    ban: -1,
    continueExceeding: false,
    exponentialBackoff: false,
    skipOnError: false,
    ipv6Subnet: 64,
    keyGenerator: undefined,
    groupId: undefined,
    errorResponseBuilder: exceededError,
    onBanReach: nothing,
    onExceeding: nothing,
    onExceeded: nothing,
    enableDraftSpec,
    labels,
    addHeaders: {},
    addHeadersOnExceeding: {}
  }
  return {
    ...merge(unset, given, 'rateLimit'),
    addHeaders: { ...shown, [retryAfter]: true, ...given.addHeaders },
    addHeadersOnExceeding: { ...shown, ...given.addHeadersOnExceeding },
    // A group is stated by its routes.
    groupId: undefined
  }
}

/**
 * Lays the options of a route, or of something else, over the plugin's.
 *
 * @param place names them in errors
 * @throws InvalidOptionError
 */
export function mergeOptions(plugin: Limits, given: RateLimitOptions, place: string): Limits {
  const { groupId } = given
  if (groupId !== undefined && typeof groupId !== 'string') {
    throw new Error('groupId must be a string')
  }
  return merge(plugin, given, place)
}

/** A route may have the plugin's header options too, though it is not typed so. */
function merge(base: Limits, given: RateLimitPluginOptions, place: string): Limits {
  const own = <Name extends keyof RateLimitOptions>(name: Name) => given[name] ?? undefined
  return {
    ...base,
    max: maxOf(own('max'), `${place}.max`) ?? base.max,
    timeWindow: windowOf(own('timeWindow'), `${place}.timeWindow`) ?? base.timeWindow,
    hook: given.hook || base.hook,
    allowList: given.allowList || base.allowList,
    ban: given.ban === undefined ? base.ban : wholeFrom0(given.ban, -1),
    continueExceeding: flag(given.continueExceeding, base.continueExceeding),
    exponentialBackoff: flag(given.exponentialBackoff, base.exponentialBackoff),
    skipOnError: flag(given.skipOnError, base.skipOnError),
    ipv6Subnet: given.ipv6Subnet === undefined ? base.ipv6Subnet : subnetOf(given.ipv6Subnet),
    keyGenerator: func(given.keyGenerator) ?? base.keyGenerator,
    groupId: given.groupId || undefined,
    errorResponseBuilder: func(given.errorResponseBuilder) ?? base.errorResponseBuilder,
    onBanReach: func(given.onBanReach) ?? base.onBanReach,
    onExceeding: func(given.onExceeding) ?? base.onExceeding,
    onExceeded: func(given.onExceeded) ?? base.onExceeded,
    addHeaders: { ...(given.addHeaders ?? base.addHeaders) },
    addHeadersOnExceeding: { ...(given.addHeadersOnExceeding ?? base.addHeadersOnExceeding) }
  }
}

function flag(value: unknown, otherwise: boolean): boolean {
  return typeof value === 'boolean' ? value : otherwise
}

function func<Value>(value: Value): Value | undefined {
  return typeof value === 'function' ? value : undefined
}

function wholeFrom0(value: number, otherwise: number): number {
  return Number.isFinite(value) && value >= 0 ? Math.trunc(value) : otherwise
}

function subnetOf(bits: number): number {
  return bits <= 128 ? wholeFrom0(bits, 64) : 64
}

/** Not a number at all counts as the default, which the original's own tests want. */
function maxOf(max: Limits['max'] | undefined, option: string): Limits['max'] | undefined {
  if (max === undefined || typeof max === 'function') return max
  if (Number.isNaN(max)) return DEFAULT_MAX
  if (Number.isFinite(max) && max >= 0) return Math.trunc(max)
  throw new InvalidOptionError(option, 'a number of at least 0, or a function', describe(max))
}

/** So does a negative window. */
function windowOf(
  given: RateLimitOptions['timeWindow'],
  option: string
): Limits['timeWindow'] | undefined {
  if (given === undefined || typeof given === 'function') return given
  if (typeof given === 'number' && (Number.isNaN(given) || given < 0)) return DEFAULT_WINDOW
  const milliseconds = spanOf(given)
  if (milliseconds !== undefined) return milliseconds
  const expected = `at least 1 ms: a number, text such as '${spokenSpan(DEFAULT_WINDOW)}', or a function`
  throw new InvalidOptionError(option, expected, describe(given))
}

/** Whole milliseconds; `undefined` where that is less than one, or no span at all. */
export function spanOf(value: unknown): number | undefined {
  const milliseconds = typeof value === 'string' ? parseSpan(value) : value
  if (typeof milliseconds !== 'number' || !Number.isFinite(milliseconds)) return undefined
  return milliseconds >= 1 ? Math.trunc(milliseconds) : undefined
}
