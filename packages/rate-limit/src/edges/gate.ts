/**
 * Where requests meet the limiter.
 */
import { factsOf, monotonicClock, type RateLimitFact, routeConfig } from '@holdfast/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { allowedChannel, deniedChannel } from '../channels.ts'
import type { Decision } from '../decision.ts'
import { RateLimitExceededError } from '../errors.ts'
import type { RateLimitHook } from '../options.ts'
import type { Budgets } from './budgets.ts'

/** Lets requests pass, or says why not. */
export class Gate {
  readonly #budgets: Budgets
  readonly #seen = new WeakSet<FastifyRequest>()

  constructor(budgets: Budgets) {
    this.#budgets = budgets
  }

  /**
   * Checks a request in the hook that its budget is checked in; in any other it passes.
   *
   * @returns what to refuse it with; `undefined` when it may pass
   */
  check(
    hook: RateLimitHook,
    request: FastifyRequest,
    reply: FastifyReply
  ): RateLimitExceededError | undefined {
    const config = routeConfig(request)
    const budget = this.#budgets.of(request, config)
    if (budget === undefined || budget.hook !== hook) return undefined
    const facts = factsOf(request)
    if (facts.probe === true || config.holdfast?.probe === true) return undefined
    if (hook === 'preHandler') {
      // `reply.callNotFound()` runs these hooks a second time.
      if (this.#seen.has(request)) return undefined
      this.#seen.add(request)
    }

    const key = budget.clients.keyOf(request)
    if (budget.clients.isAllowListed(request, key)) {
      facts.rateLimit ??= budget.allowListed
      return undefined
    }
    const decision = budget.limiter.check(key, 1, monotonicClock())
    if (!decision.allowed) {
      facts.rateLimit = decision
      facts.refusedBy = 'rate-limit'
      if (deniedChannel.hasSubscribers) deniedChannel.publish({ request, key, decision })
      return new RateLimitExceededError(decision, budget.fields(decision))
    }
    if (isTighter(decision, facts.rateLimit)) {
      facts.rateLimit = decision
      reply.headers(budget.fields(decision))
    }
    if (allowedChannel.hasSubscribers) allowedChannel.publish({ request, key, decision })
    return undefined
  }
}

/** Of several registrations the client is told the one with the least left. */
function isTighter({ remaining }: Decision, earlier: RateLimitFact | undefined): boolean {
  if (earlier === undefined || earlier.reason === 'allow-listed') return true
  return remaining <= earlier.remaining
}
