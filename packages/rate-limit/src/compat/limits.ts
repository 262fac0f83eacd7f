/**
 * One limit, made of the options: their defaults, how a route's are laid over the plugin's, and the
 * mistakes that stop the boot.
 */
import { describe, InvalidOptionError } from '@holdfast/core/options'
import type { FastifyRequest } from 'fastify'
import { DEFAULT_MAX, DEFAULT_WINDOW, type MaybePromise } from '../limit-options.ts'
import type {
  errorResponseBuilderContext,
  RateLimitHook,
  RateLimitOptions,
  RateLimitPluginOptions
} from './options.ts'
import { spanOf, spokenSpan } from './span.ts'

type NumberFunction = (req: FastifyRequest, key: string) => MaybePromise<number>
type WindowFunction = (req: FastifyRequest, key: string) => MaybePromise<number>
type AllowFunction = (req: FastifyRequest, key: string) => MaybePromise<boolean>

/** The names of the header fields. */
export interface Labels {
  readonly rateLimit: string
  readonly rateRemaining: string
  readonly rateReset: string
  readonly retryAfter: string
}

/** Whether a header field is sent, by its name. */
type ShownFields = Readonly<Record<string, boolean | undefined>>

/** One limit, checked and complete. A user's store is given the same. */
export interface Limits {
  readonly global: boolean
  readonly max: number | NumberFunction
  /** Milliseconds. */
  readonly timeWindow: number | WindowFunction
  readonly hook: RateLimitHook
  readonly allowList: readonly string[] | AllowFunction | null
  /** -1: no client is banned. */
  readonly ban: number
  readonly continueExceeding: boolean
  readonly exponentialBackoff: boolean
  readonly skipOnError: boolean
  readonly ipv6Subnet: number
  /** `undefined`: the client's address. */
  readonly keyGenerator: ((req: FastifyRequest) => MaybePromise<string | number>) | undefined
  readonly groupId: string | undefined
  readonly errorResponseBuilder: (
    req: FastifyRequest,
    context: errorResponseBuilderContext
  ) => unknown
  readonly onBanReach: (req: FastifyRequest, key: string) => void
  readonly onExceeding: (req: FastifyRequest, key: string) => void
  readonly onExceeded: (req: FastifyRequest, key: string) => void
  readonly enableDraftSpec: boolean
  readonly labels: Labels
  readonly addHeaders: ShownFields
  readonly addHeadersOnExceeding: ShownFields
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

/** The error that is thrown where there is no `errorResponseBuilder`. */
export function exceededError(_request: unknown, context: errorResponseBuilderContext): Error {
  const error = new Error(`Rate limit exceeded, retry in ${context.after}`)
  return Object.assign(error, { statusCode: context.statusCode })
}

/**
 * The plugin's own limit.
 *
 * @throws InvalidOptionError
 */
export function resolveOptions(given: RateLimitPluginOptions): Limits {
  const enableDraftSpec = given.enableDraftSpec === true
  const labels = enableDraftSpec ? DRAFT_LABELS : DEFAULT_LABELS
  const { rateLimit, rateRemaining, rateReset, retryAfter } = labels
  const all = { [rateLimit]: true, [rateRemaining]: true, [rateReset]: true }
  const defaults: Limits = {
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
    ...merge(defaults, given, 'rateLimit'),
    addHeaders: { ...all, [retryAfter]: true, ...withoutUndefined(given.addHeaders) },
    addHeadersOnExceeding: { ...all, ...withoutUndefined(given.addHeadersOnExceeding) },
    // A group is stated by its routes.
    groupId: undefined
  }
}

/**
 * Lays the options of a route, or of something else, over the plugin's.
 *
 * @param optionPath names them in errors
 * @throws InvalidOptionError
 */
export function mergeOptions(plugin: Limits, given: RateLimitOptions, optionPath: string): Limits {
  const { groupId } = given
  if (groupId !== undefined && typeof groupId !== 'string') {
    throw new Error('groupId must be a string')
  }
  return merge(plugin, given, optionPath)
}

/** A route may have the plugin's header options too, though it is not typed so. */
function merge(base: Limits, given: RateLimitPluginOptions, optionPath: string): Limits {
  const own = <Name extends keyof RateLimitOptions>(name: Name) => given[name] ?? undefined
  return {
    ...base,
    max: maxOf(own('max'), `${optionPath}.max`) ?? base.max,
    timeWindow: windowOf(own('timeWindow'), `${optionPath}.timeWindow`) ?? base.timeWindow,
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

function withoutUndefined(fields: object = {}): ShownFields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
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

/** The `max` of a limit. NaN counts as the default, as the original's own tests want. */
function maxOf(max: Limits['max'] | undefined, option: string): Limits['max'] | undefined {
  if (max === undefined || typeof max === 'function') return max
  if (Number.isNaN(max)) return DEFAULT_MAX
  if (Number.isFinite(max) && max >= 0) return Math.trunc(max)
  throw new InvalidOptionError(option, 'a number of at least 0, or a function', describe(max))
}

/** The window of a limit. NaN and negative numbers count as the default, as in the original. */
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
