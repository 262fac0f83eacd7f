/**
 * What was decided so far under one limit: a record for each policy, counted where a decision falls.
 */
import type { Decision } from './decision.ts'
import type { Mode, PolicyOptions } from './limit-options.ts'

/** What was decided under one policy since its limit was made. */
export interface PolicyTotals {
  /** The name of the policy. */
  readonly policy: string
  /** Requests per window; `undefined` where a function says how many. */
  readonly max: number | undefined
  /** The window, in milliseconds; `undefined` where a function says how long. */
  readonly timeWindow: number | undefined
  /** Decisions that a request is within the limit. */
  readonly allowed: number
  /** Decisions that a request exceeds the limit. */
  readonly denied: number
  /** Decisions about clients that are banned. */
  readonly banned: number
  /** Decisions about clients on the allow list. */
  readonly allowListed: number
  /** Decisions without an answer of the store, and without counting: all were allowed, or all denied. */
  readonly unanswered: number
}

/** What was decided under one limit since it was made. */
export interface LimitTotals {
  /** What the limit belongs to: `default`, `GET /orders`, a `groupId`, the prefix of a nested scope. */
  readonly limit: string
  /** With `'shadow'` requests that were denied or banned went on all the same. */
  readonly mode: Mode
  /**
   * The policies, in their order. A decision counts once, under the policy that decided, so all
   * numbers together are the decisions about requests. To peek counts nothing.
   */
  readonly policies: readonly PolicyTotals[]
}

type Counts = { -readonly [Name in keyof PolicyTotals]: PolicyTotals[Name] }

/** Counts the decisions under one limit. */
export class DecisionCounter {
  readonly #limit: string
  readonly #mode: Mode
  readonly #counts: readonly Counts[]
  readonly #first: Counts

  constructor(
    limit: string,
    mode: Mode,
    policies: readonly Pick<PolicyOptions, 'name' | 'max' | 'timeWindow'>[]
  ) {
    this.#limit = limit
    this.#mode = mode
    this.#counts = policies.map(({ name, max, timeWindow }) => ({
      policy: name,
      max: typeof max === 'number' ? max : undefined,
      timeWindow: typeof timeWindow === 'number' ? timeWindow : undefined,
      allowed: 0,
      denied: 0,
      banned: 0,
      allowListed: 0,
      unanswered: 0
    }))
    this.#first = this.#counts[0] as Counts
  }

  /** Counts a decision. */
  count({ policy, allowed, reason }: Pick<Decision, 'policy' | 'allowed' | 'reason'>): void {
    const counts = this.#counts.length === 1 ? this.#first : this.#of(policy)
    if (reason === 'banned') counts.banned++
    else if (reason === 'allow-listed') counts.allowListed++
    else if (reason === 'store') counts.unanswered++
    else if (allowed) counts.allowed++
    else counts.denied++
  }

  /** The totals at this moment. */
  read(): LimitTotals {
    const policies = this.#counts.map((counts) => ({ ...counts }))
    return { limit: this.#limit, mode: this.#mode, policies }
  }

  /** A store of the user's might name a policy that the limit does not have. */
  #of(policy: string): Counts {
    for (const counts of this.#counts) {
      if (counts.policy === policy) return counts
    }
    return this.#first
  }
}
