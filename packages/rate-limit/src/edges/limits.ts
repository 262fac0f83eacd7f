/**
 * The limit that a request is counted under: its route's own, its group's, or the plugin's.
 */
import { type GuardedLog, isRoot, monotonicClock } from '@holdfast/core'
import { check, type Duration, type OptionShape } from '@holdfast/core/options'
import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify'
import { toNanoseconds } from '../algorithms/nanoseconds.ts'
import { DecisionCounter } from '../decision-counter.ts'
import { banDuration, HOOK_SHAPE, LIMITER_SHAPE, resolveRouteOptions } from '../limit-checks.ts'
import { windowsWithoutUnit } from '../limit-combinations.ts'
import {
  type LimitOptions,
  type PolicyOptions,
  policiesOf,
  type RateLimitHook
} from '../limit-options.ts'
import { ClientTable, type TableListener } from '../memory/client-table.ts'
import { Limiter } from '../memory/limiter.ts'
import type { ResolvedOptions } from '../options.ts'
import type { Policies } from '../policy.ts'
import type { RateLimitState } from '../state.ts'
import { WindowSet } from '../windows.ts'
import { type LimitBackend, ProcessBackend } from './backend.ts'
import { ClientBans } from './client-bans.ts'
import { Clients } from './clients.ts'
import { LimitGroups } from './limit-groups.ts'
import { LimitResolver } from './limit-resolver.ts'
import { type Decorator, MadeLimits } from './made-limits.ts'
import { declaredName, type RouteConfig, type RouteName, requestedName } from './route-name.ts'
import { SharedLimits } from './shared/shared-limits.ts'
import { whenKnown } from './when-known.ts'

/** A limit with its clients. */
export interface RouteLimit {
  readonly hook: RateLimitHook
  readonly clients: Clients
  readonly resolver: LimitResolver
  readonly backend: LimitBackend
  /**
   * Decides at once when the key is known, where the limit is kept in this process, is the same for
   * every request and gives nothing back.
   */
  readonly direct: Limiter | undefined
  /** Whether a later limit that denies a request gives back what it took of this one. */
  readonly refundDenied: boolean
  /** The requests that were counted, where a request may meet the limit more than once. */
  counted: WeakSet<FastifyRequest> | undefined
}

const LIMITS: unique symbol = Symbol('holdfast.rate-limit.limits')

/** An instance that has its own registration, or inherits one from its parent. */
type Scope = FastifyInstance & { [LIMITS]?: RouteLimits }

/** The limits of one registration. */
export class RouteLimits {
  readonly #log: GuardedLog
  readonly #options: ResolvedOptions
  readonly #table: ClientTable
  readonly #shared: SharedLimits | undefined
  readonly #pluginLimit: RouteLimit
  /** By a route's config; `null`: another registration limits the route. */
  readonly #byConfig = new WeakMap<object, RouteLimit | null>()
  /** By the options of a route, then by its `sharedId`: routes may be given the same object. */
  readonly #byOptions = new WeakMap<object, Map<string, RouteLimit>>()
  readonly #groups = new LimitGroups()
  readonly #counters: DecisionCounter[] = []
  readonly #bans = new ClientBans()
  readonly #made: MadeLimits
  readonly #warnings = new Set<string>()

  constructor(
    app: FastifyInstance,
    options: ResolvedOptions,
    log: GuardedLog,
    listener: TableListener
  ) {
    this.#log = log
    this.#options = options
    this.#table = new ClientTable(options.maxKeys, listener)
    this.#made = new MadeLimits(log)
    app.addHook('onReady', async () => this.#made.ready())
    if (options.shared !== undefined) {
      this.#shared = new SharedLimits(app, options.shared, this.#table, log)
    }
    const name = isRoot(app) ? 'default' : app.prefix || 'nested'
    this.#pluginLimit = this.#create(options, 'rateLimit', name)
    this.#shareBans(app)
    ;(app as Scope)[LIMITS] = this
  }

  /** The limit of a request; `undefined` when this registration does not limit it. */
  of(request: FastifyRequest, config: RouteConfig): RouteLimit | undefined {
    const { rateLimit } = config
    if (rateLimit === undefined) return this.#options.global ? this.#pluginLimit : undefined
    if (rateLimit === false) return undefined
    let limit = this.#byConfig.get(config)
    if (limit === undefined) {
      limit = this.#owns(request.server)
        ? this.#ofEarlyRoute(requestedName(config, request), rateLimit)
        : null
      this.#byConfig.set(config, limit)
    }
    return limit ?? undefined
  }

  /**
   * Makes the limit of a route that is being declared in `scope`.
   *
   * @returns the hook that the limit is checked in, where that is not the plugin's
   * @throws UnknownOptionError, InvalidOptionError for the route's options
   */
  declare(scope: FastifyInstance, route: RouteOptions): RateLimitHook | undefined {
    const { rateLimit } = route.config ?? {}
    if (rateLimit === undefined || rateLimit === false || !this.#owns(scope)) return undefined
    const name = declaredName(route)
    const path = optionPathOf(name)
    const options = this.#resolve(rateLimit, path)
    const routes = this.#routesWith(rateLimit)
    const limit = routes.get(name.sharedId) ?? this.#create(options, path, name.text, name.id)
    routes.set(name.sharedId, limit)
    return limit.hook === this.#options.hook ? undefined : limit.hook
  }

  /**
   * The limit that a decorator was called for: one of its own, or without options the plugin's.
   *
   * @throws UnknownOptionError, InvalidOptionError, TooManyLimitersError
   */
  make(decorator: Decorator, given: object | undefined): RouteLimit {
    if (given === undefined) return this.#pluginLimit
    const path = `app.${decorator}`
    const resolved = this.#resolve(given, path, SHAPES[decorator])
    // Whoever asks a limiter does as it says, or not.
    const options: LimitOptions =
      decorator === 'createRateLimiter' ? { ...resolved, mode: 'enforce' } : resolved
    const { groupId, policies } = options
    const count = policies?.length ?? 1
    if (groupId !== undefined) {
      // All limits of a group are one, which is named after the group.
      if (!this.#groups.has(groupId)) this.#made.count(decorator, count)
      return this.#create(options, path, groupId)
    }
    const number = this.#made.add(decorator, given, count)
    return this.#create(options, path, `${decorator}-${number}`)
  }

  /** The hook that the plugin's own limit is checked in. */
  get hook(): RateLimitHook {
    return this.#options.hook
  }

  /**
   * Bans a client under all limits, those of nested registrations included.
   *
   * @throws InvalidOptionError, StoreUnavailableError
   */
  async banClient(key: string, duration: Duration): Promise<void> {
    check.text(key, 'banClient.key')
    await this.#bans.ban(key, banDuration(duration, 'banClient.duration'))
  }

  /** What is known at this moment. */
  read(): RateLimitState {
    return {
      limits: this.#counters.map((counter) => counter.read()),
      table: this.#table.read(toNanoseconds(monotonicClock())),
      store: this.#shared?.read()
    }
  }

  /** Forgets all clients. */
  clear(): void {
    this.#table.clear()
  }

  /** Bans hold under nested registrations too, and in a store under limits that are made later. */
  #shareBans(app: Scope): void {
    const outer = app[LIMITS]
    if (outer !== undefined) outer.#bans.add((key, duration) => this.#bans.ban(key, duration))
    const shared = this.#shared
    if (shared === undefined) return
    const { clients } = this.#pluginLimit
    this.#bans.add(async (key, duration) =>
      whenKnown(clients.keysOf(key), (keys) => shared.ban(new Set([key, keys].flat()), duration))
    )
  }

  /** Of nested registrations the innermost reads a route's options; the others leave it alone. */
  #owns(scope: Scope): boolean {
    return scope[LIMITS] === this
  }

  /** The limit of a route that may have been declared before the plugin: it is met first here. */
  #ofEarlyRoute(name: RouteName, rateLimit: object): RouteLimit {
    const path = optionPathOf(name)
    const { hook } = this.#options
    try {
      const options = this.#resolve(rateLimit, path)
      const routes = this.#routesWith(rateLimit)
      const known = routes.get(name.sharedId)
      if (known !== undefined) return known
      if (options.hook !== hook) {
        this.#log.error(
          `${path}: the hook ${options.hook} came too late, because the route was declared before the plugin was loaded; it is checked in ${hook}. Declare the route after "await app.register(rateLimit)", or in a plugin of its own.`
        )
      }
      const limit = this.#create({ ...options, hook }, path, name.text, name.id)
      routes.set(name.sharedId, limit)
      return limit
    } catch (err) {
      this.#log.error({ err }, `${path} cannot be used; the plugin's limit applies.`)
      return this.#pluginLimit
    }
  }

  /** @throws UnknownOptionError, InvalidOptionError */
  #resolve(given: object, path: string, shape?: OptionShape): LimitOptions {
    const options = resolveRouteOptions(this.#options, given, path, shape)
    // The HEAD route made from a GET route has the same object.
    if (this.#byOptions.has(given)) return options
    for (const sentence of windowsWithoutUnit(given, path)) {
      // Not for each limit that a decorator makes.
      if (!this.#warnings.has(sentence)) this.#log.warn(sentence)
      this.#warnings.add(sentence)
    }
    return options
  }

  #routesWith(rateLimit: object): Map<string, RouteLimit> {
    const routes = this.#byOptions.get(rateLimit) ?? new Map<string, RouteLimit>()
    this.#byOptions.set(rateLimit, routes)
    return routes
  }

  /** @param id names the limit in a store */
  #create(options: LimitOptions, path: string, name: string, id: string = name): RouteLimit {
    const { groupId, hook, allowList, refundDenied } = options
    const source = { path, log: this.#log }
    const list = policiesOf(options, groupId ?? printable(name))
    const clients = new Clients(list, allowList, source)
    const windows =
      groupId === undefined
        ? list.map(() => new WindowSet())
        : this.#groups.windowsOf(groupId, list)
    const counter = this.#counter(options, name, list)
    const resolver = new LimitResolver(list, options, source, windows, counter)
    const { policies } = resolver.usual
    const backend =
      groupId === undefined
        ? this.#backend(id, options, policies)
        : this.#groups.join(groupId, list, options, path, () =>
            this.#backend(`group ${groupId}`, options, policies)
          )
    const isFixed = clients.areAllLimited && resolver.isFixed && !refundDenied
    const direct = isFixed && backend instanceof ProcessBackend ? backend.limiter : undefined
    this.#bans.addLimit({ clients, resolver, backend })
    return { hook, clients, resolver, backend, direct, refundDenied, counted: undefined }
  }

  #counter(
    { groupId, mode }: LimitOptions,
    name: string,
    policies: readonly PolicyOptions[]
  ): DecisionCounter {
    const create = () => {
      const counter = new DecisionCounter(groupId ?? name, mode, policies)
      this.#counters.push(counter)
      return counter
    }
    return groupId === undefined ? create() : this.#groups.counterOf(groupId, mode, create)
  }

  #backend(id: string, { countDenied }: LimitOptions, policies: Policies): LimitBackend {
    if (this.#shared !== undefined) return this.#shared.open(id, policies, countDenied)
    return new ProcessBackend(new Limiter(policies, this.#table, { countDenied }))
  }
}

/** The options that each decorator takes. */
const SHAPES: Readonly<Record<Decorator, OptionShape>> = {
  rateLimit: HOOK_SHAPE,
  createRateLimiter: LIMITER_SHAPE
}

/** The path of a route's options. */
function optionPathOf({ text }: RouteName): string {
  return `${text}: config.rateLimit`
}

/** A name that a header field can carry: other characters are replaced. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, '?').slice(0, 64)
}
