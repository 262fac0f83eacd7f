/**
 * A limiter that any code can ask: about requests, or about anything that has a name.
 */
import { Stream } from 'node:stream'
import type { RawRequest } from '@holdfast/core'
import {
  check,
  type Duration,
  describe,
  InvalidOptionError,
  type OptionCheck
} from '@holdfast/core/options'
import type { FastifyRequest } from 'fastify'
import { type Decision, tightestOf } from '../decision.ts'
import { NotSynchronousError } from '../errors.ts'
import { banDuration, requests } from '../limit-checks.ts'
import type { MaybePromise } from '../limit-options.ts'
import type { PerPolicy } from '../per-policy.ts'
import type { ClientCharge } from '../store.ts'
import { type BackendReservation, nothingReserved, ProcessBackend } from './backend.ts'
import type { LimitResolver, ResolvedLimit } from './limit-resolver.ts'
import type { RouteLimit } from './limits.ts'
import { isPromise, whenKnown } from './when-known.ts'

/** A request of Fastify, whatever its server and its types. */
export interface ClientRequest {
  readonly raw: RawRequest
  readonly ip: string
}

/** The options of a check. */
export interface CheckOptions {
  /**
   * What the check takes: a whole number of requests; 0 takes nothing. Policies that have a cost of
   * their own keep it.
   *
   * @default the limiter's `cost`
   */
  readonly cost?: number | undefined
}

/** A charge that is made before its cost is known. */
export interface Reservation {
  /** Whether the charge was made. If not, there is nothing to settle. */
  readonly decision: Decision
  /**
   * Charges the actual cost, a whole number, in place of what was charged. If that was too much, the
   * part of it that has not come back by itself is given back. If it was too little, the rest is
   * taken as far as there is anything left. Policies that have a cost of their own keep it. Only the
   * first call of `settle()` or `cancel()` counts.
   *
   * @throws InvalidOptionError for any other cost
   */
  settle(actualCost: number): Promise<void>
  /** Gives back everything that has not come back by itself. */
  cancel(): Promise<void>
}

/** What a limiter was asked. */
interface Question {
  readonly charge: ClientCharge
  readonly limit: ResolvedLimit
  readonly isAllowListed: boolean
}

/**
 * A limiter made by `app.createRateLimiter()`. It is asked about a request, whose client
 * `keyGenerator` names, or about the name of anything: a text that is not empty, which is then the
 * key under every policy. Without a `keyGenerator` an address as text means the client that has it.
 * The limiter tells no client what it decides, by header fields, and makes no fact or event of it. It
 * counts its decisions, see `RateLimitState`.
 *
 * Every method rejects, and `checkSync()` throws, an InvalidOptionError for an impossible key or
 * cost, and a RequestNeededError for a key where an option is a function of the request. While a
 * store does not answer, `onStoreError` says what is decided.
 */
export class RateLimiter {
  readonly #limit: RouteLimit

  /** @internal */
  constructor(limit: RouteLimit) {
    this.#limit = limit
  }

  /**
   * Charges the cost if all policies allow that, else nothing. This happens before the call returns,
   * unless there is a store, or a function among the options that returns a promise.
   */
  async check(requestOrKey: ClientRequest | string, options?: CheckOptions): Promise<Decision> {
    return whenKnown(this.#question(requestOrKey, options), (question) => this.#check(question))
  }

  /**
   * The same at once.
   *
   * @throws NotSynchronousError where the limit is kept in a store, or a function among the options
   *   returns a promise
   */
  checkSync(requestOrKey: ClientRequest | string, options?: CheckOptions): Decision {
    const { backend } = this.#limit
    if (!(backend instanceof ProcessBackend)) {
      throw new NotSynchronousError('the limit is kept in a store')
    }
    const question = this.#question(requestOrKey, options)
    if (isPromise(question)) {
      throw new NotSynchronousError('a function among the options returns a promise')
    }
    const { charge, limit, isAllowListed } = question
    return counted(limit, isAllowListed ? limit.allowListed : backend.check(charge))
  }

  /**
   * What {@link check} would decide. Charges nothing. Of a key whose `max` or `timeWindow` depends on
   * the request it is the strictest that requests have met in this process so far.
   */
  async peek(requestOrKey: ClientRequest | string, options?: CheckOptions): Promise<Decision> {
    const { backend, resolver } = this.#limit
    if (typeof requestOrKey === 'string' && !resolver.hasFixedLimit) {
      return this.#peekEvery(requestOrKey, options)
    }
    return whenKnown(this.#question(requestOrKey, options), ({ charge, limit, isAllowListed }) =>
      isAllowListed ? limit.allowListed : backend.peek(charge)
    )
  }

  /** Charges like {@link check} what the request may cost at most, to be settled when it is known. */
  async reserve(
    requestOrKey: ClientRequest | string,
    options?: CheckOptions
  ): Promise<Reservation> {
    return whenKnown(this.#question(requestOrKey, options), (question) => this.#reserve(question))
  }

  /**
   * Forgets everything about a client, a ban included. Where the limit is kept in a store, other
   * processes go on denying a client until the time that they have told it.
   *
   * @throws StoreUnavailableError
   */
  async reset(requestOrKey: ClientRequest | string): Promise<void> {
    const { backend, resolver } = this.#limit
    const { policies } = resolver.usual
    return whenKnown(this.#keys(requestOrKey), (keys) => backend.reset({ keys, policies }))
  }

  /**
   * Denies everything to a client from now on, in place of an earlier ban. Clients hear of it when
   * they ask next, and are told when it ends. Where the limit is kept in a store, other processes
   * hear of it the next time that they ask the store about the client; a lease is spent before.
   *
   * @param duration at most 365 days; 0 ends a ban
   * @throws StoreUnavailableError
   */
  async ban(requestOrKey: ClientRequest | string, duration: Duration): Promise<void> {
    const milliseconds = banDuration(duration, 'ban.duration')
    const { backend, resolver } = this.#limit
    const { policies } = resolver.usual
    return whenKnown(this.#keys(requestOrKey), (keys) =>
      backend.ban({ keys, policies }, milliseconds)
    )
  }

  async #peekEvery(key: string, options: CheckOptions = NO_OPTIONS): Promise<Decision> {
    checkMembers(options, 'options')
    const { backend, clients, resolver } = this.#limit
    const client = clientOf(key)
    const keys = await clients.keysOf(client)
    if (await clients.isAllowListed(client, keys)) return resolver.usual.allowListed
    const costs = await resolver.costsOf(undefined, keys, options.cost)
    const asked = resolver.countedUnder().map((policies) => backend.peek({ keys, costs, policies }))
    return tightestOf(await Promise.all(asked))
  }

  #check({ charge, limit, isAllowListed }: Question): MaybePromise<Decision> {
    const decided = isAllowListed ? limit.allowListed : this.#limit.backend.check(charge)
    return whenKnown(decided, (decision) => counted(limit, decision))
  }

  #reserve({ charge, limit, isAllowListed }: Question): MaybePromise<Reservation> {
    const { backend, resolver } = this.#limit
    const reservation = isAllowListed ? nothingReserved(limit.allowListed) : backend.reserve(charge)
    return whenKnown(reservation, (reservation) => {
      counted(limit, reservation.decision)
      return new OpenReservation(reservation, resolver, charge.costs)
    })
  }

  #question(
    requestOrKey: ClientRequest | string,
    options: CheckOptions = NO_OPTIONS
  ): MaybePromise<Question> {
    if (options !== NO_OPTIONS) checkMembers(options, 'options')
    const { cost } = options
    const { clients, resolver } = this.#limit
    const client = clientOf(requestOrKey)
    const request = typeof client === 'string' ? undefined : client
    return whenKnown(clients.keysOf(client), (keys) =>
      whenKnown(clients.isAllowListed(client, keys), (isAllowListed) =>
        whenKnown(resolver.limitFor(request, keys), (limit) => {
          const { policies } = limit
          return whenKnown(
            resolver.costsOf(request, keys, cost),
            (costs): Question => ({ charge: { keys, costs, policies }, limit, isAllowListed })
          )
        })
      )
    )
  }

  #keys(requestOrKey: ClientRequest | string): MaybePromise<PerPolicy<string>> {
    return this.#limit.clients.keysOf(clientOf(requestOrKey))
  }
}

const NO_OPTIONS: CheckOptions = {}

function counted({ counter }: ResolvedLimit, decision: Decision): Decision {
  counter.count(decision)
  return decision
}

const checkMembers: OptionCheck = check.shape({ cost: requests })

/** @throws InvalidOptionError for anything but a request and text that is not empty */
function clientOf(requestOrKey: unknown): FastifyRequest | string {
  if (isRequest(requestOrKey)) return requestOrKey
  if (typeof requestOrKey === 'string' && requestOrKey !== '') return requestOrKey
  const expected = 'a request, or text that is not empty'
  throw new InvalidOptionError('requestOrKey', expected, describe(requestOrKey))
}

/** A value that a client sends can be any object, but never one that has a stream. */
function isRequest(value: unknown): value is FastifyRequest {
  return (
    typeof value === 'object' && value !== null && 'raw' in value && value.raw instanceof Stream
  )
}

class OpenReservation implements Reservation {
  readonly decision: Decision
  readonly #resolver: LimitResolver
  readonly #costs: PerPolicy<number>
  /** `undefined` when it is settled, or nothing was charged. */
  #reservation: BackendReservation | undefined

  constructor(reservation: BackendReservation, resolver: LimitResolver, costs: PerPolicy<number>) {
    const { decision } = reservation
    this.decision = decision
    this.#resolver = resolver
    this.#costs = costs
    this.#reservation = decision.allowed ? reservation : undefined
  }

  async settle(actualCost: number): Promise<void> {
    requests(actualCost, 'actualCost')
    await this.#settle(this.#resolver.settledCosts(this.#costs, actualCost))
  }

  async cancel(): Promise<void> {
    await this.#settle(0)
  }

  async #settle(actual: PerPolicy<number>): Promise<void> {
    const reservation = this.#reservation
    this.#reservation = undefined
    await reservation?.settle(actual)
  }
}
