/**
 * The options of the plugin: their types, their defaults, and the checks that name a mistake at boot.
 */
import { AddressList } from '@holdfast/core'
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
import { FOREIGN_NAMES } from './foreign-names.ts'
import { layOver, ROUTE_SHAPE } from './limit-checks.ts'
import {
  DEFAULT_MAX,
  DEFAULT_WINDOW,
  type LimitOptions,
  type RateLimitRouteOptions
} from './limit-options.ts'
import type { RedisClient } from './redis-client.ts'
import type { Store } from './store.ts'

/** What applies to a request while the store does not answer. */
export type OnStoreError = 'local' | 'allow' | 'deny'

/** The options of the plugin. */
export interface RateLimitOptions extends RateLimitRouteOptions {
  /**
   * Whether every route is limited, and requests without a route. With `false` only routes that have
   * `config.rateLimit` are.
   *
   * @default true
   */
  readonly global?: boolean | undefined
  /**
   * The most clients to remember, of all limits together: a whole number from 1 to 2 ** 24, rounded
   * up to a multiple of 4. When so many owe at once, newcomers may be limited early.
   *
   * @default 2 ** 20
   */
  readonly maxKeys?: number | undefined
  /**
   * A client of the Redis or Valkey in which all processes of the service count together: of ioredis,
   * iovalkey or node-redis, for one server, Sentinels or a Cluster. The same as a `RedisStore` with
   * it as `store`.
   */
  readonly redis?: RedisClient | undefined
  /** Where all processes of the service count together; by default each counts by itself. */
  readonly store?: Store | undefined
  /**
   * How long a request waits for the store: milliseconds or text, from 1 ms to a minute.
   *
   * @default 50
   */
  readonly storeTimeout?: Duration | undefined
  /**
   * What applies to requests that the store does not answer in time. `'local'`: what this process
   * remembers, at the limit divided by `instances`. `'allow'`: no limit. `'deny'`: all are denied.
   *
   * @default 'local'
   */
  readonly onStoreError?: OnStoreError | undefined
  /**
   * How many processes share the store: a whole number of at least 1.
   *
   * @default 1
   */
  readonly instances?: number | undefined
  /**
   * Takes up to `max` requests of a client from the store in advance, and spends them without asking
   * it: fewer the less is left, and at last one by one. All processes together admit at most
   * `max * instances` requests of a client more than its limit. `max`: a whole number of at least 2.
   * Not beside `countDenied` and `refundDenied`. Without effect for routes that have one of them, and
   * where policies tell clients differently or have different costs.
   *
   * @default false
   */
  readonly lease?: false | { readonly max: number } | undefined
}

/** The options of shared limits, checked and complete. One of `store` and `redis` is given. */
export interface SharedOptions {
  readonly store: Store | undefined
  readonly redis: RedisClient | undefined
  /** Milliseconds. */
  readonly storeTimeout: number
  readonly onStoreError: OnStoreError
  readonly instances: number
  /** The most requests to take in advance; 1: none. */
  readonly leaseMax: number
}

/** The plugin's options, checked and complete. */
export interface ResolvedOptions extends LimitOptions {
  readonly global: boolean
  readonly maxKeys: number
  /** `undefined` where the process counts by itself. */
  readonly shared: SharedOptions | undefined
}

/** The most requests that a lease can be stated to take; more than any limit allows. */
const MAX_LEASED = 999_999_999_999_999

const store: OptionCheck = (value, option) => {
  const methods = ['check', 'peek', 'reserve', 'reset', 'ban'] as const
  const given = (typeof value === 'object' && value !== null ? value : {}) as Partial<Store>
  if (methods.some((method) => typeof given[method] !== 'function')) {
    const hint = isClient(value) ? '; a Redis client is given as "redis"' : ''
    const expected = `a store with ${methods.join('(), ')}()${hint}`
    throw new InvalidOptionError(option, expected, describe(value))
  }
}

const leaseObject: OptionCheck = check.shape({ max: check.integer({ min: 2, max: MAX_LEASED }) })

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
  ...ROUTE_SHAPE,
  global: check.boolean,
  maxKeys: check.integer({ min: 1, max: 2 ** 24 }),
  // The edge that uses a client checks it.
  redis: () => {},
  store,
  storeTimeout: check.duration({ min: 1, max: 60_000 }),
  onStoreError: check.oneOf('local', 'allow', 'deny'),
  instances: check.integer({ min: 1 }),
  lease
}

const DEFAULTS: ResolvedOptions = {
  max: DEFAULT_MAX,
  timeWindow: DEFAULT_WINDOW,
  algorithm: 'token-bucket',
  burst: undefined,
  strict: false,
  cost: 1,
  policies: undefined,
  countDenied: false,
  refundDenied: false,
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

/**
 * Checks the plugin's options and completes them.
 *
 * @throws UnknownOptionError, InvalidOptionError
 */
export function resolveRateLimitOptions(given: RateLimitOptions): ResolvedOptions {
  checkOptions('rateLimit', given, PLUGIN_SHAPE, FOREIGN_NAMES)
  const { global = DEFAULTS.global, maxKeys = DEFAULTS.maxKeys } = given
  const limit = layOver(DEFAULTS, limitOptionsOf(given), 'rateLimit')
  const shared = sharedOf(given)
  if (shared !== undefined) checkShared(given, limit)
  return Object.freeze({ ...limit, global, maxKeys, shared })
}

/** The options of limits, without those of where they are kept. */
function limitOptionsOf(given: RateLimitOptions): RateLimitRouteOptions {
  const names = Object.keys(ROUTE_SHAPE)
  return Object.fromEntries(Object.entries(given).filter(([name]) => names.includes(name)))
}

/** Refuses options of a store where no store is given; an explicit `undefined` is one that may be left out. */
function checkUnshared(given: RateLimitOptions): void {
  if ('redis' in given || 'store' in given) return
  for (const option of ['storeTimeout', 'onStoreError', 'instances', 'lease'] as const) {
    const value = given[option]
    if (value === undefined || value === false) continue
    const expected = 'given with "redis" or "store", which it is about'
    throw new InvalidOptionError(`rateLimit.${option}`, expected, `${describe(value)} alone`)
  }
}

/** Refuses options of a store that have no effect beside the others. */
function checkShared(
  { lease, instances, onStoreError = 'local' }: RateLimitOptions,
  limit: LimitOptions
): void {
  if (lease && limit.countDenied) {
    const expected = 'false where denied requests count, which the store has to see one by one'
    throw new InvalidOptionError('rateLimit.lease', expected, describe(lease))
  }
  if (lease && limit.refundDenied) {
    const expected = 'false with refundDenied, which asks the store for each request'
    throw new InvalidOptionError('rateLimit.lease', expected, describe(lease))
  }
  if (instances !== undefined && instances > 1 && onStoreError !== 'local' && !lease) {
    const expected = `left out where onStoreError is "${onStoreError}" and nothing is leased`
    throw new InvalidOptionError('rateLimit.instances', expected, describe(instances))
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
