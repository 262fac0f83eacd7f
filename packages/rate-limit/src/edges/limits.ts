/**
 * Which budget a request is counted against: its route's own, its group's, or the plugin's.
 */
import {
  describe,
  InvalidOptionError,
  isRoot,
  type OptionShape,
  type routeConfig
} from '@holdfast/core'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { HOOK_SHAPE, LIMITER_SHAPE, resolveRouteOptions } from '../limit-checks.ts'
import {
  type LimitOptions,
  limitsOf,
  type PolicyOptions,
  type RateLimitHook
} from '../limit-options.ts'
import { ClientTable, type TableListener } from '../memory/client-table.ts'
import { Limiter } from '../memory/limiter.ts'
import type { ResolvedOptions } from '../options.ts'
import type { Policies } from '../policy.ts'
import { type LimitBackend, ProcessBackend } from './backend.ts'
import { Clients } from './clients.ts'
import { LimitResolver } from './request-limits.ts'
import { SharedLimits } from './shared/shared-limits.ts'

/** A limit with its clients, and how they are told. */
export interface RouteLimit {
  readonly hook: RateLimitHook
  readonly clients: Clients
  readonly terms: LimitResolver
  readonly keeper: LimitBackend
  /** The keeper, where it is this process; `undefined` where it is a store. */
  readonly own: ProcessBackend | undefined
  /**
   * Decides at once, where the limit is kept in this process and the terms are the same for
   * everybody: nothing to ask of anyone but the key.
   */
  readonly plain: Limiter | undefined
  /** Nobody is refused. */
  readonly isShadow: boolean
  /** Which requests were counted, where they may meet the budget more than once. */
  met: WeakSet<FastifyRequest> | undefined
}

/** The part of a route's `config` that is read here. */
type RouteConfig = ReturnType<typeof routeConfig>

const OWNER: unique symbol = Symbol('holdfast.rate-limit.budgets')

/** An instance that has its own registration, or inherits one from its parent. */
type Scope = FastifyInstance & { [OWNER]?: RouteLimits }

/** What the plugin gives an app. */
type Decorator = 'rateLimit' | 'createRateLimiter'

/** What keeps a limit. */
interface Kept {
  readonly keeper: LimitBackend
  readonly own: ProcessBackend | undefined
}

/** What all members of a group share. */
interface Group extends Kept {
  readonly limits: readonly PolicyOptions[]
  readonly countDenied: boolean
}

/** The budgets of one registration. */
export class RouteLimits {
  readonly #app: FastifyInstance
  readonly #options: ResolvedOptions
  readonly #table: ClientTable
  readonly #shared: SharedLimits | undefined
  readonly #general: RouteLimit
  /** `null`: not ours to limit. */
  readonly #byConfig = new WeakMap<object, RouteLimit | null>()
  /** By the options a route was given, then by the route: routes may be given the same object. */
  readonly #byOptions = new WeakMap<object, Map<string, RouteLimit>>()
  readonly #groups = new Map<string, Group>()
  /** How many budgets each decorator has opened: they are named by their number. */
  readonly #opened = new Map<string, number>()

  constructor(app: FastifyInstance, options: ResolvedOptions, listener: TableListener) {
    this.#app = app
    this.#options = options
    this.#table = new ClientTable(options.maxKeys, listener)
    if (options.shared !== undefined) {
      this.#shared = new SharedLimits(app, options.shared, this.#table)
    }
    this.#general = this.#open(
      options,
      'rateLimit',
      isRoot(app) ? 'default' : app.prefix || 'nested'
    )
    ;(app as Scope)[OWNER] = this
  }

  /** The budget of a request; `undefined` when it is not limited by this registration. */
  of(request: FastifyRequest, config: RouteConfig): RouteLimit | undefined {
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
    const route = routeOf(config)
    const options = resolveRouteOptions(this.#options, rateLimit, placeOf(route))
    const routes = this.#routesWith(rateLimit)
    const budget = routes.get(route) ?? this.#open(options, placeOf(route), route)
    routes.set(route, budget)
    return budget.hook === this.#options.hook ? undefined : budget.hook
  }

  /**
   * The budget that a decorator was called for: one of its own, or without options the plugin's.
   *
   * @throws UnknownOptionError, InvalidOptionError
   */
  open(decorator: Decorator, given: object | undefined): RouteLimit {
    if (given === undefined) return this.#general
    const place = `app.${decorator}`
    const options = resolveRouteOptions(this.#options, given, place, SHAPES[decorator])
    const count = (this.#opened.get(decorator) ?? 0) + 1
    this.#opened.set(decorator, count)
    return this.#open(options, place, `${decorator}-${count}`)
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
  #meet(config: RouteConfig, rateLimit: object): RouteLimit {
    const route = routeOf(config)
    const place = placeOf(route)
    const { hook } = this.#options
    try {
      const options = resolveRouteOptions(this.#options, rateLimit, place)
      const routes = this.#routesWith(rateLimit)
      const known = routes.get(route)
      if (known !== undefined) return known
      if (options.hook !== hook) {
        this.#app.log.error(
          `${place}: the hook ${options.hook} came too late, because the route was declared before the plugin was loaded; it is checked in ${hook}. Declare the route after "await app.register(rateLimit)", or in a plugin of its own.`
        )
      }
      const budget = this.#open({ ...options, hook }, place, route)
      routes.set(route, budget)
      return budget
    } catch (err) {
      this.#app.log.error({ err }, `${place} cannot be used; the plugin's limit applies.`)
      return this.#general
    }
  }

  #routesWith(rateLimit: object): Map<string, RouteLimit> {
    const routes = this.#byOptions.get(rateLimit) ?? new Map<string, RouteLimit>()
    this.#byOptions.set(rateLimit, routes)
    return routes
  }

  #open(options: LimitOptions, place: string, ownName: string): RouteLimit {
    const { groupId, hook, mode, allowList, headers } = options
    const where = { name: place, log: this.#app.log }
    const limits = limitsOf(options, groupId ?? shown(ownName))
    const clients = new Clients(limits, allowList, where)
    const terms = new LimitResolver(limits, headers, where)
    const { policies } = terms.usual
    const { keeper, own } =
      groupId === undefined
        ? this.#keep(ownName, options, policies)
        : this.#groupOf(groupId, options, limits, policies, place)
    const plain = clients.areAllLimited && terms.areFixed ? own?.limiter : undefined
    const isShadow = mode === 'shadow'
    return { hook, clients, terms, keeper, own, plain, isShadow, met: undefined }
  }

  #keep(name: string, { countDenied }: LimitOptions, policies: Policies): Kept {
    if (this.#shared !== undefined) {
      return { keeper: this.#shared.open(name, policies, countDenied), own: undefined }
    }
    const own = new ProcessBackend(new Limiter(policies, this.#table, { countDenied }))
    return { keeper: own, own }
  }

  #groupOf(
    groupId: string,
    options: LimitOptions,
    limits: readonly PolicyOptions[],
    policies: Policies,
    place: string
  ): Kept {
    const known = this.#groups.get(groupId)
    if (known === undefined) {
      const kept = this.#keep(`group ${groupId}`, options, policies)
      this.#groups.set(groupId, { ...kept, limits, countDenied: options.countDenied })
      return kept
    }
    const agree = (option: string, theirs: unknown, ours: unknown) => {
      if (theirs === ours) return
      const expected = `${describe(theirs)} as on the other routes of the group "${groupId}"`
      throw new InvalidOptionError(`${place}.${option}`, expected, describe(ours))
    }
    agree('countDenied', known.countDenied, options.countDenied)
    agree('policies', namesOf(known.limits), namesOf(limits))
    limits.forEach((limit, index) => {
      const part = limits.length > 1 ? `policies[${index}].` : ''
      for (const option of SHARED)
        agree(part + option, known.limits[index]?.[option], limit[option])
    })
    return known
  }
}

/** What the decorators take. */
const SHAPES: Readonly<Record<Decorator, OptionShape>> = {
  rateLimit: HOOK_SHAPE,
  createRateLimiter: LIMITER_SHAPE
}

/** What the limits of routes must agree on to share a budget. */
const SHARED = ['max', 'timeWindow', 'algorithm', 'burst', 'strict'] as const

function namesOf(limits: readonly PolicyOptions[]): string {
  return limits.map(({ name }) => name).join(', ')
}

/** Names a route. The same for a GET route and the HEAD route made from it. */
function routeOf({ method, url }: RouteConfig): string {
  const methods = String(method)
  return `${/\b(GET|HEAD)\b/.test(methods) ? 'GET' : methods} ${url}`
}

/** Names a route's options. */
function placeOf(route: string): string {
  return `${route}: config.rateLimit`
}

/** A name that a header field may carry: of other characters it shows that they are there. */
function shown(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, '?').slice(0, 64)
}
