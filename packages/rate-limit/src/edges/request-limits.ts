/**
 * What requests take, and of how much, under all policies of a budget.
 */
import type { FastifyRequest } from 'fastify'
import { allowListed, type Decision } from '../decision.ts'
import { type FieldWriter, fieldWriter, type HeaderStyle } from '../headers.ts'
import type { MaybePromise, PolicyOptions } from '../limit-options.ts'
import { forPolicy, type PerPolicy } from '../per-policy.ts'
import type { Policies, Policy } from '../policy.ts'
import { type Numbers, PolicyResolver } from './policy-terms.ts'
import { CachedRefusals } from './refusals.ts'
import type { OptionPlace } from './user-function.ts'
import { allKnown } from './when-known.ts'

/** What is allowed, with all that is said of it. */
export interface ResolvedLimit {
  readonly policies: Policies
  /** Tells a client its limit. */
  readonly write: FieldWriter
  readonly denials: CachedRefusals
  /** The decision about whoever is on the allow list. */
  readonly allowListed: Decision
}

/** Offers that are kept made: a function may answer with anything. */
const MOST_OFFERS = 1000

/** The terms of one budget. */
export class LimitResolver {
  /** What is offered where no function says otherwise. */
  readonly usual: ResolvedLimit
  /** What a request takes where no function says otherwise. */
  readonly usualCosts: PerPolicy<number>
  /** Whether no request can have other terms than the usual. */
  readonly areFixed: boolean
  readonly #isOfferFixed: boolean
  readonly #areCostsFixed: boolean
  readonly #headers: HeaderStyle
  readonly #each: readonly PolicyResolver[]
  readonly #offers = new Map<string, ResolvedLimit>()

  constructor(limits: readonly PolicyOptions[], headers: HeaderStyle, place: OptionPlace) {
    this.#headers = headers
    this.#each = limits.map((limit, index) => {
      return new PolicyResolver(limit, limits.length > 1 ? `policies[${index}].` : '', place)
    })
    this.usual = this.#make(this.#each.map(({ usual }) => usual))
    this.usualCosts = compact(this.#each.map(({ usualCost }) => usualCost))
    this.#isOfferFixed = this.#each.every(({ isFixed }) => isFixed)
    this.#areCostsFixed = this.#each.every(({ hasFixedCost }) => hasFixedCost)
    this.areFixed = this.#isOfferFixed && this.#areCostsFixed
  }

  /**
   * What is offered to a request.
   *
   * @throws RequestNeededError
   */
  offerTo(
    request: FastifyRequest | undefined,
    keys: PerPolicy<string>
  ): MaybePromise<ResolvedLimit> {
    if (this.#isOfferFixed) return this.usual
    const asked = this.#each.map((terms, index) =>
      terms.numbersFor(request, forPolicy(keys, index))
    )
    return allKnown(asked, (numbers) => this.#offer(numbers))
  }

  /**
   * What a request takes.
   *
   * @param given in place of the budget's cost, but not of a policy's own
   * @throws RequestNeededError
   */
  costsOf(
    request: FastifyRequest | undefined,
    keys: PerPolicy<string>,
    given?: number
  ): MaybePromise<PerPolicy<number>> {
    if (this.#areCostsFixed && given === undefined) return this.usualCosts
    const asked = this.#each.map((terms, index) =>
      given === undefined || terms.hasOwnCost
        ? terms.costOf(request, forPolicy(keys, index))
        : given
    )
    return allKnown(asked, compact)
  }

  /** What a request should have taken, when that turns out to be `actual`. */
  settledCosts(charged: PerPolicy<number>, actual: number): PerPolicy<number> {
    return compact(
      this.#each.map(({ hasOwnCost }, index) => (hasOwnCost ? forPolicy(charged, index) : actual))
    )
  }

  #offer(numbers: readonly Numbers[]): ResolvedLimit {
    const name = numbers.join()
    let offer = this.#offers.get(name)
    if (offer === undefined) {
      if (this.#offers.size === MOST_OFFERS) this.#offers.clear()
      offer = this.#make(
        numbers.map((each, index) => (this.#each[index] as PolicyResolver).policyOf(each))
      )
      this.#offers.set(name, offer)
    }
    return offer
  }

  #make(list: readonly Policy[]): ResolvedLimit {
    const policies = list as Policies
    const write = fieldWriter(this.#headers, policies)
    return {
      policies,
      write,
      denials: new CachedRefusals(write),
      allowListed: allowListed(policies[0])
    }
  }
}

/** One cost where all are the same. */
function compact(costs: readonly number[]): PerPolicy<number> {
  const first = costs[0] as number
  return costs.every((cost) => cost === first) ? first : costs
}
