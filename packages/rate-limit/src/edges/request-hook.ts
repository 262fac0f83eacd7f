/**
 * Where requests meet the limiter.
 */
import {
  factsOf,
  headersOf,
  monotonicClock,
  type RequestFacts,
  refuseWith,
  routeConfig
} from '@holdfast/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { allowedChannel, deniedChannel, nearLimitChannel } from '../channels.ts'
import type { Decision } from '../decision.ts'
import type { RateLimitFact } from '../fact.ts'
import { FIELD_NAMES, type Fields } from '../headers.ts'
import type { RateLimitHook } from '../limit-options.ts'
import { forPolicy, type PerPolicy } from '../per-policy.ts'
import type { RouteLimit, RouteLimits } from './limits.ts'
import type { ResolvedLimit } from './request-limits.ts'
import { isPromise, whenKnown } from './when-known.ts'

/** Fastify's callback of a hook. */
export type Done = (error?: Error) => void

/** A hook made by `app.rateLimit()`: for requests of any server, of HTTP/2 too. */
export interface RateLimitHandler {
  <Request extends object, Reply extends object>(request: Request, reply: Reply, done: Done): void
  /** As `preParsing`, which is given the body first. */
  <Request extends object, Reply extends object>(
    request: Request,
    reply: Reply,
    body: unknown,
    done: Done
  ): void
}

/** The share of a limit that is near it. */
const NEAR = 0.2

// The facts of a request that another plugin has met already.
const FACTS: unique symbol = Symbol.for('holdfast.facts') as never

/** Lets requests pass, or refuses them. */
export class RequestHook {
  readonly #budgets: RouteLimits
  readonly #seen = new WeakSet<FastifyRequest>()

  constructor(budgets: RouteLimits) {
    this.#budgets = budgets
  }

  /** Checks a request in the hook that its budget is checked in; in any other it passes. */
  check(hook: RateLimitHook, request: FastifyRequest, reply: FastifyReply, done: Done): void {
    const config = routeConfig(request)
    const budget = this.#budgets.of(request, config)
    if (budget === undefined || budget.hook !== hook || config.holdfast?.probe === true) {
      done()
      return
    }
    if (hook === 'preHandler' && this.#isSecond(request)) {
      done()
      return
    }
    this.#count(budget, request, reply, done)
  }

  /** Makes a hook that counts requests in one budget, if nothing else has. */
  hookOf(budget: RouteLimit): RateLimitHandler {
    budget.met ??= new WeakSet()
    const { met } = budget
    const count = (request: FastifyRequest, reply: FastifyReply, done: Done): void => {
      if (met.has(request) || routeConfig(request).holdfast?.probe === true) done()
      else this.#count(budget, request, reply, done)
    }
    const handler = function holdfastRateLimit(
      request: FastifyRequest,
      reply: FastifyReply,
      bodyOrDone: unknown,
      // As preParsing it is given the body first.
      done: Done = bodyOrDone as Done
    ) {
      count(request, reply, done)
    }
    return handler as RateLimitHandler
  }

  #count(budget: RouteLimit, request: FastifyRequest, reply: FastifyReply, done: Done): void {
    const known = (request.raw as { [FACTS]?: RequestFacts })[FACTS]
    if (known?.probe === true) {
      done()
      return
    }
    budget.met?.add(request)
    const keys = budget.clients.keysOf(request)
    const { plain } = budget
    if (plain !== undefined && !isPromise(keys)) {
      const { usual, usualCosts } = budget.terms
      const facts = known ?? factsOf(request)
      // Facts that are made now have read the clock already.
      const time = known === undefined ? facts.startedAt : monotonicClock()
      const decision = plain.check(keys, usualCosts, time)
      this.#answer(budget, usual, keys, decision, facts, request, reply, done)
      return
    }
    const asked = whenKnown(keys, (keys) => this.#ask(budget, keys, request, reply, done))
    // Users' functions do not fail, but what Fastify and its hooks do next may.
    if (isPromise(asked)) asked.catch(done)
  }

  /** `reply.callNotFound()` runs these hooks a second time. */
  #isSecond(request: FastifyRequest): boolean {
    if (this.#seen.has(request)) return true
    this.#seen.add(request)
    return false
  }

  #ask(
    budget: RouteLimit,
    keys: PerPolicy<string>,
    request: FastifyRequest,
    reply: FastifyReply,
    done: Done
  ): void | Promise<void> {
    const { clients, terms } = budget
    return whenKnown(clients.isAllowListed(request, keys), (isAllowListed) =>
      whenKnown(terms.offerTo(request, keys), (offer) => {
        const facts = factsOf(request)
        if (isAllowListed) {
          facts.rateLimit ??= offer.allowListed
          done()
          return
        }
        return whenKnown(terms.costsOf(request, keys), (costs) => {
          return whenKnown(budget.keeper.check(keys, costs, offer.policies), (decision) =>
            this.#answer(budget, offer, keys, decision, facts, request, reply, done)
          )
        })
      })
    )
  }

  #answer(
    budget: RouteLimit,
    offer: ResolvedLimit,
    keys: PerPolicy<string>,
    decision: Decision,
    facts: RequestFacts,
    request: FastifyRequest,
    reply: FastifyReply,
    done: Done
  ): void {
    const { isShadow } = budget
    const earlier = facts.rateLimit
    if (isTighter(decision, earlier)) {
      facts.rateLimit = decision
      if (decision.allowed && !isShadow) tell(reply, offer, decision)
    }
    publish(budget, request, keys, decision)
    if (decision.allowed || isShadow) {
      done()
      return
    }
    facts.refusedBy = 'rate-limit'
    if (earlier !== undefined) for (const name of FIELD_NAMES) reply.removeHeader(name)
    refuseWith(reply, offer.denials.of(decision), done)
  }
}

function tell(reply: FastifyReply, offer: ResolvedLimit, decision: Decision): void {
  const fields = headersOf(reply)
  if (fields !== undefined) {
    offer.write(fields as Fields, decision)
    return
  }
  const own: Fields = {}
  offer.write(own, decision)
  reply.headers(own)
}

function publish(
  { isShadow }: RouteLimit,
  request: FastifyRequest,
  keys: PerPolicy<string>,
  decision: Decision
): void {
  const channel = decision.allowed ? allowedChannel : deniedChannel
  if (!channel.hasSubscribers && !nearLimitChannel.hasSubscribers) return
  const key = keyBehind(decision, keys)
  const event = { request, key, decision, mode: isShadow ? 'shadow' : 'enforce' } as const
  channel.publish(event)
  if (decision.allowed && isNear(decision)) nearLimitChannel.publish(event)
}

/** The key under the policy that decided. */
function keyBehind({ each, policy }: Decision, keys: PerPolicy<string>): string {
  return forPolicy(keys, each?.findIndex((one) => one.policy === policy) ?? 0)
}

function isNear({ each, remaining, limit }: Decision): boolean {
  return each === undefined ? remaining <= NEAR * limit : each.some(isNear)
}

/** Of several registrations the client is told the one with the least left. */
function isTighter(decision: Decision, earlier: RateLimitFact | undefined): boolean {
  if (earlier === undefined || earlier.reason === 'allow-listed') return true
  return !decision.allowed || (earlier.allowed && decision.remaining <= earlier.remaining)
}
