/**
 * Wires breakers into Fastify: the decorators, the guarded routes, and a log line per change.
 */
import {
  checkRouteOption,
  declareFact,
  dropIdleDeadlines,
  enlist,
  type GuardedLog,
  guardedLog,
  provideState,
  stopLoopLateness,
  subscribe
} from '@holdfast/core'
import type { FastifyInstance, FastifyPluginCallback } from 'fastify'
import fp from 'fastify-plugin'
import type { CircuitBreaker } from './breaker.ts'
import type { BreakerOptions } from './breaker-options.ts'
import type { BreakerTransition } from './channels.ts'
import { bindRoute, holdfastCircuitBreakerError, refuseWhenOpen } from './edges/route.ts'
import {
  type CircuitBreakerOptions,
  type CircuitBreakerRouteOptions,
  resolveCircuitBreakerOptions
} from './options.ts'
import { BreakerRegistry, type CircuitBreakers } from './registry.ts'

declare module 'fastify' {
  interface FastifyInstance<RawServer, RawRequest, RawReply, Logger, TypeProvider> {
    /**
     * Returns the breaker of that name, and makes it when there is none. Options are laid over the
     * plugin's; for a name that exists they must be the same as before, or be left out.
     */
    circuitBreaker(name: string, options?: BreakerOptions): CircuitBreaker
    /** All breakers, for operators. */
    readonly circuitBreakers: CircuitBreakers
  }
  interface FastifyContextConfig {
    /**
     * Puts the route behind a breaker: `true` for one of its own, a name to share one, or options.
     *
     * @default false
     */
    circuitBreaker?: boolean | string | CircuitBreakerRouteOptions
  }
}

const TWICE =
  'Breakers with options of their own are made by app.circuitBreaker(name, options) and config.circuitBreaker; a scope made with app.register() may have its own registration. Where holdfast is registered, give it the options as circuitBreaker.'

declareFact('circuitBreaker')
declareFact('breakerFallback')

function plugin(
  app: FastifyInstance,
  options: CircuitBreakerOptions,
  done: (error?: Error) => void
): void {
  try {
    wire(app, options)
    done()
  } catch (error) {
    // Thrown, it would end the process instead of the boot.
    done(error as Error)
  }
}

function wire(app: FastifyInstance, options: CircuitBreakerOptions): void {
  enlist(app, '@holdfast/circuit-breaker', {
    after: ['@holdfast/lifecycle', '@holdfast/load-shedding', '@holdfast/rate-limit'],
    decorators: ['circuitBreaker', 'circuitBreakers'],
    refuses: true,
    twice: TWICE
  })
  const log = guardedLog(app.log)
  const resolved = resolveCircuitBreakerOptions(options)
  const registry = new BreakerRegistry(resolved, () => {
    log.warn(
      `All ${resolved.maxBreakers} circuit breakers are in use: further names share one. Raise maxBreakers, or use fewer names.`
    )
  })

  app.decorate('circuitBreaker', (name: string, breakerOptions?: BreakerOptions) =>
    registry.open(name, breakerOptions)
  )
  app.decorate('circuitBreakers', registry)
  provideState(app, '@holdfast/circuit-breaker', () => registry.state)

  app.addHook('onRoute', function holdfastCircuitBreakerRoute(route) {
    checkRouteOption(route, 'circuitBreaker')
    // A scope that has registered the plugin itself binds its own routes.
    if (this.circuitBreakers === registry) bindRoute(registry, route)
  })
  app.addHook('onRequest', function holdfastCircuitBreaker(request, reply, next) {
    refuseWhenOpen(registry, log, request, reply, next)
  })
  app.addHook('onError', holdfastCircuitBreakerError)

  const unsubscribe = subscribe('holdfast:circuit-breaker:state', (transition) => {
    if (registry.hasMade(transition.breaker)) logTransition(log, transition)
  })
  app.addHook('onClose', async () => {
    unsubscribe()
    dropIdleDeadlines()
    stopLoopLateness()
  })
}

function logTransition(log: GuardedLog, transition: BreakerTransition): void {
  const { name, from, to, causes, shadow } = transition
  const fields = { circuitBreaker: name, from, to, causes, shadow: shadow || undefined }
  const would = shadow ? ' (in shadow: it refuses nothing)' : ''
  if (to === 'open') log.warn(fields, `circuit breaker "${name}" opened${would}`)
  else log.info(fields, `circuit breaker "${name}" is ${to}${would}`)
}

/**
 * Circuit breakers for Fastify: around routes by `config.circuitBreaker`, around any call by
 * `app.circuitBreaker(name).execute(fn)`.
 */
export const circuitBreaker: FastifyPluginCallback<CircuitBreakerOptions> = fp(plugin, {
  name: '@holdfast/circuit-breaker',
  fastify: '5.x'
})
