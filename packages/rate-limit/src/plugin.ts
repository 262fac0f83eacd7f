import { enlist, refuse } from '@holdfast/core'
import type { FastifyInstance, FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { Budgets } from './edges/budgets.ts'
import { Gate } from './edges/gate.ts'
import type { RateLimitExceededError } from './errors.ts'
import {
  type RateLimitHook,
  type RateLimitOptions,
  type RateLimitRouteOptions,
  resolveRateLimitOptions
} from './options.ts'

/**
 * What `config.rateLimit` may be, by who reads it. Open, so that two limiters can share one program.
 */
export interface RouteTypes {
  native: RateLimitRouteOptions
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route's own budget, or `false`: not limited. Without it the plugin's budget applies. */
    rateLimit?: RouteTypes[keyof RouteTypes] | false
  }
}

const plugin: FastifyPluginCallback<RateLimitOptions> = (app, given, done) => {
  try {
    enlist(app, '@holdfast/rate-limit')
    wire(app, new Budgets(app, resolveRateLimitOptions(given)))
    done()
  } catch (error) {
    done(error as Error)
  }
}

function wire(app: FastifyInstance, budgets: Budgets): void {
  const gate = new Gate(budgets)
  // Fastify's types know each hook apart; the handler is made for this one.
  app.addHook(budgets.hook as 'onRequest', handlerOf(gate, budgets.hook) as Handler)
  app.addHook('onRoute', function holdfastRateLimitRoute(this: FastifyInstance, route) {
    const { config, method, url } = route
    const hook = budgets.declare(this, { ...config, method, url })
    if (hook !== undefined) {
      Object.assign(route, { [hook]: [route[hook] ?? [], handlerOf(gate, hook)].flat() })
    }
  })
  app.addHook('onClose', async function holdfastRateLimitClose() {
    budgets.clear()
  })
}

type Done = (error?: Error) => void
type Handler = (request: FastifyRequest, reply: FastifyReply, done: Done) => void
/** The one hook that is given the body, before `done`. */
type PreParsingHandler = (
  request: FastifyRequest,
  reply: FastifyReply,
  body: unknown,
  done: Done
) => void

function handlerOf(gate: Gate, hook: RateLimitHook): Handler | PreParsingHandler {
  if (hook === 'preParsing') {
    return function holdfastRateLimit(
      request: FastifyRequest,
      reply: FastifyReply,
      _body: unknown,
      done: Done
    ) {
      answer(gate.check(hook, request, reply), reply, done)
    }
  }
  return function holdfastRateLimit(request: FastifyRequest, reply: FastifyReply, done: Done) {
    answer(gate.check(hook, request, reply), reply, done)
  }
}

function answer(error: RateLimitExceededError | undefined, reply: FastifyReply, done: Done): void {
  if (error === undefined) done()
  else refuse(reply, error, done)
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
