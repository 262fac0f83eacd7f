/**
 * Where the limits of one registration are counted.
 */
import type { FastifyBaseLogger, FastifyInstance, RouteOptions } from 'fastify'
import type { TableListener } from '../memory/client-table.ts'
import { LocalMemory } from './local-store.ts'
import type { CreateRateLimitOptions, Limits, RateLimitPluginOptions } from './options.ts'
import { RedisStore } from './redis-store.ts'
import { CustomStore, type Store } from './store.ts'

/** The stores of one registration. */
export interface Stores {
  /** That of the plugin's own limit. */
  readonly general: Store
  /** The store of another limit, of a route or of something else. */
  child(limits: Limits, given: CreateRateLimitOptions, route?: RouteOptions): Store
}

const DEFAULT_NAMESPACE = 'fastify-rate-limit-'
const FEWEST_KEYS = 2 ** 20
const MOST_KEYS = 2 ** 24

/** @throws InvalidOptionError for a Redis client of another kind */
export function storesOf(
  app: FastifyInstance,
  given: RateLimitPluginOptions,
  limits: Limits
): Stores {
  if (given.store) return customStores(given.store, limits)
  if (given.redis) return redisStores(given.redis, given.nameSpace, limits)
  return localStores(app, given.cache, limits)
}

function customStores(Store: NonNullable<RateLimitPluginOptions['store']>, limits: Limits): Stores {
  const general = new Store({ ...limits })
  return {
    general: new CustomStore(general),
    child(limits, given, route) {
      // What it is typed as is less than what it is, and always was.
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
      // Other processes must come to the same name, and limits that differ to another.
      const name =
        route === undefined ? `limiter${termsOf(limits)}-` : `${route.method}${route.url}-`
      return new RedisStore(client, nameSpace, limits, name)
    }
  }
}

function termsOf({ max, timeWindow }: Limits): string {
  return [max, timeWindow].map((term) => (typeof term === 'number' ? term : 'f')).join('/')
}

function localStores(app: FastifyInstance, cache: number | undefined, limits: Limits): Stores {
  const keys = Math.min(MOST_KEYS, Math.max(FEWEST_KEYS, Math.trunc(cache || 0)))
  const memory = new LocalMemory(keys, listenerOf(app.log))
  app.addHook('onClose', async function holdfastRateLimitClose() {
    memory.table.clear()
  })
  return { general: memory.storeFor(limits), child: (limits) => memory.storeFor(limits) }
}

/** Tells the log when there is hardly room for more clients. */
export function listenerOf(log: FastifyBaseLogger): TableListener {
  return {
    // Nothing is lost with what is given up, see the table.
    evicted() {},
    nearlyFull(capacity) {
      log.warn(
        `rateLimit: four fifths of the ${capacity} clients that can be remembered are in use. When all are, newcomers may be limited early. Raise cache (24 bytes each), or shorten timeWindow.`
      )
    }
  }
}
