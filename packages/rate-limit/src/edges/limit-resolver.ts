/**
 * The limit of one request: its policies, what it takes of them, and how its client is told.
 */
import type { FastifyRequest } from 'fastify'
import { allowListed, type Decision } from '../decision.ts'
import type { DecisionCounter } from '../decision-counter.ts'
import { type FieldWriter, fieldWriter } from '../headers.ts'
import type { LimitOptions, MaybePromise, PolicyOptions } from '../limit-options.ts'
import { forPolicy, type PerPolicy } from '../per-policy.ts'
import type { Policies, Policy } from '../policy.ts'
import type { WindowSet } from '../windows.ts'
import { type LimitNumbers, PolicyResolver } from './policy-resolver.ts'
import { CachedRefusals } from './refusals.ts'
import type { OptionSource } from './user-function.ts'
import { allKnown } from './when-known.ts'

/** A limit in numbers, with everything that follows from them alone. */
export interface ResolvedLimit {
  readonly policies: Policies
  /** No request is refused. */
  readonly isShadow: boolean
  /** Clients are told the limit. */
  readonly isTold: boolean
  /** Tells a client its limit. */
  readonly writeFields: FieldWriter
  readonly refusals: CachedRefusals
  /** The decision about a client on the allow list. */
  readonly allowListed: Decision
  /** Counts the decisions, of whatever numbers. */
  readonly counter: DecisionCounter
}

/** How clients are told, and whether they are. */
export type Answering = Pick<LimitOptions, 'headers' | 'mode'>

/** The most limits to keep ready: a function may return any number. */
const MAX_CACHED_LIMITS = 1000

/** Finds out what a route's limit is for a request. */
export class LimitResolver {
  /** The limit where no function says otherwise. */
  readonly usual: ResolvedLimit
  /** What a request takes where no function says otherwise. */
  readonly usualCosts: PerPolicy<number>
  /** Whether limit and costs are the same for every request. */
  readonly isFixed: boolean
  /** Whether every request has the same limit. */
  readonly hasFixedLimit: boolean
  readonly #hasFixedCosts: boolean
  readonly #answering: Answering
  readonly #counter: DecisionCounter
  readonly #policies: readonly PolicyResolver[]
  readonly #cached = new Map<string, ResolvedLimit>()

  /** @param windows of each policy those that it is counted in */
  constructor(
    policies: readonly PolicyOptions[],
    answering: Answering,
    source: OptionSource,
    windows: readonly WindowSet[],
    counter: DecisionCounter
  ) {
    this.#answering = answering
    this.#counter = counter
    this.#policies = policies.map((policy, index) => {
      const prefix = policies.length > 1 ? `policies[${index}].` : ''
      return new PolicyResolver(policy, prefix, source, windows[index] as WindowSet)
    })
    this.usual = this.#create(this.#policies.map(({ usual }) => usual))
    this.usualCosts = compact(this.#policies.map(({ usualCost }) => usualCost))
    this.hasFixedLimit = this.#policies.every(({ hasFixedLimit }) => hasFixedLimit)
    this.#hasFixedCosts = this.#policies.every(({ hasFixedCost }) => hasFixedCost)
    this.isFixed = this.hasFixedLimit && this.#hasFixedCosts
  }

  /**
   * The limit of a request.
   *
   * @throws RequestNeededError
   */
  limitFor(
    request: FastifyRequest | undefined,
    keys: PerPolicy<string>
  ): MaybePromise<ResolvedLimit> {
    if (this.hasFixedLimit) return this.usual
    const numbers = this.#policies.map((policy, index) =>
      policy.numbersFor(request, forPolicy(keys, index))
    )
    return allKnown(numbers, (numbers) => this.#withNumbers(numbers))
  }

  /**
   * All that a client may have been counted under: together they have every window of every policy.
   *
   * @throws RequestNeededError as long as no request has told any
   */
  countedUnder(): readonly Policies[] {
    const known = this.#policies.map((policy) => policy.countedUnder())
    const count = Math.max(...known.map(({ length }) => length))
    return Array.from({ length: count }, (_, row) => {
      return known.map((policies) => policies[row] ?? policies[0]) as unknown as Policies
    })
  }

  /**
   * What a request takes.
   *
   * @param given in place of the limit's cost, but not of a policy's own
   * @throws RequestNeededError
   */
  costsOf(
    request: FastifyRequest | undefined,
    keys: PerPolicy<string>,
    given?: number
  ): MaybePromise<PerPolicy<number>> {
    if (this.#hasFixedCosts && given === undefined) return this.usualCosts
    const costs = this.#policies.map((policy, index) =>
      given === undefined || policy.hasOwnCost
        ? policy.costOf(request, forPolicy(keys, index))
        : given
    )
    return allKnown(costs, compact)
  }

  /** What a request should have taken, when that turns out to be `actual`. */
  settledCosts(charged: PerPolicy<number>, actual: number): PerPolicy<number> {
    return compact(
      this.#policies.map(({ hasOwnCost }, index) =>
        hasOwnCost ? forPolicy(charged, index) : actual
      )
    )
  }

  #withNumbers(numbers: readonly LimitNumbers[]): ResolvedLimit {
    const id = numbers.join()
    let limit = this.#cached.get(id)
    if (limit === undefined) {
      if (this.#cached.size === MAX_CACHED_LIMITS) this.#cached.clear()
      limit = this.#create(
        numbers.map((each, index) => (this.#policies[index] as PolicyResolver).policyOf(each))
      )
      this.#cached.set(id, limit)
    }
    return limit
  }

  #create(list: readonly Policy[]): ResolvedLimit {
    const policies = list as Policies
    const { headers, mode } = this.#answering
    const writeFields = fieldWriter(headers, policies)
    return {
      policies,
      isShadow: mode === 'shadow',
      isTold: mode !== 'shadow' && headers !== false,
      writeFields,
      refusals: new CachedRefusals(writeFields),
      allowListed: allowListed(policies[0]),
      counter: this.#counter
    }
  }
}

/** One cost where all are the same. */
function compact(costs: readonly number[]): PerPolicy<number> {
  const first = costs[0] as number
  return costs.every((cost) => cost === first) ? first : costs
}
