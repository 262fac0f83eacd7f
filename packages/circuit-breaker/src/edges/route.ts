/**
 * A breaker around a route: it refuses requests before anything is done for them, lets one through
 * just before the handler, and judges the answer when the response has settled.
 */

import type { ServerResponse } from 'node:http'
import {
  appendPreHandler,
  type BreakerFact,
  type Ending,
  factsOf,
  onSettled,
  type RequestFacts,
  refuse,
  routeConfig
} from '@holdfast/core'
import type {
  FastifyContextConfig,
  FastifyReply,
  FastifyRequest,
  HookHandlerDoneFunction,
  onRouteHookHandler
} from 'fastify'
import type { CircuitBreaker } from '../breaker.ts'
import { publishRefusal } from '../channels.ts'
import { outcomeOfStatus } from '../classify.ts'
import { CircuitOpenError, isCircuitOpen } from '../errors.ts'
import { resolveRouteBreaker } from '../options.ts'
import type { Outcome, Permit } from '../permit.ts'
import type { BreakerRegistry } from '../registry.ts'

const BREAKER: unique symbol = Symbol('holdfast.route-breaker')
const PERMIT: unique symbol = Symbol('holdfast.route-permit')

/** Fastify copies a route's config, symbols and all, into what requests are given. */
type BoundConfig = ReturnType<typeof routeConfig> & { [BREAKER]?: CircuitBreaker }
type DeclaredRoute = Parameters<onRouteHookHandler>[0]
type GuardedResponse = object & { [PERMIT]?: Permit }

/** Gives a route that is being declared its breaker. A bad option throws, and stops the boot. */
export function bindRoute(registry: BreakerRegistry, route: DeclaredRoute): void {
  const wanted = route.config?.circuitBreaker
  if (wanted === undefined || wanted === false) return
  const { name, options } = resolveRouteBreaker(
    wanted,
    routeName(route.method, route.url, route.prefix)
  )
  const bound: FastifyContextConfig & BoundConfig = {
    ...route.config,
    [BREAKER]: registry.pin(name, options)
  }
  // New objects: a user may give one config, or one list of hooks, to many routes.
  route.config = bound
  route.preHandler = [route.preHandler ?? [], holdfastCircuitBreakerPermit].flat()
}

/**
 * Method and URL, by which a route's breaker is called. GET and HEAD are one, and so are the two
 * URLs of the route `/` in a scope with a prefix.
 */
function routeName(method: string | readonly string[], fullUrl: string, prefix: string): string {
  const methods = [method].flat()
  const url = prefix !== '' && fullUrl === `${prefix}/` ? prefix : fullUrl
  const reads = methods.includes('GET') || methods.includes('HEAD')
  return `${reads ? 'GET' : methods[0]} ${url}`
}

/** Refuses a request to a route whose breaker refuses, before anything is done for it. */
export function refuseWhenOpen(
  registry: BreakerRegistry,
  request: FastifyRequest,
  reply: FastifyReply,
  done: HookHandlerDoneFunction
): void {
  const breaker = breakerOf(registry, request)
  const retryAfter = breaker === undefined ? 0 : breaker.retryAfter
  if (breaker === undefined || retryAfter === 0) {
    done()
  } else {
    publishRefusal(breaker, retryAfter)
    refuseRequest(breaker, retryAfter, request, reply, done)
  }
}

function breakerOf(registry: BreakerRegistry, request: FastifyRequest): CircuitBreaker | undefined {
  const config: BoundConfig = routeConfig(request)
  if (config.circuitBreaker === undefined || config.circuitBreaker === false) return undefined
  return config[BREAKER] ?? bindLate(registry, request, config)
}

/**
 * Gives a route that was declared before the plugin its breaker, at the first request. It is too
 * late to stop the boot: a bad option is logged, and the plugin's options apply.
 *
 * In a scope with a registration of its own, that one's hook runs first, and has bound the route.
 */
function bindLate(
  registry: BreakerRegistry,
  request: FastifyRequest,
  config: BoundConfig
): CircuitBreaker {
  const { method, url } = config
  // A handler for 404s has neither, and the URL that was asked for is no name: clients choose it.
  const route = method && url ? routeName(method, url, request.server.prefix) : 'not found'
  let breaker: CircuitBreaker
  try {
    const { name, options } = resolveRouteBreaker(config.circuitBreaker, route)
    breaker = registry.pin(name, options)
  } catch (error) {
    const remedy = `The plugin's options apply to ${route}. Declared after the plugin, the route would have stopped the boot.`
    request.server.log.error({ err: error }, remedy)
    breaker = registry.pin(route)
  }
  config[BREAKER] = breaker
  /* c8 ignore next 5: no version of Fastify until now is without a list of hooks to append to */
  if (!appendPreHandler(request, holdfastCircuitBreakerPermit)) {
    request.server.log.warn(
      `The circuit breaker of ${route} cannot count: declare the route after the plugin.`
    )
  }
  return breaker
}

/**
 * Takes the permit. The route's last preHandler: a request that never reaches the handler says
 * nothing about what the handler depends on.
 */
function holdfastCircuitBreakerPermit(
  request: FastifyRequest,
  reply: FastifyReply,
  done: HookHandlerDoneFunction
): void {
  const breaker = (routeConfig(request) as BoundConfig)[BREAKER] as CircuitBreaker
  const permit =
    breaker.state === 'half-open'
      ? breaker.tryAcquire(() => hasAnswered(reply.raw))
      : breaker.tryAcquire()
  if (permit === null) {
    // Somebody else became the probe since onRequest.
    refuseRequest(breaker, breaker.retryAfter, request, reply, done)
    return
  }
  factsOf(request).circuitBreaker = { name: breaker.name, state: breaker.state }
  ;(reply.raw as GuardedResponse)[PERMIT] = permit
  onSettled(reply.raw, judgeAnswer)
  done()
}

/** A stream, or a client that reads slowly, must not keep a healthy route shut. */
function hasAnswered(response: ServerResponse): boolean {
  return response.headersSent && outcomeOfStatus(response.statusCode) === 'success'
}

function refuseRequest(
  breaker: CircuitBreaker,
  retryAfter: number,
  request: FastifyRequest,
  reply: FastifyReply,
  done: HookHandlerDoneFunction
): void {
  const facts = factsOf(request)
  facts.refusedBy = 'circuit-breaker'
  facts.circuitBreaker = { name: breaker.name, state: breaker.state }
  refuse(reply, new CircuitOpenError(breaker.name, retryAfter), done)
}

/**
 * Excludes a request that another breaker refused: whatever status the error handlers make of it,
 * what this route depends on was not asked.
 */
export function holdfastCircuitBreakerError(
  request: FastifyRequest,
  reply: FastifyReply,
  error: Error,
  done: () => void
): void {
  const permit = (reply.raw as GuardedResponse)[PERMIT]
  if (permit !== undefined && isCircuitOpen(error)) settle(permit, factsOf(request), 'excluded')
  done()
}

function judgeAnswer(response: ServerResponse, ending: Ending): void {
  const permit = (response as GuardedResponse)[PERMIT] as Permit
  const facts = factsOf(response.req)
  const outcome = outcomeOf(response, ending, facts)
  settle(permit, facts, outcome, outcome === 'failure' ? causeOf(response, ending) : undefined)
}

const SWITCHING_PROTOCOLS = 101

/** What an answer says about what its route depends on. */
function outcomeOf(response: ServerResponse, ending: Ending, facts: RequestFacts): Outcome {
  // Our own refusals, and what the shutdown had to cut, are not the dependency's doing.
  if (facts.refusedBy !== undefined || facts.lifecycle !== undefined) return 'excluded'
  // A client that left has not waited for the answer.
  if (ending === 'aborted') return 'excluded'
  // Without a head the reply was hijacked, and the connection used for something else.
  if (!response.headersSent || response.statusCode === SWITCHING_PROTOCOLS) return 'excluded'
  return ending === 'cut' ? 'failure' : outcomeOfStatus(response.statusCode)
}

function causeOf(response: ServerResponse, ending: Ending): string {
  return ending === 'cut' ? 'answer cut midway' : `status ${response.statusCode}`
}

function settle(permit: Permit, facts: RequestFacts, outcome: Outcome, cause?: string): void {
  const fact = facts.circuitBreaker as BreakerFact
  if (fact.outcome !== undefined) return
  fact.outcome = outcome
  if (outcome === 'success') permit.success()
  else if (outcome === 'excluded') permit.exclude()
  else permit.failure(cause)
}
