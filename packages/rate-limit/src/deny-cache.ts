/**
 * Clients that a store denied, until the time that it gave: asking it again before would change
 * nothing, because a denial costs nothing and what was charged only comes back by itself.
 */
import { type Decision, later } from './decision.ts'
import { areAtLeast, type Each, joined } from './each.ts'
import type { Policies } from './policy.ts'

/** Clients remembered. When there are more, the longest remembered makes room. */
const MOST = 2 ** 14

interface Denial {
  readonly decision: Decision
  readonly costs: Each<number>
  readonly policies: Policies
  readonly since: number
  readonly until: number
}

/** The denied clients of one limit. Times are milliseconds of a monotonic clock. */
export class DenyCache {
  readonly #denials = new Map<string, Denial>()

  /** Remembers a denial. */
  add(
    keys: Each<string>,
    costs: Each<number>,
    policies: Policies,
    decision: Decision,
    now: number
  ): void {
    const key = joined(keys)
    if (this.#denials.size >= MOST && !this.#denials.has(key)) {
      this.#denials.delete(this.#denials.keys().next().value as string)
    }
    const until = now + decision.retryAfter
    this.#denials.set(key, { decision, costs, policies, since: now, until })
  }

  /** Forgets a denial: something was given back. */
  forget(keys: Each<string>): void {
    this.#denials.delete(joined(keys))
  }

  /** The decision about a request that is denied for certain. */
  find(
    keys: Each<string>,
    costs: Each<number>,
    policies: Policies,
    now: number
  ): Decision | undefined {
    // Most clients are not denied: nothing is made of their names.
    if (this.#denials.size === 0) return undefined
    const key = joined(keys)
    const denial = this.#denials.get(key)
    if (denial === undefined) return undefined
    if (now >= denial.until) {
      this.#denials.delete(key)
      return undefined
    }
    // A smaller cost may be there, and other numbers may allow it.
    if (!areAtLeast(costs, denial.costs) || policies !== denial.policies) return undefined
    return later(denial.decision, now - denial.since)
  }
}
