/**
 * Limits that several processes keep together, in a store.
 */
import { type GuardedLog, isRoot } from '@holdfast/core'
import type { FastifyInstance } from 'fastify'
import type { ClientTable } from '../../memory/client-table.ts'
import type { OnStoreError, SharedOptions } from '../../options.ts'
import type { Policies } from '../../policy.ts'
import { limitName } from '../../sharing/names.ts'
import type { StoreState } from '../../state.ts'
import type { LimitBackend } from '../backend.ts'
import { scriptClientOf } from '../redis/clients.ts'
import { RedisStore } from '../redis/store.ts'
import { BanRegister } from './ban-register.ts'
import { FallbackBackend, type FallbackCount } from './fallback-backend.ts'
import { GuardedStore } from './guarded-store.ts'
import { LeasingBackend } from './leasing-backend.ts'
import { StoreBackend } from './store-backend.ts'

/** The shared limits of one registration. */
export class SharedLimits {
  readonly #suffix: string
  readonly #options: SharedOptions
  readonly #table: ClientTable
  readonly #store: GuardedStore
  readonly #bans: BanRegister
  readonly #leasing: LeasingBackend[] = []
  readonly #log: GuardedLog
  /** The names of the limits there are. */
  readonly #names = new Set<string>()
  readonly #fallbacks: FallbackCount = { decisions: 0 }
  #isReady = false

  constructor(app: FastifyInstance, options: SharedOptions, table: ClientTable, log: GuardedLog) {
    const { storeTimeout, onStoreError } = options
    this.#suffix = suffixOf(app)
    this.#options = options
    this.#table = table
    this.#log = log
    this.#store = new GuardedStore({
      store: storeOf(options),
      timeout: storeTimeout,
      log,
      instead: INSTEAD[onStoreError]
    })
    this.#bans = new BanRegister(`${BANS}${this.#suffix}`, this.#store)
    app.addHook('onReady', async () => {
      this.#isReady = true
      await this.#store.open()
    })
    app.addHook('onClose', async () => {
      await Promise.all(this.#leasing.map((backend) => backend.close()))
      this.#store.close()
    })
  }

  /**
   * Bans a client, by all keys that it may have, also under limits that are made when the app is ready.
   *
   * @throws StoreUnavailableError
   */
  async ban(keys: Iterable<string>, duration: number): Promise<void> {
    await Promise.all(Array.from(keys, (key) => this.#bans.ban(key, duration)))
  }

  /** What is known of the store at this moment. */
  read(): StoreState {
    return { ...this.#store.read(), fallbacks: this.#fallbacks.decisions }
  }

  /** One more limit, by a name of any characters. */
  open(name: string, policies: Policies, countDenied: boolean): LimitBackend {
    const limit = `${limitName(name)}${this.#suffix}`
    if (this.#names.has(limit)) this.#log.error(sharedName(name))
    this.#names.add(limit)
    const { onStoreError, instances, leaseMax } = this.#options
    const fallback = new FallbackBackend(policies, this.#table, {
      onStoreError,
      instances,
      countDenied,
      count: this.#fallbacks
    })
    // Every process has the limits that are made before: whoever bans bans under them.
    const bans = this.#isReady ? this.#bans : undefined
    const backend = new StoreBackend({ limit, countDenied, store: this.#store, fallback, bans })
    // Where denied requests count, the store has to see each of them.
    if (leaseMax === 1 || countDenied) return backend
    const leasing = new LeasingBackend(backend, leaseMax, instances)
    this.#leasing.push(leasing)
    return leasing
  }
}

/** Names the register of bans among the limits in the store. No other limit is called that. */
const BANS = '*'

/** Routes that were declared before the plugin are not told from others of their method and path. */
function sharedName(name: string): string {
  return `rateLimit: two routes have limits that are called "${name}" in the store, and share one count there. Declare them after "await app.register(rateLimit)", or give each a groupId.`
}

/** What becomes of requests while the store does not answer. */
const INSTEAD: Readonly<Record<OnStoreError, string>> = {
  local: 'every process limits by itself',
  allow: 'nobody is limited',
  deny: 'all are denied'
}

function storeOf({ store, redis }: SharedOptions) {
  if (store !== undefined) return store
  const client = redis as NonNullable<typeof redis>
  scriptClientOf(client, 'rateLimit.redis')
  return new RedisStore({ client })
}

const registrations = new WeakMap<object, Map<string, number>>()

/**
 * What tells the limits of one registration from those of the others in the program: nothing for the
 * root's, for others the prefix, and a number where several have the same. They are numbered as they
 * come, which is the same in every process that runs the program.
 */
function suffixOf(app: FastifyInstance): string {
  const { prefix, server } = app
  const numbers = registrations.get(server) ?? new Map<string, number>()
  registrations.set(server, numbers)
  const number = (numbers.get(prefix) ?? 0) + 1
  numbers.set(prefix, number)
  if (isRoot(app)) return ''
  return number === 1 ? `@${limitName(prefix)}` : `@${limitName(prefix)}#${number}`
}
