/**
 * A limiter that any code can ask: about requests, or about whatever has a name.
 */
import { Stream } from 'node:stream'
import {
  type Duration,
  describe,
  duration,
  InvalidOptionError,
  type OptionCheck,
  parseDuration,
  shapeOf
} from '@holdfast/core'
import type { FastifyRequest } from 'fastify'
import type { Decision } from '../decision.ts'
import { NotSynchronousError } from '../errors.ts'
import { requests, window } from '../limit-checks.ts'
import type { MaybePromise } from '../limit-options.ts'
import type { PerPolicy } from '../per-policy.ts'
import { type BackendReservation, nothingReserved } from './backend.ts'
import type { RouteLimit } from './limits.ts'
import type { LimitResolver, ResolvedLimit } from './request-limits.ts'
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
  readonly keys: PerPolicy<string>
  readonly costs: PerPolicy<number>
  readonly offer: ResolvedLimit
  readonly isAllowListed: boolean
}

/**
 * Made by `app.createRateLimiter()`. What it is asked about is a request, whose client
 * `keyGenerator` names, or the name of anything: a text that is not empty, which is the key under
 * every policy. It tells nobody else what it decides: no header field, fact or event.
 *
 * Every method rejects, and `checkSync()` throws, an InvalidOptionError for a key or a cost that
 * cannot be, and a RequestNeededError for a key where an option is a function of the request. While
 * a store does not answer, `onStoreError` says what is decided.
 */
export class RateLimiter {
  readonly #budget: RouteLimit

  /** @internal */
  constructor(budget: RouteLimit) {
    this.#budget = budget
  }

  /**
   * Charges the cost if all policies allow that, else nothing: before it returns, unless a store or a
   * function among the options has to be waited for.
   */
  async check(requestOrKey: FastifyRequest | string, options?: CheckOptions): Promise<Decision> {
    return whenKnown(this.#question(requestOrKey, options), (question) => this.#check(question))
  }

  /**
   * The same at once.
   *
   * @throws NotSynchronousError where the limit is kept in a store, or a function among the options
   *   answers with a promise
   */
  checkSync(requestOrKey: FastifyRequest | string, options?: CheckOptions): Decision {
    const { own } = this.#budget
    if (own === undefined) throw new NotSynchronousError('the limit is kept in a store')
    const question = this.#question(requestOrKey, options)
    if (isPromise(question)) {
      throw new NotSynchronousError('a function among the options answers with a promise')
    }
    const { keys, costs, offer, isAllowListed } = question
    return isAllowListed ? offer.allowListed : own.check(keys, costs, offer.policies)
  }

  /** What {@link check} would answer. Charges nothing. */
  async peek(requestOrKey: FastifyRequest | string, options?: CheckOptions): Promise<Decision> {
    const { keeper } = this.#budget
    return whenKnown(
      this.#question(requestOrKey, options),
      ({ keys, costs, offer, isAllowListed }) =>
        isAllowListed ? offer.allowListed : keeper.peek(keys, costs, offer.policies)
    )
  }

  /** Charges like {@link check} what it may cost at most, to be settled when it is known. */
  async reserve(
    requestOrKey: FastifyRequest | string,
    options?: CheckOptions
  ): Promise<Reservation> {
    return whenKnown(this.#question(requestOrKey, options), (question) => this.#reserve(question))
  }

  /**
   * Forgets all that is known of a client, a ban included: it starts anew. Of a limit in a store,
   * other processes go on denying until the time that they have told the client.
   *
   * @throws StoreUnavailableError
   */
  async reset(requestOrKey: FastifyRequest | string): Promise<void> {
    const { keeper, terms } = this.#budget
    return whenKnown(this.#keys(requestOrKey), (keys) => keeper.reset(keys, terms.usual.policies))
  }

  /**
   * Denies everything to a client from now on, in place of a ban there is. Nobody hears of it before
   * they ask; they are told when it ends. Of a limit in a store, other processes take note of it the
   * next time they ask the store about the client: a lease is spent before.
   *
   * @param duration at most 365 days; 0 ends a ban
   * @throws StoreUnavailableError
   */
  async ban(requestOrKey: FastifyRequest | string, duration: Duration): Promise<void> {
    checkDuration(duration, 'ban.duration')
    const milliseconds = parseDuration(duration, 'ban.duration')
    const { keeper, terms } = this.#budget
    return whenKnown(this.#keys(requestOrKey), (keys) =>
      keeper.ban(keys, milliseconds, terms.usual.policies)
    )
  }

  #reserve({ keys, costs, offer, isAllowListed }: Question): MaybePromise<Reservation> {
    const { keeper, terms } = this.#budget
    const held = isAllowListed
      ? nothingReserved(offer.allowListed)
      : keeper.reserve(keys, costs, offer.policies)
    return whenKnown(held, (held) => new ChargedReservation(held, terms, costs))
  }

  #check({ keys, costs, offer, isAllowListed }: Question): MaybePromise<Decision> {
    if (isAllowListed) return offer.allowListed
    return this.#budget.keeper.check(keys, costs, offer.policies)
  }

  #question(
    requestOrKey: FastifyRequest | string,
    options: CheckOptions = NO_OPTIONS
  ): MaybePromise<Question> {
    if (options !== NO_OPTIONS) checkMembers(options, 'options')
    const { cost } = options
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

  #keys(requestOrKey: FastifyRequest | string): MaybePromise<PerPolicy<string>> {
    if (isRequest(requestOrKey)) return this.#budget.clients.keysOf(requestOrKey)
    if (typeof requestOrKey !== 'string' || requestOrKey === '') {
      const expected = 'a request, or text that is not empty'
      throw new InvalidOptionError('requestOrKey', expected, describe(requestOrKey))
    }
    return this.#budget.clients.keysNamed(requestOrKey)
  }
}

const NO_OPTIONS: CheckOptions = {}

const checkMembers: OptionCheck = shapeOf({ cost: requests })

/** What clients send may be any object, but never one that has a stream. */
function isRequest(value: unknown): value is FastifyRequest {
  return (
    typeof value === 'object' && value !== null && 'raw' in value && value.raw instanceof Stream
  )
}

class ChargedReservation implements Reservation {
  readonly decision: Decision
  readonly #terms: LimitResolver
  readonly #costs: PerPolicy<number>
  #held: BackendReservation | undefined

  constructor(held: BackendReservation, terms: LimitResolver, costs: PerPolicy<number>) {
    const { decision } = held
    this.decision = decision
    this.#terms = terms
    this.#costs = costs
    this.#held = decision.allowed ? held : undefined
  }

  async settle(actualCost: number): Promise<void> {
    requests(actualCost, 'actualCost')
    await this.#end(this.#terms.settledCosts(this.#costs, actualCost))
  }

  async cancel(): Promise<void> {
    await this.#end(0)
  }

  async #end(actual: PerPolicy<number>): Promise<void> {
    const held = this.#held
    this.#held = undefined
    await held?.settle(actual)
  }
}

const checkDuration: OptionCheck = (value, option) => {
  duration()(value, option)
  if (parseDuration(value as Duration, option) > 0) window(value, option)
}
