/**
 * A limiter that any code can ask: about requests, or about whatever has a name.
 */
import {
  type Duration,
  describe,
  duration,
  InvalidOptionError,
  monotonicClock,
  type OptionCheck,
  parseDuration
} from '@holdfast/core'
import type { FastifyRequest } from 'fastify'
import { requests, window } from '../budget-checks.ts'
import type { MaybePromise } from '../budget-options.ts'
import type { Decision } from '../decision.ts'
import type { Each } from '../each.ts'
import { NotSynchronousError } from '../errors.ts'
import type { Charged } from '../limiter.ts'
import type { Budget } from './budgets.ts'
import type { Offer } from './terms.ts'
import { isPromise, whenKnown } from './when-known.ts'

/** How to check. */
export interface CheckOptions {
  /**
   * What it takes: a whole number; 0 takes nothing. Policies that have a cost of their own keep that.
   *
   * @default the limiter's `cost`
   */
  readonly cost?: number
}

/** Something that was charged before it is known what it costs. */
export interface Reservation {
  /** Whether it was charged. If not, there is nothing to settle. */
  readonly decision: Decision
  /**
   * Charges what it did cost, a whole number, in place of what was charged. Of what was too much is
   * given back what has not come back by itself since; what was too little is taken as far as there
   * is anything left. Policies that have a cost of their own keep that. Only the first call of
   * `settle()` or `cancel()` counts.
   *
   * @throws InvalidOptionError for any other cost
   */
  settle(actualCost: number): Promise<void>
  /** Gives everything back, as far as it has not come back by itself. */
  cancel(): Promise<void>
}

/** Who asks, under what terms. */
interface Question {
  readonly keys: Each<string>
  readonly costs: Each<number>
  readonly offer: Offer
  readonly isAllowListed: boolean
}

/**
 * Made by `app.createRateLimiter()`. What it is asked about is a request, whose client
 * `keyGenerator` names, or the name of anything: a text that is not empty, which is the key under
 * every policy. It tells nobody else what it decides: no header field, fact or event.
 *
 * Every method rejects, and `checkSync()` throws, an InvalidOptionError for a key or a cost that
 * cannot be, and a RequestNeededError for a key where an option is a function of the request.
 */
export class RateLimiter {
  readonly #budget: Budget

  /** @internal */
  constructor(budget: Budget) {
    this.#budget = budget
  }

  /**
   * Charges the cost if all policies allow that, else nothing: before it returns, unless a function
   * among the options has to be waited for.
   */
  async check(requestOrKey: FastifyRequest | string, options?: CheckOptions): Promise<Decision> {
    return whenKnown(this.#question(requestOrKey, options), (question) => this.#check(question))
  }

  /**
   * The same at once.
   *
   * @throws NotSynchronousError where a function among the options answers with a promise
   */
  checkSync(requestOrKey: FastifyRequest | string, options?: CheckOptions): Decision {
    const question = this.#question(requestOrKey, options)
    if (isPromise(question)) throw new NotSynchronousError()
    return this.#check(question)
  }

  /** What {@link check} would answer. Charges nothing. */
  async peek(requestOrKey: FastifyRequest | string, options?: CheckOptions): Promise<Decision> {
    const { limiter } = this.#budget
    return whenKnown(
      this.#question(requestOrKey, options),
      ({ keys, costs, offer, isAllowListed }) =>
        isAllowListed
          ? offer.allowListed
          : limiter.peek(keys, costs, monotonicClock(), offer.policies)
    )
  }

  /** Charges like {@link check} what it may cost at most, to be settled when it is known. */
  async reserve(
    requestOrKey: FastifyRequest | string,
    options?: CheckOptions
  ): Promise<Reservation> {
    return whenKnown(this.#question(requestOrKey, options), (question) => this.#reserve(question))
  }

  /** Forgets all that is known of a client, a ban included: it starts anew. */
  async reset(requestOrKey: FastifyRequest | string): Promise<void> {
    const { limiter } = this.#budget
    return whenKnown(this.#keys(requestOrKey), (keys) => limiter.reset(keys, monotonicClock()))
  }

  /**
   * Denies everything to a client from now on, in place of a ban there is. Nobody hears of it before
   * they ask; they are told when it ends.
   *
   * @param duration at most 365 days; 0 ends a ban
   */
  async ban(requestOrKey: FastifyRequest | string, duration: Duration): Promise<void> {
    checkDuration(duration, 'ban.duration')
    const milliseconds = parseDuration(duration, 'ban.duration')
    const { limiter } = this.#budget
    return whenKnown(this.#keys(requestOrKey), (keys) =>
      limiter.ban(keys, milliseconds, monotonicClock())
    )
  }

  #reserve(question: Question): Reservation {
    const decision = this.#check(question)
    const { keys, costs, offer, isAllowListed } = question
    if (!decision.allowed || isAllowListed) return new OpenReservation(decision, this.#budget)
    const charged = this.#budget.limiter.hold(keys, costs, offer.policies)
    return new OpenReservation(decision, this.#budget, charged)
  }

  #check({ keys, costs, offer, isAllowListed }: Question): Decision {
    if (isAllowListed) return offer.allowListed
    return this.#budget.limiter.check(keys, costs, monotonicClock(), offer.policies)
  }

  #question(
    requestOrKey: FastifyRequest | string,
    { cost }: CheckOptions = {}
  ): MaybePromise<Question> {
    if (cost !== undefined) requests(cost, 'cost')
    const { clients, terms } = this.#budget
    const request = typeof requestOrKey === 'string' ? undefined : requestOrKey
    return whenKnown(this.#keys(requestOrKey), (keys) =>
      whenKnown(clients.isAllowListed(request, keys), (isAllowListed) =>
        whenKnown(terms.offerTo(request, keys), (offer) =>
          whenKnown(
            terms.costsOf(request, keys, cost),
            (costs): Question => ({ keys, costs, offer, isAllowListed })
          )
        )
      )
    )
  }

  #keys(requestOrKey: FastifyRequest | string): MaybePromise<Each<string>> {
    if (typeof requestOrKey === 'object' && requestOrKey !== null) {
      return this.#budget.clients.keysOf(requestOrKey)
    }
    if (typeof requestOrKey !== 'string' || requestOrKey === '') {
      const expected = 'a request, or text that is not empty'
      throw new InvalidOptionError('requestOrKey', expected, describe(requestOrKey))
    }
    return requestOrKey
  }
}

class OpenReservation implements Reservation {
  readonly decision: Decision
  readonly #budget: Budget
  #charged: Charged | undefined

  constructor(decision: Decision, budget: Budget, charged?: Charged) {
    this.decision = decision
    this.#budget = budget
    this.#charged = charged
  }

  async settle(actualCost: number): Promise<void> {
    requests(actualCost, 'actualCost')
    const charged = this.#charged
    if (charged !== undefined) {
      this.#end(charged, this.#budget.terms.settledCosts(charged.costs, actualCost))
    }
  }

  async cancel(): Promise<void> {
    const charged = this.#charged
    if (charged !== undefined) this.#end(charged, 0)
  }

  #end(charged: Charged, actual: Each<number>): void {
    this.#charged = undefined
    this.#budget.limiter.settle(charged, actual, monotonicClock())
  }
}

const checkDuration: OptionCheck = (value, option) => {
  duration()(value, option)
  if (parseDuration(value as Duration, option) > 0) window(value, option)
}
