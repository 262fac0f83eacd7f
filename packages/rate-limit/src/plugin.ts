/**
 * The plugin: hooks, decorators and what the log is told at boot.
 */
import {
  checkRouteOption,
  declareFact,
  enlist,
  type GuardedLog,
  guardedLog,
  keepRemoteAddresses,
  provideState,
  trustProxyOf
} from '@holdfast/core'
import type { Duration } from '@holdfast/core/options'
import type { FastifyInstance, FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { evictedChannel } from './channels.ts'
import type { Done } from './edges/answer.ts'
import { RouteLimits } from './edges/limits.ts'
import { ProxyWatch } from './edges/proxy-watch.ts'
import { RateLimiter } from './edges/rate-limiter.ts'
import { type RateLimitHandler, RequestHook } from './edges/request-hook.ts'
import { keepConstraints } from './edges/route-name.ts'
import { windowsWithoutUnit } from './limit-combinations.ts'
import type {
  RateLimiterOptions,
  RateLimitHook,
  RateLimitHookOptions,
  RateLimitRouteOptions
} from './limit-options.ts'
import type { TableListener } from './memory/client-table.ts'
import { type RateLimitOptions, resolveRateLimitOptions } from './options.ts'

/**
 * The types that `config.rateLimit` may have, by the plugin that reads it. Open for merging, so that
 * two limiters can share one program.
 */
export interface RouteTypes {
  native: RateLimitRouteOptions
}

/** The types of the options of `app.rateLimit()`, by the plugin that brings it. */
export interface HookTypes {
  native: RateLimitHookOptions
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route's own limit; `false`: none. Without it the plugin's limit applies. */
    rateLimit?: RouteTypes[keyof RouteTypes] | false
  }

  interface FastifyInstance<RawServer, RawRequest, RawReply, Logger, TypeProvider> {
    /**
     * Makes a hook that limits one route, or a 404 handler: an `onRequest`, `preParsing`,
     * `preValidation` or `preHandler` hook. A request is counted once, however often it meets the
     * hook.
     *
     * @param options laid over the plugin's, for a limit of its own; without them the plugin's limit
     *   applies, to requests that the plugin has not counted already
     * @throws UnknownOptionError, InvalidOptionError, TooManyLimitersError
     */
    rateLimit(options?: HookTypes[keyof HookTypes]): RateLimitHandler

    /**
     * Makes a limiter that any code can ask: about logins, jobs, messages, calls to others.
     *
     * @param options laid over the plugin's, for a limit of its own, or with `groupId` for the
     *   group's; without them it is the plugin's limit
     * @throws UnknownOptionError, InvalidOptionError, TooManyLimitersError
     */
    createRateLimiter(options?: RateLimiterOptions): RateLimiter

    /**
     * Denies everything to a client from now on, in place of earlier bans: under the plugin's limit
     * and those of routes, groups, hooks and limiters, of registrations nested in this one too. A
     * route without a limit goes on answering.
     *
     * @param key what `keyGenerator` calls the client; without one any of its addresses
     * @param duration milliseconds or text, at most 365 days; 0 ends the bans
     * @throws InvalidOptionError, StoreUnavailableError
     */
    banClient(key: string, duration: Duration): Promise<void>
  }
}

const TWICE =
  'One registration can have several limits (policies), and routes their own (config.rateLimit); a scope made with app.register() may have its own registration. Where holdfast is registered, give it the options as rateLimit.'

declareFact('rateLimit')
declareFact('rateLimitShadow')

const plugin: FastifyPluginCallback<RateLimitOptions> = (app, given, done) => {
  try {
    enlist(app, '@holdfast/rate-limit', {
      after: ['@holdfast/lifecycle', '@holdfast/load-shedding'],
      decorators: ['rateLimit', 'createRateLimiter', 'banClient'],
      refuses: true,
      twice: TWICE
    })
    const options = resolveRateLimitOptions(given)
    const log = guardedLog(app.log)
    keepRemoteAddresses(app)
    for (const sentence of windowsWithoutUnit(given, 'rateLimit')) log.warn(sentence)
    const isByAddress = options.keyGenerator === undefined
    if (isByAddress) warnOfTrustProxy(app, log)
    const limits = new RouteLimits(app, options, log, tableListener(log))
    provideState(app, '@holdfast/rate-limit', () => limits.read())
    wire(app, limits, isByAddress ? new ProxyWatch(app, log) : undefined)
    done()
  } catch (error) {
    done(error as Error)
  }
}

function wire(app: FastifyInstance, limits: RouteLimits, proxies: ProxyWatch | undefined): void {
  const requestHook = new RequestHook(limits, proxies)
  // Fastify's types know each hook apart; the handler is made for this one.
  app.addHook(limits.hook as 'onRequest', handlerOf(requestHook, limits.hook) as Handler)
  app.addHook('onRoute', function holdfastRateLimitRoute(this: FastifyInstance, route) {
    checkRouteOption(route, 'rateLimit')
    keepConstraints(route)
    const hook = limits.declare(this, route)
    if (hook !== undefined) {
      Object.assign(route, { [hook]: [route[hook] ?? [], handlerOf(requestHook, hook)].flat() })
    }
  })
  app.decorate('rateLimit', (options) => requestHook.handlerFor(limits.make('rateLimit', options)))
  app.decorate(
    'createRateLimiter',
    (options) => new RateLimiter(limits.make('createRateLimiter', options))
  )
  app.decorate('banClient', (key, duration) => limits.banClient(key, duration))
  app.addHook('onClose', async function holdfastRateLimitClose() {
    limits.clear()
  })
}

function tableListener(log: GuardedLog): TableListener {
  return {
    evicted(evictions, capacity) {
      if (evictedChannel.hasSubscribers) evictedChannel.publish({ evictions, capacity })
    },
    nearlyFull(capacity) {
      log.warn(
        `rateLimit: four fifths of the ${capacity} clients that can be remembered are in use. When all are, newcomers may be limited early. Raise maxKeys (16 bytes each), or shorten timeWindow.`
      )
    }
  }
}

/** Warns of a `trustProxy` with which the addresses that clients are told apart by are not theirs. */
function warnOfTrustProxy(app: FastifyInstance, log: GuardedLog): void {
  const trust = trustProxyOf(app)
  if (trust !== true && typeof trust !== 'number') return
  const what =
    trust === true
      ? 'believes any address that a client writes into X-Forwarded-For, which can be another one for every request'
      : 'trusts no proxy since Fastify 5.12.1, and every proxy before: all clients may count as one'
  log.warn(
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

function handlerOf(requestHook: RequestHook, hook: RateLimitHook): Handler | PreParsingHandler {
  if (hook === 'preParsing') {
    return function holdfastRateLimit(
      request: FastifyRequest,
      reply: FastifyReply,
      _body: unknown,
      done: Done
    ) {
      requestHook.check(hook, request, reply, done)
    }
  }
  return function holdfastRateLimit(request: FastifyRequest, reply: FastifyReply, done: Done) {
    requestHook.check(hook, request, reply, done)
  }
}

/**
 * Limits how much each client may ask, see {@link RateLimitOptions}.
 *
 * @throws UnknownOptionError, InvalidOptionError, RegisteredTwiceError, DecoratorTakenError when the
 *   app boots
 */
export const rateLimit: FastifyPluginCallback<RateLimitOptions> = fp(plugin, {
  name: '@holdfast/rate-limit',
  fastify: '5.x'
})
