import {
  type GuardedLog,
  guardedLog,
  type HoldfastRouteConfig,
  keepRemoteAddresses,
  provideState,
  routeConfig
} from '@holdfast/core'
import type {
  FastifyInstance,
  FastifyPluginCallback,
  FastifyReply,
  FastifyRequest,
  RouteOptions
} from 'fastify'
import fp from 'fastify-plugin'
import type { ClientRequest } from '../edges/rate-limiter.ts'
import type { RateLimitHandler } from '../edges/request-hook.ts'
import type { RateLimitState } from '../state.ts'
import { Checks } from './checks.ts'
import { Counters } from './counters.ts'
import { type Counted, Limiter, type Unlimited } from './limiter.ts'
import { type Limits, mergeOptions, resolveOptions } from './limits.ts'
import type { CreateRateLimitOptions, RateLimitOptions, RateLimitPluginOptions } from './options.ts'
import { numbersOf, storesOf } from './stores.ts'

declare module '../plugin.ts' {
  interface RouteTypes {
    compat: RateLimitOptions
  }

  interface HookTypes {
    compat: RateLimitOptions
  }
}

declare module 'fastify' {
  interface FastifyInstance<RawServer, RawRequest, RawReply, Logger, TypeProvider> {
    /**
     * Makes a function that counts a request and says how it stands, or with `increment: false`
     * says so without counting. Nothing is answered. Without options it is the plugin's own limit.
     */
    createRateLimit(
      options?: CreateRateLimitOptions
    ): (
      req: ClientRequest,
      callOptions?: { increment?: boolean | undefined }
    ) => Promise<Unlimited | Counted>
  }
}

const plugin: FastifyPluginCallback<RateLimitPluginOptions> = (app, given, done) => {
  try {
    const registration = new Registration(app, given)
    registration.wire(app)
    provideState(app, '@holdfast/rate-limit', () => registration.read())
    keepRemoteAddresses(app)
    done()
  } catch (error) {
    done(error as Error)
  }
}

type Done = (error?: Error) => void

/** The part of a route's config that is read here. */
type Config = object & { rateLimit?: unknown; holdfast?: HoldfastRouteConfig | undefined }

class Registration {
  readonly #log: GuardedLog
  readonly #limits: Limits
  readonly #stores: ReturnType<typeof storesOf>
  readonly #general: Limiter
  readonly #checks = new Checks()
  readonly #counters = new Counters()
  /** Marks the config of a route that was declared after the plugin was loaded. */
  readonly #isDeclared = Symbol('holdfast.rate-limit.compat.is-seen')
  /** The limiters of earlier routes, by their config; `null`: none. */
  readonly #early = new WeakMap<object, Limiter | null>()

  constructor(app: FastifyInstance, given: RateLimitPluginOptions) {
    this.#log = guardedLog(app.log)
    this.#limits = resolveOptions(given)
    this.#stores = storesOf(app, given, this.#limits, this.#log)
    const counter = this.#counters.of(this.#limits, 'default')
    this.#general = new Limiter(this.#limits, this.#stores.general, this.#log, counter)
  }

  wire(app: FastifyInstance): void {
    app.decorateRequest(this.#checks.mark, null)
    if (!app.hasDecorator('createRateLimit')) {
      app.decorate('createRateLimit', (options) => {
        const limiter = this.#limiterOf(options)
        return (given, callOptions) => {
          // A request of any server, with whatever types.
          const request = given as FastifyRequest
          this.#checks.notice(request)
          return limiter.check(request, callOptions)
        }
      })
    }
    if (!app.hasDecorator('rateLimit')) {
      // An app with this decorator gives it these options.
      app.decorate('rateLimit', (options) => {
        const limiter = this.#limiterOf(options as RateLimitOptions | undefined)
        return this.#checks.handler(limiter) as RateLimitHandler
      })
    }
    app.addHook('onRoute', (route) => this.#declare(route))
    const { hook } = this.#limits
    // Fastify's types know each hook apart; the function is made for this one.
    app.addHook(hook as 'onRequest', this.#restHook(hook === 'preParsing') as FirstHook)
  }

  /** What is known at this moment. */
  read(): RateLimitState {
    return {
      limits: this.#counters.read(),
      table: this.#stores.table?.(),
      store: undefined
    }
  }

  #limiterOf(options: RateLimitOptions | undefined): Limiter {
    if (typeof options !== 'object') return this.#general
    return this.#open(options, 'rateLimit')
  }

  #open(options: RateLimitOptions, optionPath: string, route?: RouteOptions): Limiter {
    const limits = mergeOptions(this.#limits, options, optionPath)
    const name =
      route === undefined ? `limiter ${numbersOf(limits)}` : `${route.method} ${route.url}`
    const store = this.#stores.child(limits, options, route)
    return new Limiter(limits, store, this.#log, this.#counters.of(limits, name))
  }

  /** Adds the check to the hooks of a route that is being declared. */
  #declare(route: RouteOptions): void {
    const config: Config = route.config ?? {}
    route.config = { ...route.config, [this.#isDeclared]: true }
    const limiter = this.#limiterFor(config, route)
    if (limiter === null) return
    const { hook } = limiter.limits
    // Last of the route's own hooks, which may find out who the client is.
    const hooks = [route[hook] ?? [], this.#checks.handler(limiter)].flat()
    Object.assign(route, { [hook]: hooks })
  }

  #limiterFor({ rateLimit, holdfast }: Config, route: RouteOptions): Limiter | null {
    if (holdfast?.probe === true) return null
    if (rateLimit === undefined || rateLimit === null) {
      return this.#limits.global ? this.#general : null
    }
    if (rateLimit === false) return null
    if (typeof rateLimit !== 'object') {
      throw new Error('Unknown value for route rate-limit configuration')
    }
    return this.#open(rateLimit, `${route.method} ${route.url}: config.rateLimit`, route)
  }

  /** The hook for requests whose route was declared before the plugin was loaded, and for those without a route. */
  #restHook(hasBody: boolean): FirstHook | ParsingHook {
    const check = (request: FastifyRequest, reply: FastifyReply, done: Done): void => {
      const limiter = this.#limiterOfRest(request)
      if (limiter === null) done()
      else this.#checks.inPassing(limiter, request, reply).then(() => done(), done)
    }
    if (hasBody) {
      return function holdfastRateLimitRest(
        request: FastifyRequest,
        reply: FastifyReply,
        _body: unknown,
        done: Done
      ) {
        check(request, reply, done)
      }
    }
    return function holdfastRateLimitRest(
      request: FastifyRequest,
      reply: FastifyReply,
      done: Done
    ) {
      check(request, reply, done)
    }
  }

  #limiterOfRest(request: FastifyRequest): Limiter | null {
    const config = routeConfig(request) as Config
    if (Reflect.get(config, this.#isDeclared) === true) return null
    let limiter = this.#early.get(config)
    if (limiter === undefined) {
      limiter = this.#ofEarlyRoute(config, request)
      this.#early.set(config, limiter)
    }
    return limiter
  }

  #ofEarlyRoute(config: Config, { routeOptions }: FastifyRequest): Limiter | null {
    const optionPath = `${routeOptions.method} ${routeOptions.url}: config.rateLimit`
    try {
      const limiter = this.#limiterFor(config, routeOptions as object as RouteOptions)
      const { hook } = this.#limits
      if (limiter !== null && limiter.limits.hook !== hook) {
        this.#log.error(
          `${optionPath}: the hook ${limiter.limits.hook} came too late, because the route was declared before the plugin was loaded; it is checked in ${hook}. Declare the route after "await app.register(rateLimit)", or in a plugin of its own.`
        )
      }
      return limiter
    } catch (err) {
      this.#log.error({ err }, `${optionPath} cannot be used; the plugin's limit applies.`)
      return this.#general
    }
  }
}

type FirstHook = (request: FastifyRequest, reply: FastifyReply, done: Done) => void
/** The one hook that is given the body, before `done`. */
type ParsingHook = (request: FastifyRequest, reply: FastifyReply, body: unknown, done: Done) => void

/**
 * Limits how much each client may ask, with the options, decorators and semantics of
 * `@fastify/rate-limit` 11, see {@link RateLimitPluginOptions}.
 *
 * @throws InvalidOptionError when the app boots
 */
export const fastifyRateLimit: FastifyPluginCallback<RateLimitPluginOptions> = fp(plugin, {
  name: '@fastify/rate-limit',
  fastify: '5.x'
})
