/**
 * What a user writes of a budget: the plugin's, a route's, a hook's or a limiter's.
 */
import { type AddressList, type Duration, parseDuration } from '@holdfast/core'
import type { FastifyRequest } from 'fastify'
import type { AlgorithmName } from './algorithms/algorithm.ts'
import type { HeaderStyle } from './headers.ts'

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

/** One of several limits that apply to the same request. Its clients are its own. */
export interface RateLimitPolicy {
  /** Names the policy to clients: 1 to 64 printable ASCII characters, each name once. */
  readonly name: string
  /** Requests per `timeWindow` and client: a whole number. 0 denies all. */
  readonly max: number | NumberFunction
  /** The window of `max`: milliseconds, or text such as `'1 day'`; from 1 ms to 365 days. */
  readonly timeWindow: Duration | DurationFunction
  /** @default that of the options around it */
  readonly algorithm?: AlgorithmName
  /** @default `max`; a fifth of it where the policy is strict */
  readonly burst?: number
  /** @default that of the options around it */
  readonly strict?: boolean
  /**
   * What a request takes of this policy's `max`. With 0 the policy does not apply to it.
   *
   * @default that of the options around it
   */
  readonly cost?: number | NumberFunction
  /** @default that of the options around it */
  readonly keyGenerator?: KeyGenerator
  /** @default that of the options around it */
  readonly ipv6Subnet?: number
}

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
   * Several limits in place of `max`, `timeWindow` and `burst`. A request has to be within all of
   * them, and is charged to all, or, when one denies it, to none.
   */
  readonly policies?: readonly RateLimitPolicy[]
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

/** The options of a hook made by `app.rateLimit()`: where it is used says when it checks. */
export type RateLimitHookOptions = Omit<RateLimitRouteOptions, 'hook'>

/** The options of a limiter made by `app.createRateLimiter()`, which answers nobody by itself. */
export type RateLimiterOptions = Omit<RateLimitHookOptions, 'mode' | 'headers'>

/** The options of a budget, checked and complete. */
export interface LimitOptions {
  readonly max: number | NumberFunction
  /** Milliseconds. */
  readonly timeWindow: number | DurationFunction
  readonly algorithm: AlgorithmName
  /** `undefined`: what suits `max`. */
  readonly burst: number | undefined
  readonly strict: boolean
  readonly cost: number | NumberFunction
  /** In place of `max`, `timeWindow` and `burst`. */
  readonly policies: readonly RateLimitPolicy[] | undefined
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

/** One limit of a budget, checked and complete. */
export interface PolicyOptions
  extends Pick<
    LimitOptions,
    'max' | 'timeWindow' | 'algorithm' | 'burst' | 'strict' | 'cost' | 'keyGenerator' | 'ipv6Subnet'
  > {
  readonly name: string
  /** Whether its cost was stated for it alone. */
  readonly hasOwnCost: boolean
}

/** The limits of a budget; one that has no policies has one limit, of this name. */
export function limitsOf(options: LimitOptions, name: string): readonly PolicyOptions[] {
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

/** A window as milliseconds, where it is not a function. */
export function milliseconds(window: Duration | DurationFunction): number | DurationFunction {
  return typeof window === 'function' ? window : parseDuration(window, 'timeWindow')
}
