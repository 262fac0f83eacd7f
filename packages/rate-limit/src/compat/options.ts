/**
 * The options of @fastify/rate-limit 11, by their own names.
 */
import type { FastifyRequest, RouteOptions } from 'fastify'

/** The hooks in which a request can be checked. */
export type RateLimitHook = 'onRequest' | 'preParsing' | 'preValidation' | 'preHandler'

/** The argument of a store's constructor: the plugin's options, complete. */
export type FastifyRateLimitOptions = object

/** The argument of `errorResponseBuilder` about a denied request. */
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
  /** Counts a request. Its result is the count, and the milliseconds that are left of the window. */
  incr(key: string, callback: StoreCallback, timeWindow: number, max: number): void
  /** The same without counting. Needed for `{ increment: false }` only. */
  read?(key: string, callback: StoreCallback, timeWindow: number, max: number): void
  /** The store of a route with options of its own. */
  child(routeOptions: RouteOptions & { path: string; prefix: string }): FastifyRateLimitStore
}

/** The options of `app.createRateLimit()`. */
export interface CreateRateLimitOptions {
  /** Plugin only: a class of stores. */
  store?: FastifyRateLimitStoreCtor | undefined
  /**
   * Whether requests pass when the store fails.
   *
   * @default false
   */
  skipOnError?: boolean | undefined
  /**
   * Requests per `timeWindow` and client. 0 denies all.
   *
   * @default 1000
   */
  max?:
    | number
    | ((req: FastifyRequest, key: string) => number)
    | ((req: FastifyRequest, key: string) => Promise<number>)
    | undefined
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
    | undefined
  /** Keys that are not limited, or a function that returns whether a key is not. */
  allowList?:
    | string[]
    | ((req: FastifyRequest, key: string) => boolean | Promise<boolean>)
    | undefined
  /**
   * Names the client.
   *
   * @default the client's address; for IPv6 its network
   */
  keyGenerator?: ((req: FastifyRequest) => string | number | Promise<string | number>) | undefined
  /**
   * How many bits of an IPv6 address name the client where no `keyGenerator` does.
   *
   * @default 64
   */
  ipv6Subnet?: number | undefined
  /**
   * After how many denied requests in a window the client is banned, until the window closes.
   *
   * @default -1, never
   */
  ban?: number | undefined
}

/** The options of a route, under `config.rateLimit`, and of `app.rateLimit()`. */
export interface RateLimitOptions extends CreateRateLimitOptions {
  /**
   * The hook in which requests are checked.
   *
   * @default 'onRequest'
   */
  hook?: RateLimitHook | undefined
  /** The most clients to remember. At least 2 ** 20 are, also where it says less. */
  cache?: number | undefined
  /**
   * Whether a denied request starts the window again.
   *
   * @default false
   */
  continueExceeding?: boolean | undefined
  /** Called for every request of a banned client. */
  onBanReach?: ((req: FastifyRequest, key: string) => void) | undefined
  /** Routes of the same group share their counters. */
  groupId?: string | undefined
  /** Makes what is thrown when a request is denied. */
  errorResponseBuilder?:
    | ((req: FastifyRequest, context: errorResponseBuilderContext) => object)
    | undefined
  /**
   * Plugin only: `ratelimit-limit` and so on instead of `x-ratelimit-limit`.
   *
   * @default false
   */
  enableDraftSpec?: boolean | undefined
  /** Called for every request that passes. */
  onExceeding?: ((req: FastifyRequest, key: string) => void) | undefined
  /** Called for every request that is denied. */
  onExceeded?: ((req: FastifyRequest, key: string) => void) | undefined
  /**
   * Whether a denied request starts the window again, twice as long each time.
   *
   * @default false
   */
  exponentialBackoff?: boolean | undefined
}

interface DefaultAddHeadersOnExceeding {
  'x-ratelimit-limit'?: boolean | undefined
  'x-ratelimit-remaining'?: boolean | undefined
  'x-ratelimit-reset'?: boolean | undefined
}

interface DefaultAddHeaders extends DefaultAddHeadersOnExceeding {
  'retry-after'?: boolean | undefined
}

interface DraftSpecAddHeadersOnExceeding {
  'ratelimit-limit'?: boolean | undefined
  'ratelimit-remaining'?: boolean | undefined
  'ratelimit-reset'?: boolean | undefined
}

interface DraftSpecAddHeaders extends DraftSpecAddHeadersOnExceeding {
  'retry-after'?: boolean | undefined
}

/** The options of the plugin. */
export interface RateLimitPluginOptions extends RateLimitOptions {
  /**
   * Whether every route is limited. With `false` only routes with `config.rateLimit` are.
   *
   * @default true
   */
  global?: boolean | undefined
  /** A client of ioredis or iovalkey, to count in Redis. */
  redis?: object | undefined
  /**
   * The beginning of all keys in Redis.
   *
   * @default 'fastify-rate-limit-'
   */
  nameSpace?: string | undefined
  /** The header fields of denied requests: all except those that are `false` here. */
  addHeaders?: DefaultAddHeaders | DraftSpecAddHeaders | undefined
  /** The header fields of requests that pass: all except those that are `false` here. */
  addHeadersOnExceeding?: DefaultAddHeadersOnExceeding | DraftSpecAddHeadersOnExceeding | undefined
}
