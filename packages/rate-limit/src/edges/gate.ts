/**
 * Where requests meet the limiter.
 */
import {
  factsOf,
  headersOf,
  monotonicClock,
  type RateLimitFact,
  type RequestFacts,
  refuseWith,
  routeConfig
} from '@holdfast/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { allowedChannel, deniedChannel, nearLimitChannel } from '../channels.ts'
import type { Decision } from '../decision.ts'
import { FIELD_NAMES, type Fields } from '../headers.ts'
import type { MaybePromise, RateLimitHook } from '../options.ts'
import type { Policies } from '../policy.ts'
import type { Budget, Budgets } from './budgets.ts'
import type { Offer } from './terms.ts'
import { isPromise, whenKnown } from './when-known.ts'

/** Fastify's callback of a hook. */
export type Done = (error?: Error) => void

/** The share of a limit that is near it. */
const NEAR = 0.2

// The facts of a request that another plugin has met already.
const FACTS: unique symbol = Symbol.for('holdfast.facts') as never

/** Lets requests pass, or refuses them. */
export class Gate {
  readonly #budgets: Budgets
  readonly #seen = new WeakSet<FastifyRequest>()

  constructor(budgets: Budgets) {
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
    const known = (request.raw as { [FACTS]?: RequestFacts })[FACTS]
    if (known?.probe === true || (hook === 'preHandler' && this.#isSecond(request))) {
      done()
      return
    }
    const key = budget.clients.keyOf(request)
    if (budget.isPlain && !isPromise(key)) {
      const { usual, usualCost } = budget.terms
      const facts = known ?? factsOf(request)
      // Facts that are made now have read the clock already.
      const time = known === undefined ? facts.startedAt : monotonicClock()
      const decision = budget.limiter.check(key, usualCost, time)
      this.#answer(budget, usual, key, decision, facts, request, reply, done)
      return
    }
    const asked = whenKnown(key, (key) => this.#ask(budget, key, request, reply, done))
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
    budget: Budget,
    key: string,
    request: FastifyRequest,
    reply: FastifyReply,
    done: Done
  ): void | Promise<void> {
    const { clients, terms } = budget
    return whenKnown(clients.isAllowListed(request, key), (isAllowListed) =>
      whenKnown(terms.offerTo(request, key), (offer) => {
        const facts = factsOf(request)
        if (isAllowListed) {
          facts.rateLimit ??= offer.allowListed
          done()
          return
        }
        return whenKnown(terms.costOf(request, key), (cost) => {
          return whenKnown(decide(budget, key, cost, offer.policies), (decision) =>
            this.#answer(budget, offer, key, decision, facts, request, reply, done)
          )
        })
      })
    )
  }

  #answer(
    budget: Budget,
    offer: Offer,
    key: string,
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
    publish(budget, request, key, decision)
    if (decision.allowed || isShadow) {
      done()
      return
    }
    facts.refusedBy = 'rate-limit'
    if (earlier !== undefined) for (const name of FIELD_NAMES) reply.removeHeader(name)
    refuseWith(reply, offer.denials.of(decision), done)
  }
}

function decide(
  { limiter, shared }: Budget,
  key: string,
  cost: number,
  policies: Policies
): MaybePromise<Decision> {
  if (shared !== undefined) return shared.check(key, cost, policies)
  return limiter.check(key, cost, monotonicClock(), policies)
}

function tell(reply: FastifyReply, offer: Offer, decision: Decision): void {
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
  { isShadow }: Budget,
  request: FastifyRequest,
  key: string,
  decision: Decision
): void {
  const channel = decision.allowed ? allowedChannel : deniedChannel
  if (!channel.hasSubscribers && !nearLimitChannel.hasSubscribers) return
  const event = { request, key, decision, mode: isShadow ? 'shadow' : 'enforce' } as const
  channel.publish(event)
  if (decision.allowed && decision.remaining <= NEAR * decision.limit) {
    nearLimitChannel.publish(event)
  }
}

/** Of several registrations the client is told the one with the least left. */
function isTighter(decision: Decision, earlier: RateLimitFact | undefined): boolean {
  if (earlier === undefined || earlier.reason === 'allow-listed') return true
  return !decision.allowed || (earlier.allowed && decision.remaining <= earlier.remaining)
}
