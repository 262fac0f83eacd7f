/**
 * A breaker around a route: it refuses requests before anything is done for them, lets one through
 * just before the handler, and judges the answer when the response has settled.
 */

import { AsyncResource } from 'node:async_hooks'
import type { ServerResponse } from 'node:http'
import {
  appendOnSend,
  appendPreHandler,
  type Ending,
  factsOf,
  type GuardedLog,
  isHijacked,
  onSettled,
  parseRetryAfter,
  type RequestFacts,
  refuse,
  routeConfig
} from '@holdfast/core'
import type {
  FastifyContextConfig,
  FastifyReply,
  FastifyRequest,
  HookHandlerDoneFunction,
  onRouteHookHandler,
  preHandlerHookHandler
} from 'fastify'
import type { CircuitBreaker } from '../breaker.ts'
import type { CallOutcome, Permit } from '../circuit/permit.ts'
import { defaultOutcomeOfStatus, outcomeOfStatus } from '../classify.ts'
import { CircuitOpenError, isRefusal } from '../errors.ts'
import type { BreakerFact } from '../fact.ts'
import { resolveRouteBreaker } from '../options.ts'
import type { BreakerRegistry } from '../registry.ts'

const BREAKER: unique symbol = Symbol('holdfast.route-breaker')

/** Fastify copies a route's config, symbols and all, into what requests are given. */
type BoundConfig = ReturnType<typeof routeConfig> & { [BREAKER]?: CircuitBreaker }
type DeclaredRoute = Parameters<onRouteHookHandler>[0]

/** A request that holds a permit of its route's breaker. It is also the request's fact. */
class GuardedRequest implements BreakerFact {
  readonly name: string
  readonly state: string
  outcome?: CallOutcome
  readonly #breaker: CircuitBreaker
  readonly #permit: Permit
  readonly #reply: FastifyReply
  /** The async context of the request, for `classify`: a piped answer may end in another one. */
  readonly #context: AsyncResource | undefined

  constructor(breaker: CircuitBreaker, permit: Permit, reply: FastifyReply) {
    this.name = breaker.name
    this.state = breaker.state
    this.#breaker = breaker
    this.#permit = permit
    this.#reply = reply
    this.#context =
      breaker.rules.classify === undefined ? undefined : new AsyncResource('HOLDFAST_ROUTE_CALL')
  }

  answered(): void {
    this.#permit.answered()
  }

  judge(statusCode: number): CallOutcome {
    const { classify } = this.#breaker.rules
    return this.#context === undefined
      ? outcomeOfStatus(classify, this.name, statusCode)
      : this.#context.runInAsyncScope(outcomeOfStatus, undefined, classify, this.name, statusCode)
  }

  /** Ends the permit, once. `cause` says why a failure is one. */
  end(outcome: CallOutcome, cause?: string): void {
    if (this.outcome !== undefined) return
    this.outcome = outcome
    this.#permit.end(outcome, cause, outcome === 'failure' ? this.#retryAfter() : 0)
  }

  /** The `Retry-After` that the handler has set on its answer, in milliseconds; 0 for none. */
  #retryAfter(): number {
    const header = this.#reply.getHeader('retry-after')
    return header === undefined ? 0 : parseRetryAfter(header)
  }
}

/** Gives a route that is being declared its breaker. A wrong option throws, and stops the boot. */
export function bindRoute(registry: BreakerRegistry, route: DeclaredRoute): void {
  const wanted = route.config?.circuitBreaker
  if (wanted === undefined || wanted === false) return
  const { name, options } = resolveRouteBreaker(
    wanted,
    routeName(route.method, route.url, route.prefix)
  )
  const breaker = registry.pin(name, options)
  const bound: FastifyContextConfig & BoundConfig = { ...route.config, [BREAKER]: breaker }
  // New objects: a user may give one config, or one list of hooks, to many routes.
  route.config = bound
  route.preHandler = [route.preHandler ?? [], permitHook(breaker)].flat()
  if (breaker.rules.slowCall !== undefined) {
    route.onSend = [route.onSend ?? [], holdfastCircuitBreakerAnswered].flat()
  }
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
  log: GuardedLog,
  request: FastifyRequest,
  reply: FastifyReply,
  done: HookHandlerDoneFunction
): void {
  const breaker = breakerOf(registry, log, request)
  const retryAfter = breaker === undefined ? 0 : breaker.refuseEarly()
  if (breaker === undefined || retryAfter === 0) {
    done()
  } else {
    refuseRequest(breaker, retryAfter, request, reply, done)
  }
}

function breakerOf(
  registry: BreakerRegistry,
  log: GuardedLog,
  request: FastifyRequest
): CircuitBreaker | undefined {
  const config: BoundConfig = routeConfig(request)
  if (config.circuitBreaker === undefined || config.circuitBreaker === false) return undefined
  return config[BREAKER] ?? bindLate(registry, log, request, config)
}

/**
 * Gives a route that was declared before the plugin its breaker, at the first request. It is too
 * late to stop the boot: a wrong option is logged, and the plugin's options apply.
 *
 * In a scope that has registered the plugin itself, its hook has run before and bound the route.
 */
function bindLate(
  registry: BreakerRegistry,
  log: GuardedLog,
  request: FastifyRequest,
  config: BoundConfig
): CircuitBreaker {
  const { method, url } = config
  // A handler for 404s has neither, and the requested URL cannot be a name: clients choose it.
  const route = method && url ? routeName(method, url, request.server.prefix) : 'not found'
  let breaker: CircuitBreaker
  try {
    const { name, options } = resolveRouteBreaker(config.circuitBreaker, route)
    breaker = registry.pin(name, options)
  } catch (error) {
    const remedy = `The plugin's options apply to ${route}. Declared after the plugin, the route would have stopped the boot.`
    log.error({ err: error }, remedy)
    breaker = registry.pin(route)
  }
  config[BREAKER] = breaker
  if (breaker.rules.slowCall !== undefined) appendOnSend(request, holdfastCircuitBreakerAnswered)
  /* c8 ignore next 5: no version of Fastify until now is without a list of hooks to append to */
  if (!appendPreHandler(request, permitHook(breaker))) {
    log.warn(`The circuit breaker of ${route} cannot count: declare the route after the plugin.`)
  }
  return breaker
}

/**
 * Takes the permit, as the route's last preHandler: a request that never reaches the handler says
 * nothing about the dependency of the handler.
 */
function permitHook(breaker: CircuitBreaker): preHandlerHookHandler {
  const countsSlowCalls = breaker.rules.slowCall !== undefined
  return function holdfastCircuitBreakerPermit(request, reply, done) {
    const permit =
      countsSlowCalls || breaker.state === 'half-open'
        ? breaker.tryAcquire(() => hasAnswered(reply))
        : breaker.tryAcquire()
    if (permit === null) {
      // Others were let through since onRequest.
      refuseRequest(breaker, breaker.retryAfter, request, reply, done)
      return
    }
    factsOf(request).circuitBreaker = new GuardedRequest(breaker, permit, reply)
    onSettled(reply.raw, judgeAnswer)
    permit.run(done)
  }
}

/** Whether the answer has begun: a stream, or a slow reader, must not keep a healthy route refused. */
function hasAnswered(reply: FastifyReply): boolean {
  const { headersSent, statusCode, req } = reply.raw
  if (headersSent) return defaultOutcomeOfStatus(statusCode) === 'success'
  // When a connection that was taken over was answered is not known.
  return req.headers.upgrade !== undefined && isHijacked(reply) === true
}

/** The answer begins: how long its body takes depends on its reader. */
function holdfastCircuitBreakerAnswered(
  request: FastifyRequest,
  _reply: FastifyReply,
  payload: unknown,
  done: (error: null, payload: unknown) => void
): void {
  const guarded = guardedOf(factsOf(request))
  guarded?.answered()
  done(null, payload)
}

function guardedOf({ circuitBreaker }: RequestFacts): GuardedRequest | undefined {
  return circuitBreaker instanceof GuardedRequest ? circuitBreaker : undefined
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
 * Excludes a request that another breaker refused: whatever status the error handlers give it, the
 * dependency of this route was not called.
 */
export function holdfastCircuitBreakerError(
  request: FastifyRequest,
  _reply: FastifyReply,
  error: Error,
  done: () => void
): void {
  if (isRefusal(error)) guardedOf(factsOf(request))?.end('excluded')
  done()
}

/** What other plugins may have done to a request. */
interface ReadFacts extends Pick<RequestFacts, 'startedAt' | 'circuitBreaker'> {
  readonly refusedBy?: string | undefined
  readonly lifecycle?: object | undefined
}

function judgeAnswer(response: ServerResponse, ending: Ending): void {
  const facts: ReadFacts = factsOf(response.req)
  const guarded = facts.circuitBreaker as GuardedRequest
  const outcome = outcomeOf(guarded, response, ending, facts)
  guarded.end(outcome, causeOf(response, ending))
}

const SWITCHING_PROTOCOLS = 101

/** What an answer says about the dependency of its route. */
function outcomeOf(
  guarded: GuardedRequest,
  response: ServerResponse,
  ending: Ending,
  facts: ReadFacts
): CallOutcome {
  // The dependency has no part in our own refusals, nor in what the shutdown cut.
  if (facts.refusedBy !== undefined || facts.lifecycle !== undefined) return 'excluded'
  // A client that left has not waited for the answer.
  if (ending === 'aborted') return 'excluded'
  // Without a head, the reply was hijacked and the connection used for something else.
  if (!response.headersSent || response.statusCode === SWITCHING_PROTOCOLS) return 'excluded'
  return ending === 'cut' ? 'failure' : guarded.judge(response.statusCode)
}

function causeOf(response: ServerResponse, ending: Ending): string {
  return ending === 'cut' ? 'answer cut midway' : `status ${response.statusCode}`
}
