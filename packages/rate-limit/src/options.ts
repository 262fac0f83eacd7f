/**
 * What a user writes of the plugin, what it defaults to, and the checks that name a mistake at boot.
 */
import {
  AddressList,
  boolean,
  checkOptions,
  type Duration,
  describe,
  duration,
  InvalidOptionError,
  integer,
  type OptionCheck,
  type OptionShape,
  oneOf,
  parseDuration,
  shapeOf
} from '@holdfast/core'
import { BUDGET_SHAPE, layOver } from './limit-checks.ts'
import type { LimitOptions, RateLimitRouteOptions } from './limit-options.ts'
import type { RedisClient } from './redis-client.ts'
import type { Store } from './store.ts'

/** What applies to a request while the store does not answer. */
export type OnStoreError = 'local' | 'allow' | 'deny'

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
   * up to a multiple of 4. When so many owe at once, newcomers may be limited early.
   *
   * @default 2 ** 20
   */
  readonly maxKeys?: number
  /**
   * A client of the Redis or Valkey in which all processes of the service count together: of ioredis,
   * iovalkey or node-redis, of one server, Sentinels or a Cluster. The same as a `RedisStore` with it
   * as `store`.
   */
  readonly redis?: RedisClient | undefined
  /** Where all processes of the service count together; by default each counts by itself. */
  readonly store?: Store | undefined
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
   * Without effect where denied requests count, or policies tell clients differently or cost each
   * their own.
   *
   * @default false
   */
  readonly lease?: false | { readonly max: number }
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
export interface ResolvedOptions extends LimitOptions {
  readonly global: boolean
  readonly maxKeys: number
  /** `undefined`: the process counts by itself. */
  readonly shared: SharedOptions | undefined
}

const MOST_LEASED = 999_999_999_999_999

const store: OptionCheck = (value, option) => {
  const methods = ['check', 'peek', 'reserve', 'reset', 'ban'] as const
  const given = (typeof value === 'object' && value !== null ? value : {}) as Partial<Store>
  if (methods.some((method) => typeof given[method] !== 'function')) {
    const hint = isClient(value) ? '; a Redis client is given as "redis"' : ''
    const expected = `a store with ${methods.join('(), ')}()${hint}`
    throw new InvalidOptionError(option, expected, describe(value))
  }
}

const leaseObject: OptionCheck = shapeOf({ max: integer({ min: 2, max: MOST_LEASED }) })

const lease: OptionCheck = (value, option) => {
  if (value === false) return
  if ((value as { readonly max?: unknown } | null)?.max === undefined) {
    throw new InvalidOptionError(option, '{ max } or false', describe(value))
  }
  leaseObject(value, option)
}

function isClient(value: unknown): boolean {
  const client = Object(value) as Record<string, unknown>
  return typeof client['evalsha'] === 'function' || typeof client['evalSha'] === 'function'
}

const PLUGIN_SHAPE: OptionShape = {
  ...BUDGET_SHAPE,
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
  policies: undefined,
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
  const budget = layOver(DEFAULTS, budgetOf(given), 'rateLimit')
  return Object.freeze({ ...budget, global, maxKeys, shared: sharedOf(given) })
}

/** What is said of limits, without what is said of where they are kept. */
function budgetOf(given: RateLimitOptions): RateLimitRouteOptions {
  const names = Object.keys(BUDGET_SHAPE)
  return Object.fromEntries(Object.entries(given).filter(([name]) => names.includes(name)))
}

/** What is said of a store that nobody has named; where it may be left out, it is named as undefined. */
function checkUnshared(given: RateLimitOptions): void {
  if ('redis' in given || 'store' in given) return
  for (const option of ['storeTimeout', 'onStoreError', 'instances', 'lease'] as const) {
    const value = given[option]
    if (value === undefined || value === false) continue
    const expected = 'given with "redis" or "store", which it is about'
    throw new InvalidOptionError(`rateLimit.${option}`, expected, `${describe(value)} alone`)
  }
}

function sharedOf(given: RateLimitOptions): SharedOptions | undefined {
  const { store, redis, storeTimeout = 50, onStoreError = 'local', instances = 1 } = given
  const leaseMax = given.lease ? given.lease.max : 1
  if (store === undefined && redis === undefined) {
    checkUnshared(given)
    return undefined
  }
  if (store !== undefined && redis !== undefined) {
    const expected = 'left out where there is a store'
    throw new InvalidOptionError('rateLimit.redis', expected, describe(redis))
  }
  const timeout = parseDuration(storeTimeout, 'rateLimit.storeTimeout')
  return { store, redis, storeTimeout: timeout, onStoreError, instances, leaseMax }
}
