/**
 * What requests take, and of how much, under all policies of a budget.
 */
import type { FastifyRequest } from 'fastify'
import { allowListed, type Decision } from '../decision.ts'
import { type FieldWriter, fieldWriter, type HeaderStyle } from '../headers.ts'
import type { MaybePromise, PolicyOptions } from '../limit-options.ts'
import { type Each, memberOf } from '../per-policy.ts'
import type { Policies, Policy } from '../policy.ts'
import { type Numbers, PolicyTerms } from './policy-terms.ts'
import { Denials } from './refusals.ts'
import type { Place } from './user-function.ts'
import { allKnown } from './when-known.ts'

/** What is allowed, with all that is said of it. */
export interface Offer {
  readonly policies: Policies
  /** Tells a client its limit. */
  readonly write: FieldWriter
  readonly denials: Denials
  /** The decision about whoever is on the allow list. */
  readonly allowListed: Decision
}

/** Offers that are kept made: a function may answer with anything. */
const MOST_OFFERS = 1000

/** The terms of one budget. */
export class Terms {
  /** What is offered where no function says otherwise. */
  readonly usual: Offer
  /** What a request takes where no function says otherwise. */
  readonly usualCosts: Each<number>
  /** Whether no request can have other terms than the usual. */
  readonly areFixed: boolean
  readonly #isOfferFixed: boolean
  readonly #areCostsFixed: boolean
  readonly #headers: HeaderStyle
  readonly #each: readonly PolicyTerms[]
  readonly #offers = new Map<string, Offer>()

  constructor(limits: readonly PolicyOptions[], headers: HeaderStyle, place: Place) {
    this.#headers = headers
    this.#each = limits.map((limit, index) => {
      return new PolicyTerms(limit, limits.length > 1 ? `policies[${index}].` : '', place)
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
  offerTo(request: FastifyRequest | undefined, keys: Each<string>): MaybePromise<Offer> {
    if (this.#isOfferFixed) return this.usual
    const asked = this.#each.map((terms, index) => terms.numbersFor(request, memberOf(keys, index)))
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
    keys: Each<string>,
    given?: number
  ): MaybePromise<Each<number>> {
    if (this.#areCostsFixed && given === undefined) return this.usualCosts
    const asked = this.#each.map((terms, index) =>
      given === undefined || terms.hasOwnCost ? terms.costOf(request, memberOf(keys, index)) : given
    )
    return allKnown(asked, compact)
  }

  /** What a request should have taken, when that turns out to be `actual`. */
  settledCosts(charged: Each<number>, actual: number): Each<number> {
    return compact(
      this.#each.map(({ hasOwnCost }, index) => (hasOwnCost ? memberOf(charged, index) : actual))
    )
  }

  #offer(numbers: readonly Numbers[]): Offer {
    const name = numbers.join()
    let offer = this.#offers.get(name)
    if (offer === undefined) {
      if (this.#offers.size === MOST_OFFERS) this.#offers.clear()
      offer = this.#make(
        numbers.map((each, index) => (this.#each[index] as PolicyTerms).policyOf(each))
      )
      this.#offers.set(name, offer)
    }
    return offer
  }

  #make(list: readonly Policy[]): Offer {
    const policies = list as Policies
    const write = fieldWriter(this.#headers, policies)
    return {
      policies,
      write,
      denials: new Denials(write),
      allowListed: allowListed(policies[0])
    }
  }
}

/** One cost where all are the same. */
function compact(costs: readonly number[]): Each<number> {
  const first = costs[0] as number
  return costs.every((cost) => cost === first) ? first : costs
}
