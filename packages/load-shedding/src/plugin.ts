/**
 * Wires load shedding into Fastify: one hook, one decorator, the options of routes.
 */
import {
  checkRouteOption,
  declareFact,
  enlist,
  guardedLog,
  intake,
  onHead,
  provideState
} from '@holdfast/core'
import type { FastifyInstance, FastifyPluginCallback } from 'fastify'
import fp from 'fastify-plugin'
import { failWhileShedding } from './edges/readiness.ts'
import { countOutAnswered, RequestHook } from './edges/request-hook.ts'
import {
  type LoadSheddingOptions,
  type LoadSheddingRouteOptions,
  resolveOptions
} from './options.ts'
import type { Priority } from './priority.ts'
import type { SheddingView } from './state.ts'

declare module 'fastify' {
  interface FastifyInstance<RawServer, RawRequest, RawReply, Logger, TypeProvider> {
    /** What load shedding does at present. */
    readonly loadShedding: SheddingView
  }
  interface FastifyContextConfig {
    /**
     * What the requests of the route are worth when not all can be served: a priority, or options;
     * `false` exempts the route.
     *
     * @default the plugin's priority
     */
    loadShedding?: Priority | LoadSheddingRouteOptions | false
  }
}

const TWICE =
  'It bounds the work of a whole process; routes have their own priority as config.loadShedding. Where holdfast is registered, give it the options as loadShedding.'

declareFact('loadShedding')
declareFact('workCount')

const plugin: FastifyPluginCallback<LoadSheddingOptions> = (app, given, done) => {
  try {
    wire(app, given)
    done()
  } catch (error) {
    // Thrown, it would end the process instead of the boot.
    done(error as Error)
  }
}

function wire(app: FastifyInstance, given: LoadSheddingOptions): void {
  enlist(app, '@holdfast/load-shedding', {
    after: ['@holdfast/lifecycle'],
    root: true,
    decorators: ['loadShedding'],
    refuses: true,
    twice: TWICE
  })
  const options = resolveOptions(given)
  const requestHook = new RequestHook(options, guardedLog(app.log))
  // When requests arrive, and what time their route leaves them.
  intake(app)
  const unwatch = onHead(countOutAnswered)
  app.decorate('loadShedding', requestHook)
  provideState(app, '@holdfast/load-shedding', () => requestHook.state)
  if (options.failsReadiness && !options.isShadow) failWhileShedding(app, requestHook)

  app.addHook('onRoute', function holdfastLoadSheddingRoute(route) {
    checkRouteOption(route, 'loadShedding')
    requestHook.routes.declare(route)
  })
  app.addHook('onRequest', function holdfastLoadShedding(request, reply, next) {
    requestHook.check(request, reply, next)
  })
  app.addHook('onClose', async () => unwatch())
}

/**
 * Refuses what the process cannot finish in time, least important first, see {@link LoadSheddingOptions}.
 *
 * @throws UnknownOptionError, InvalidOptionError, RegisteredTwiceError, DecoratorTakenError,
 *   NotAtRootError when the app boots
 */
export const loadShedding: FastifyPluginCallback<LoadSheddingOptions> = fp(plugin, {
  name: '@holdfast/load-shedding',
  fastify: '5.x'
})
