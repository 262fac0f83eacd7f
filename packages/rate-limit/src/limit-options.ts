/**
 * The options of a limit: the plugin's, a route's, a hook's or a limiter's.
 */
import type { AddressList } from '@holdfast/core'
import { type Duration, parseDuration } from '@holdfast/core/options'
import type { FastifyRequest } from 'fastify'
import type { AlgorithmName } from './algorithms/algorithm.ts'
import type { HeaderStyle } from './headers.ts'

/** The `max` where nobody states one, or a function returns none. */
export const DEFAULT_MAX = 1000

/** The window where nobody states one, or a function returns none, in milliseconds. */
export const DEFAULT_WINDOW = 60_000

/** The most requests that a window can count. */
export const MAX_WINDOW_COUNT = 0xffff_ffff

/** The hooks in which a request can be checked. */
export type RateLimitHook = 'onRequest' | 'preParsing' | 'preValidation' | 'preHandler'

/** The answer of a user's function: at once, or as a promise. At once costs less. */
export type MaybePromise<Value> = Value | Promise<Value>

/** Names the client of a request: text that is not empty, or a number. */
export type KeyGenerator = (request: FastifyRequest) => MaybePromise<string | number>

/** Whether a request goes unlimited: only if it returns `true`. */
export type AllowFunction = (request: FastifyRequest, key: string) => MaybePromise<boolean>

/** A number that depends on the request or its client. */
export type NumberFunction = (request: FastifyRequest, key: string) => MaybePromise<number>

/** A duration that depends on the request or its client. */
export type DurationFunction = (request: FastifyRequest, key: string) => MaybePromise<Duration>

/** Whether requests that exceed a limit are refused, or only counted and published. */
export type Mode = 'enforce' | 'shadow'

/** One of several limits that apply to the same request. */
export interface RateLimitPolicy {
  /** Names the policy to clients: 1 to 64 printable ASCII characters, each name once. */
  readonly name: string
  /** Requests per `timeWindow` and client: a whole number. 0 denies all. */
  readonly max: number | NumberFunction
  /** The window of `max`: milliseconds, or text such as `'1 day'`; from 1 ms to 365 days. */
  readonly timeWindow: Duration | DurationFunction
  /** @default that of the options around it */
  readonly algorithm?: AlgorithmName | undefined
  /** @default `max`; a fifth of it where the policy is strict */
  readonly burst?: number | undefined
  /** @default that of the options around it */
  readonly strict?: boolean | undefined
  /**
   * The part of this policy's `max` that a request takes. With 0 the policy does not apply to it.
   *
   * @default that of the options around it
   */
  readonly cost?: number | NumberFunction | undefined
  /** @default that of the options around it */
  readonly keyGenerator?: KeyGenerator | undefined
  /** @default that of the options around it */
  readonly ipv6Subnet?: number | undefined
}

/** The options of a route, under `config.rateLimit`. The plugin's apply where none is given. */
export interface RateLimitRouteOptions {
  /**
   * Requests per `timeWindow` and client: a whole number. 0 denies all.
   *
   * @default 1000
   */
  readonly max?: number | NumberFunction | undefined
  /**
   * The window of `max`: milliseconds, or text such as `'30s'`; from 1 ms to 365 days.
   *
   * @default '1 minute'
   */
  readonly timeWindow?: Duration | DurationFunction | undefined
  /**
   * How requests are counted. In a token bucket they come back evenly, one every `timeWindow / max`.
   * A fixed window begins with the client's first request. A sliding window also counts a part of the
   * window before.
   *
   * @default 'token-bucket'
   */
  readonly algorithm?: AlgorithmName | undefined
  /**
   * Token bucket only: the requests that a client may make at once after a pause. A whole number of
   * at least 1, and where the limit is `strict` at most `max`.
   *
   * @default the `max` it is given with; a fifth of it where the limit is `strict`
   */
  readonly burst?: number | undefined
  /**
   * Token bucket only: no span as long as `timeWindow`, wherever it begins, sees more than `max`
   * requests of a client. What is allowed at once is taken off what comes back.
   *
   * @default false
   */
  readonly strict?: boolean | undefined
  /**
   * The part of `max` that a request takes: a whole number; 0 takes nothing.
   *
   * @default 1
   */
  readonly cost?: number | NumberFunction | undefined
  /**
   * Several limits in place of `max`, `timeWindow` and `burst`. A request has to be within all of
   * them. It is charged to all or, when one denies it, to none.
   */
  readonly policies?: readonly RateLimitPolicy[] | undefined
  /**
   * Whether a denied request takes its cost too, as far as there is anything to take: a client that
   * keeps asking stays denied. Not with a fixed window, which ends when it ends.
   *
   * @default false
   */
  readonly countDenied?: boolean | undefined
  /**
   * Whether a request that a later limit denies gets back what it took of this one: it is then
   * charged to all of its limits or to none. With a lease, the store is asked for each request.
   *
   * @default false
   */
  readonly refundDenied?: boolean | undefined
  /**
   * The hook in which requests are checked. A later one than `onRequest` sees what earlier hooks found
   * out, for example a user.
   *
   * @default 'onRequest'
   */
  readonly hook?: RateLimitHook | undefined
  /**
   * Names the client. When it throws, or returns nothing of use, this is logged once, and all such
   * requests share one limit.
   *
   * @default the client's address, `request.ip`; for IPv6 its network, see `ipv6Subnet`
   */
  readonly keyGenerator?: KeyGenerator | undefined
  /**
   * How many bits of an IPv6 address name the client: from 32 to 128. Not beside a `keyGenerator`.
   *
   * @default 64
   */
  readonly ipv6Subnet?: number | undefined
  /**
   * The clients that go unlimited: addresses and networks (`10.0.0.0/8`) in any spelling, compared
   * with `request.ip`, or a function.
   *
   * @default []
   */
  readonly allowList?: readonly string[] | AllowFunction | undefined
  /** Names a group. Its routes share one limit, and must state the same numbers. */
  readonly groupId?: string | undefined
  /**
   * Whether requests that exceed the limit are refused. With `'shadow'` they are counted, published
   * and kept as the fact `rateLimitShadow`, but answered as if there were no limit, and clients are
   * told of none.
   *
   * @default 'enforce'
   */
  readonly mode?: Mode | undefined
  /**
   * The header fields that tell clients their limit: those of the IETF draft (`RateLimit-Policy`
   * and `RateLimit`), the older `x-ratelimit-*`, or none.
   *
   * @default 'draft'
   */
  readonly headers?: HeaderStyle | undefined
}

/** The options of a hook made by `app.rateLimit()`. It checks where it is put. */
export type RateLimitHookOptions = Omit<RateLimitRouteOptions, 'hook'>

/** The options of a limiter made by `app.createRateLimiter()`. It sends no answers. */
export type RateLimiterOptions = Omit<RateLimitHookOptions, 'refundDenied' | 'mode' | 'headers'>

/** The options of a limit, checked and complete. */
export interface LimitOptions {
  readonly max: number | NumberFunction
  /** Milliseconds. */
  readonly timeWindow: number | DurationFunction
  readonly algorithm: AlgorithmName
  /** `undefined`: as much as suits `max`. */
  readonly burst: number | undefined
  readonly strict: boolean
  readonly cost: number | NumberFunction
  /** In place of `max`, `timeWindow` and `burst`. */
  readonly policies: readonly RateLimitPolicy[] | undefined
  readonly countDenied: boolean
  readonly refundDenied: boolean
  readonly hook: RateLimitHook
  /** `undefined`: the client's address. */
  readonly keyGenerator: KeyGenerator | undefined
  readonly ipv6Subnet: number
  readonly allowList: AddressList | AllowFunction
  readonly groupId: string | undefined
  readonly mode: Mode
  readonly headers: HeaderStyle
}

/** The options of one policy, checked and complete. */
export interface PolicyOptions
  extends Pick<
    LimitOptions,
    'max' | 'timeWindow' | 'algorithm' | 'burst' | 'strict' | 'cost' | 'keyGenerator' | 'ipv6Subnet'
  > {
  readonly name: string
  /** Whether the cost was stated for this policy alone. */
  readonly hasOwnCost: boolean
}

/** The policies of a limit; a limit that states none has one policy, of this name. */
export function policiesOf(options: LimitOptions, name: string): readonly PolicyOptions[] {
  const { policies } = options
  if (policies === undefined) return [{ ...options, name, hasOwnCost: false }]
  return policies.map((policy) => ({
    name: policy.name,
    max: policy.max,
    timeWindow: milliseconds(policy.timeWindow),
    algorithm: policy.algorithm ?? options.algorithm,
    burst: policy.burst,
    strict: policy.strict ?? options.strict,
    cost: policy.cost ?? options.cost,
    hasOwnCost: policy.cost !== undefined,
    keyGenerator: policy.keyGenerator ?? options.keyGenerator,
    ipv6Subnet: policy.ipv6Subnet ?? options.ipv6Subnet
  }))
}

/** A window in milliseconds, unless it is a function. */
export function milliseconds(window: Duration | DurationFunction): number | DurationFunction {
  return typeof window === 'function' ? window : parseDuration(window, 'timeWindow')
}
