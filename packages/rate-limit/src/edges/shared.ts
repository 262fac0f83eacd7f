/**
 * Limits that several processes keep together, in a store.
 */
import { isRoot, monotonicClock } from '@holdfast/core'
import type { FastifyInstance } from 'fastify'
import type { MaybePromise } from '../budget-options.ts'
import type { ClientTable } from '../client-table.ts'
import { type Decision, unanswered } from '../decision.ts'
import { DenyCache } from '../deny-cache.ts'
import { type Lease, Leases } from '../lease.ts'
import { Limiter } from '../limiter.ts'
import { localShareOf } from '../local-share.ts'
import type { OnStoreError, SharedOptions } from '../options.ts'
import type { Policies } from '../policy.ts'
import type { Charge } from '../store.ts'
import { GuardedStore } from './guarded-store.ts'
import { scriptClientOf } from './redis-clients.ts'
import { RedisStore } from './redis-store.ts'

/** The shared limits of one registration. */
export class SharedLimits {
  readonly #suffix: string
  readonly #options: SharedOptions
  readonly #table: ClientTable
  readonly #store: GuardedStore
  readonly #limiters: SharedLimiter[] = []

  constructor(app: FastifyInstance, options: SharedOptions, table: ClientTable) {
    const { storeTimeout, onStoreError } = options
    this.#suffix = suffixOf(app)
    this.#options = options
    this.#table = table
    this.#store = new GuardedStore({
      store: storeOf(options),
      timeout: storeTimeout,
      log: app.log,
      instead: INSTEAD[onStoreError]
    })
    app.addHook('onReady', async () => this.#store.open())
    app.addHook('onClose', async () => {
      await Promise.all(this.#limiters.map((limiter) => limiter.close()))
      this.#store.close()
    })
  }

  /** One more limit. */
  open(name: string, policies: Policies, countDenied: boolean): SharedLimiter {
    const limit = `${name}${this.#suffix}`
    const [store, table, options] = [this.#store, this.#table, this.#options]
    const limiter = new SharedLimiter({ limit, policies, countDenied, store, table, options })
    this.#limiters.push(limiter)
    return limiter
  }
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
  return number === 1 ? `@${prefix}` : `@${prefix}#${number}`
}

interface SharedLimit {
  readonly limit: string
  readonly policies: Policies
  readonly countDenied: boolean
  readonly store: GuardedStore
  readonly table: ClientTable
  readonly options: SharedOptions
}

/** One limit that is kept in the store. */
export class SharedLimiter {
  readonly #shared: SharedLimit
  readonly #local: Limiter
  readonly #shares = new WeakMap<Policies, Policies>()
  readonly #denied: DenyCache | undefined
  readonly #leases: Leases | undefined

  constructor(shared: SharedLimit) {
    this.#shared = shared
    const { policies, table, countDenied } = shared
    this.#local = new Limiter(this.#shareOf(policies), table, { countDenied })
    // Where denied requests count, the store has to see each of them.
    if (countDenied) return
    const { leaseMax, instances } = shared.options
    this.#denied = new DenyCache()
    if (leaseMax > 1) this.#leases = new Leases(leaseMax, instances)
  }

  /** Charges `cost` to the client when it can pay, else nothing. Never rejects. */
  check(key: string, cost: number, policies: Policies): MaybePromise<Decision> {
    const now = monotonicClock()
    const lease = this.#leases?.find(key, policies)
    if (lease !== undefined) {
      const spent = this.#leases?.spend(lease, cost, now)
      if (spent !== undefined) return spent
    }
    const denied = this.#denied?.find(key, cost, policies, now)
    if (denied !== undefined) return denied
    const { limit, countDenied } = this.#shared
    const charge = { limit, key, policies, cost, countDenied }
    if (this.#leases !== undefined) return this.#lease(this.#leases, lease, charge)
    const asked = this.#shared.store.check(charge)
    return asked === undefined
      ? this.#instead(charge)
      : asked.then((decision) => this.#decided(charge, decision))
  }

  /** Gives back what was leased and is left. */
  async close(): Promise<void> {
    const { limit, countDenied, store } = this.#shared
    const left = this.#leases?.end(monotonicClock()) ?? []
    const refunds = left.map(({ key, policies, tokens: cost }) =>
      store.refund({ limit, key, policies, cost, countDenied })
    )
    await Promise.all(refunds)
  }

  #decided(charge: Charge, decision: Decision | undefined): Decision {
    if (decision === undefined) return this.#instead(charge)
    if (!decision.allowed) {
      this.#denied?.add(charge.key, charge.cost, charge.policies, decision, monotonicClock())
    }
    return decision
  }

  /** Asks for the request's cost and more. Whoever comes meanwhile waits for what there is then. */
  #lease(leases: Leases, lease: Lease | undefined, charge: Charge): MaybePromise<Decision> {
    const { key, cost, policies } = charge
    if (lease?.renewal !== undefined) {
      return lease.renewal.then((isAnswered) =>
        isAnswered ? this.check(key, cost, policies) : this.#instead(charge)
      )
    }
    const size = leases.size(lease, cost)
    const asked = this.#shared.store.check({ ...charge, cost: size })
    if (asked === undefined) return this.#instead(charge)
    const answer = asked.then((decision) => {
      if (decision === undefined) return undefined
      const renewed = leases.renew(key, policies, decision, { size, cost }, monotonicClock())
      // What was asked for others too may be there for this one.
      /* c8 ignore next -- which of the three depends on when other processes ask */
      return renewed.allowed || size === cost ? renewed : this.#shared.store.check(charge)
    })
    const isAnswered = answer.then((decision) => decision !== undefined)
    if (lease !== undefined && size > cost) {
      lease.renewal = isAnswered.finally(() => {
        lease.renewal = undefined
      })
    }
    return answer.then((decision) => this.#decided(charge, decision))
  }

  /** Decides without the store. */
  #instead({ key, cost, policies }: Charge): Decision {
    const { onStoreError } = this.#shared.options
    if (onStoreError !== 'local') return unanswered(policies[0], onStoreError === 'allow')
    const share = this.#shareOf(policies)
    const least = Math.min(...share.map(({ algorithm }) => algorithm.capacity))
    const whole = Math.min(...policies.map(({ algorithm }) => algorithm.capacity))
    // What the limit allows at once must not become impossible because a part of it is smaller.
    const local = cost > least && cost <= whole ? least : cost
    return this.#local.check(key, local, monotonicClock(), share)
  }

  #shareOf(policies: Policies): Policies {
    let share = this.#shares.get(policies)
    if (share === undefined) {
      share = localShareOf(policies, this.#shared.options.instances)
      this.#shares.set(policies, share)
    }
    return share
  }
}
