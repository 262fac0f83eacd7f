/**
 * The stores of one registration: which kind, and one for each limit.
 */
import type { GuardedLog } from '@holdfast/core'
import type { FastifyInstance, RouteOptions } from 'fastify'
import type { TableListener } from '../memory/client-table.ts'
import type { TableState } from '../state.ts'
import type { Limits } from './limits.ts'
import { LocalMemory } from './local-store.ts'
import type { CreateRateLimitOptions, RateLimitPluginOptions } from './options.ts'
import { RedisStore } from './redis-store.ts'
import { CustomStore, type Store } from './store.ts'

/** The stores of one registration. */
export interface Stores {
  /** The store of the plugin's own limit. */
  readonly general: Store
  /** The store of another limit, of a route or of something else. */
  child(limits: Limits, given: CreateRateLimitOptions, route?: RouteOptions): Store
  /** How full the table of clients is; `undefined` where there is none. */
  readonly table?: (() => TableState) | undefined
}

const DEFAULT_NAMESPACE = 'fastify-rate-limit-'

/** The fewest and the most clients that are remembered, whatever `cache` says. */
const MIN_KEYS = 2 ** 20
const MAX_KEYS = 2 ** 24

/** @throws InvalidOptionError for a Redis client of another kind */
export function storesOf(
  app: FastifyInstance,
  given: RateLimitPluginOptions,
  limits: Limits,
  log: GuardedLog
): Stores {
  if (given.store) return customStores(given.store, limits)
  if (given.redis) return redisStores(given.redis, given.nameSpace, limits)
  return localStores(app, given.cache, limits, log)
}

function customStores(Store: NonNullable<RateLimitPluginOptions['store']>, limits: Limits): Stores {
  const general = new Store({ ...limits })
  return {
    general: new CustomStore(general),
    child(limits, given, route) {
      // It is more than its type says, as in the original.
      const options = { ...given, ...limits, routeInfo: route ?? {} }
      return new CustomStore(
        general.child(options as object as Parameters<typeof general.child>[0])
      )
    }
  }
}

function redisStores(
  client: object,
  nameSpace: string = DEFAULT_NAMESPACE,
  limits: Limits
): Stores {
  return {
    general: new RedisStore(client, nameSpace, limits),
    child(limits, _given, route) {
      // The same in every process, and another one for another limit.
      const name =
        route === undefined ? `limiter${numbersOf(limits)}-` : `${route.method}${route.url}-`
      return new RedisStore(client, nameSpace, limits, name)
    }
  }
}

/** The numbers of a limit, as a part of its name. */
export function numbersOf({ max, timeWindow }: Limits): string {
  return [max, timeWindow].map((option) => (typeof option === 'number' ? option : 'f')).join('/')
}

function localStores(
  app: FastifyInstance,
  cache: number | undefined,
  limits: Limits,
  log: GuardedLog
): Stores {
  const keys = Math.min(MAX_KEYS, Math.max(MIN_KEYS, Math.trunc(cache || 0)))
  const memory = new LocalMemory(keys, listenerOf(log))
  app.addHook('onClose', async function holdfastRateLimitClose() {
    memory.table.clear()
  })
  return {
    general: memory.storeFor(limits),
    child: (limits) => memory.storeFor(limits),
    table: () => memory.table.read(memory.clock())
  }
}

/** Warns when there is little room for more clients. */
export function listenerOf(log: GuardedLog): TableListener {
  return {
    // The table keeps the debts of evicted clients.
    evicted() {},
    nearlyFull(capacity) {
      log.warn(
        `rateLimit: four fifths of the ${capacity} clients that can be remembered are in use. When all are, newcomers may be limited early. Raise cache (24 bytes each), or shorten timeWindow.`
      )
    }
  }
}
