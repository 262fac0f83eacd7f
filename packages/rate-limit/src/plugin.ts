import { declareFact, enlist, trustProxyOf } from '@holdfast/core'
import type { FastifyInstance, FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { evictedChannel } from './channels.ts'
import { RouteLimits } from './edges/limits.ts'
import { RateLimiter } from './edges/rate-limiter.ts'
import { type Done, type RateLimitHandler, RequestHook } from './edges/request-hook.ts'
import type {
  RateLimiterOptions,
  RateLimitHook,
  RateLimitHookOptions,
  RateLimitRouteOptions
} from './limit-options.ts'
import type { TableListener } from './memory/client-table.ts'
import { type RateLimitOptions, resolveRateLimitOptions } from './options.ts'

/**
 * What `config.rateLimit` may be, by who reads it. Open, so that two limiters can share one program.
 */
export interface RouteTypes {
  native: RateLimitRouteOptions
}

/** What `app.rateLimit()` takes, by the plugin that brings it. */
export interface HookTypes {
  native: RateLimitHookOptions
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route's own budget, or `false`: not limited. Without it the plugin's budget applies. */
    rateLimit?: RouteTypes[keyof RouteTypes] | false
  }

  interface FastifyInstance {
    /**
     * Makes a hook that limits: for one route, or for a 404 handler. Fits `onRequest`,
     * `preValidation` and `preHandler`. A request is counted once, however often it meets the hook.
     *
     * @param options laid over the plugin's, for a budget of its own; without them the plugin's
     *   budget applies, to requests that the plugin has not counted already
     * @throws UnknownOptionError, InvalidOptionError
     */
    rateLimit(options?: HookTypes[keyof HookTypes]): RateLimitHandler

    /**
     * Makes a limiter to be asked by any code: about logins, jobs, messages, calls to others.
     *
     * @param options laid over the plugin's, for a budget of its own, or with `groupId` for the
     *   group's; without them it is the plugin's budget
     * @throws UnknownOptionError, InvalidOptionError
     */
    createRateLimiter(options?: RateLimiterOptions): RateLimiter
  }
}

declareFact('rateLimit')

const plugin: FastifyPluginCallback<RateLimitOptions> = (app, given, done) => {
  try {
    enlist(app, '@holdfast/rate-limit', {
      after: ['@holdfast/lifecycle', '@holdfast/load-shedding']
    })
    const options = resolveRateLimitOptions(given)
    if (options.keyGenerator === undefined) questionTrust(app)
    wire(app, new RouteLimits(app, options, tableListener(app)))
    done()
  } catch (error) {
    done(error as Error)
  }
}

function wire(app: FastifyInstance, budgets: RouteLimits): void {
  const gate = new RequestHook(budgets)
  // Fastify's types know each hook apart; the handler is made for this one.
  app.addHook(budgets.hook as 'onRequest', handlerOf(gate, budgets.hook) as Handler)
  app.addHook('onRoute', function holdfastRateLimitRoute(this: FastifyInstance, route) {
    const { config, method, url } = route
    const hook = budgets.declare(this, { ...config, method, url })
    if (hook !== undefined) {
      Object.assign(route, { [hook]: [route[hook] ?? [], handlerOf(gate, hook)].flat() })
    }
  })
  app.decorate('rateLimit', (options) => gate.hookOf(budgets.open('rateLimit', options)))
  app.decorate(
    'createRateLimiter',
    (options) => new RateLimiter(budgets.open('createRateLimiter', options))
  )
  app.addHook('onClose', async function holdfastRateLimitClose() {
    budgets.clear()
  })
}

function tableListener(app: FastifyInstance): TableListener {
  return {
    evicted(evictions, capacity) {
      if (evictedChannel.hasSubscribers) evictedChannel.publish({ evictions, capacity })
    },
    nearlyFull(capacity) {
      app.log.warn(
        `rateLimit: four fifths of the ${capacity} clients that can be remembered are in use. When all are, newcomers may be limited early. Raise maxKeys (16 bytes each), or shorten timeWindow.`
      )
    }
  }
}

/** Clients are told apart by their addresses: whose they are is for `trustProxy` to say. */
function questionTrust(app: FastifyInstance): void {
  const trust = trustProxyOf(app)
  if (trust !== true && typeof trust !== 'number') return
  const what =
    trust === true
      ? 'believes whatever address a client gives itself in X-Forwarded-For, a new one for every request'
      : 'trusts nobody since Fastify 5.12.1, and before that anybody: all clients may count as one'
  app.log.warn(
    `rateLimit: trustProxy: ${trust} ${what}. Name the addresses of your proxies instead, as in trustProxy: ['10.0.0.0/8'], or give a keyGenerator.`
  )
}

type Handler = (request: FastifyRequest, reply: FastifyReply, done: Done) => void
/** The one hook that is given the body, before `done`. */
type PreParsingHandler = (
  request: FastifyRequest,
  reply: FastifyReply,
  body: unknown,
  done: Done
) => void

function handlerOf(gate: RequestHook, hook: RateLimitHook): Handler | PreParsingHandler {
  if (hook === 'preParsing') {
    return function holdfastRateLimit(
      request: FastifyRequest,
      reply: FastifyReply,
      _body: unknown,
      done: Done
    ) {
      gate.check(hook, request, reply, done)
    }
  }
  return function holdfastRateLimit(request: FastifyRequest, reply: FastifyReply, done: Done) {
    gate.check(hook, request, reply, done)
  }
}

/**
 * Limits how much each client may ask, see {@link RateLimitOptions}.
 *
 * @throws UnknownOptionError, InvalidOptionError, RegisteredTwiceError when the app boots
 */
export const rateLimit: FastifyPluginCallback<RateLimitOptions> = fp(plugin, {
  name: '@holdfast/rate-limit',
  fastify: '5.x'
})
