/**
 * Which budget a request is counted against: its route's own, or the plugin's.
 */
import type { routeConfig } from '@holdfast/core'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ClientTable } from '../client-table.ts'
import { allowListed, type Decision } from '../decision.ts'
import { type Fields, fieldWriter } from '../headers.ts'
import { Limiter } from '../limiter.ts'
import {
  type BudgetOptions,
  type RateLimitHook,
  type ResolvedOptions,
  resolveRouteOptions
} from '../options.ts'
import { policyOf } from '../policy.ts'
import { Clients } from './client.ts'

/** A limit with its clients, and how they are told. */
export interface Budget {
  readonly hook: RateLimitHook
  readonly clients: Clients
  readonly limiter: Limiter
  /** The decision about whoever is on the allow list. */
  readonly allowListed: Decision
  fields(decision: Decision): Fields
}

/** The part of a route's `config` that is read here. */
type RouteConfig = ReturnType<typeof routeConfig>

const OWNER: unique symbol = Symbol('holdfast.rate-limit.budgets')

/** An instance that has its own registration, or inherits one from its parent. */
type Scope = FastifyInstance & { [OWNER]?: Budgets }

/** The budgets of one registration. */
export class Budgets {
  readonly #app: FastifyInstance
  readonly #options: ResolvedOptions
  readonly #table: ClientTable
  readonly #general: Budget
  /** `null`: not ours to limit. */
  readonly #byConfig = new WeakMap<object, Budget | null>()
  /** By the options a route was given, then by the route: routes may be given the same object. */
  readonly #byOptions = new WeakMap<object, Map<string, Budget>>()

  constructor(app: FastifyInstance, options: ResolvedOptions) {
    this.#app = app
    this.#options = options
    this.#table = new ClientTable(options.maxKeys)
    this.#general = this.#open(options, 'rateLimit')
    ;(app as Scope)[OWNER] = this
  }

  /** The budget of a request; `undefined` when it is not limited by this registration. */
  of(request: FastifyRequest, config: RouteConfig): Budget | undefined {
    const { rateLimit } = config
    if (rateLimit === undefined) return this.#options.global ? this.#general : undefined
    if (rateLimit === false) return undefined
    let budget = this.#byConfig.get(config)
    if (budget === undefined) {
      budget = this.#owns(request.server) ? this.#meet(config, rateLimit) : null
      this.#byConfig.set(config, budget)
    }
    return budget ?? undefined
  }

  /**
   * Takes notice of a route that is being declared in `scope`.
   *
   * @returns the hook that its budget is checked in, where that is not the plugin's own
   * @throws UnknownOptionError, InvalidOptionError for the route's options
   */
  declare(scope: FastifyInstance, config: RouteConfig): RateLimitHook | undefined {
    const { rateLimit } = config
    if (rateLimit === undefined || rateLimit === false || !this.#owns(scope)) return undefined
    const place = placeOf(config)
    const options = resolveRouteOptions(this.#options, rateLimit, place)
    const routes = this.#routesWith(rateLimit)
    const budget = routes.get(place) ?? this.#open(options, place)
    routes.set(place, budget)
    return budget.hook === this.#options.hook ? undefined : budget.hook
  }

  /** The hook that the plugin's own budget is checked in. */
  get hook(): RateLimitHook {
    return this.#options.hook
  }

  /** Forgets all clients. */
  clear(): void {
    this.#table.clear()
  }

  /** Of nested registrations the innermost reads a route's options; the others leave it alone. */
  #owns(scope: Scope): boolean {
    return scope[OWNER] === this
  }

  /** The first request of a route with options. It may have been declared before the plugin. */
  #meet(config: RouteConfig, rateLimit: object): Budget {
    const place = placeOf(config)
    const { hook } = this.#options
    try {
      const options = resolveRouteOptions(this.#options, rateLimit, place)
      const routes = this.#routesWith(rateLimit)
      const known = routes.get(place)
      if (known !== undefined) return known
      if (options.hook !== hook) {
        this.#app.log.error(
          `${place}: the hook ${options.hook} came too late, because the route was declared before the plugin was loaded; it is checked in ${hook}. Declare the route after "await app.register(rateLimit)", or in a plugin of its own.`
        )
      }
      const budget = this.#open({ ...options, hook }, place)
      routes.set(place, budget)
      return budget
    } catch (err) {
      this.#app.log.error({ err }, `${place} cannot be used; the plugin's limit applies.`)
      return this.#general
    }
  }

  #routesWith(rateLimit: object): Map<string, Budget> {
    const routes = this.#byOptions.get(rateLimit) ?? new Map<string, Budget>()
    this.#byOptions.set(rateLimit, routes)
    return routes
  }

  #open(options: BudgetOptions, place: string): Budget {
    const policy = policyOf('default', options)
    return {
      hook: options.hook,
      clients: new Clients(options, place, this.#app.log),
      limiter: new Limiter(policy, this.#table.open()),
      allowListed: allowListed(policy),
      fields: fieldWriter(options.headers, policy)
    }
  }
}

/** Names a route's options. The same for a GET route and the HEAD route made from it. */
function placeOf({ method, url }: RouteConfig): string {
  const methods = String(method)
  return `config.rateLimit of ${/\b(GET|HEAD)\b/.test(methods) ? 'GET' : methods} ${url}`
}
