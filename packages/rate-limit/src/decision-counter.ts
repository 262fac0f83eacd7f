/**
 * Counts the decisions under one limit: a record for each policy.
 */
import type { Decision } from './decision.ts'
import type { Mode, PolicyOptions } from './limit-options.ts'
import type { LimitTotals, PolicyTotals } from './state.ts'

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
