/**
 * Clients that a store denied, until the time that it gave: asking it again before would change
 * nothing, because a denial costs nothing and what was charged comes back by itself. What this process
 * gives back or forgives sooner is forgotten here too; what others do is not known before that time.
 */
import { type Decision, later } from '../decision.ts'
import { equalPerPolicy, type PerPolicy } from '../per-policy.ts'
import { areAlike, type Policies } from '../policy.ts'
import type { Charge } from '../store.ts'

/** Clients remembered. When there are more, the longest remembered makes room. */
const MOST = 2 ** 14
/** Denials of one client: those of requests that cost different amounts have to wait differently. */
const MOST_OF_CLIENT = 4
/** Milliseconds for which a ban is taken for granted: it may have been lifted elsewhere. */
const BAN = 60_000
/** Milliseconds for which the numbers are told that go with a denial for ever. */
const NEVER = 1000

interface CachedDenial {
  readonly decision: Decision
  readonly costs: PerPolicy<number>
  readonly policies: Policies
  readonly since: number
  readonly until: number
  /** How many changes there had been. */
  readonly changes: number
}

const NONE: readonly CachedDenial[] = []

/** The denied clients of one limit. Times are milliseconds of a monotonic clock. */
export class DenyCache {
  readonly #denials = new Map<string, CachedDenial[]>()
  /** When clients were last forgotten who are only some of those that a denial is about. */
  readonly #changed = new Map<string, number>()
  #changes = 0

  /** Remembers a denial. */
  add({ keys, costs, policies }: Charge, decision: Decision, now: number): void {
    const name = joined(keys)
    const until = now + lifetimeOf(decision)
    const denial = { decision, costs, policies, since: now, until, changes: this.#changes }
    const denials = this.#denials.get(name)
    if (denials === undefined) {
      if (this.#denials.size >= MOST)
        this.#denials.delete(this.#denials.keys().next().value as string)
      this.#denials.set(name, [denial])
      return
    }
    const known = denials.findIndex((other) => isAbout(other, costs, policies))
    if (known >= 0) denials.splice(known, 1)
    else if (denials.length === MOST_OF_CLIENT) denials.shift()
    denials.push(denial)
  }

  /** The decision about a request that is denied for certain. */
  find({ keys, costs, policies }: Charge, now: number): Decision | undefined {
    // Most clients are not denied: nothing is made of their names.
    if (this.#denials.size === 0) return undefined
    const name = joined(keys)
    const denial = denialAbout(this.#denials.get(name) ?? NONE, costs, policies)
    if (denial === undefined) return undefined
    if (now >= denial.until || this.#isChanged(keys, denial.changes)) {
      this.#denials.delete(name)
      return undefined
    }
    return later(denial.decision, now - denial.since, policies)
  }

  /** Forgets what a client was told who was charged since: there is less left now. */
  charged(keys: PerPolicy<string>): void {
    if (this.#denials.size > 0) this.#denials.delete(joined(keys))
  }

  /** Forgets all denials of a client: something was given back. */
  forget(keys: PerPolicy<string>): void {
    if (typeof keys === 'string') {
      this.#denials.delete(keys)
      return
    }
    if (this.#changed.size >= MOST) {
      this.#changed.clear()
      this.#denials.clear()
    }
    this.#changes++
    keys.forEach((key, index) => {
      this.#changed.set(memberName(key, index), this.#changes)
    })
  }

  #isChanged(keys: PerPolicy<string>, changes: number): boolean {
    if (typeof keys === 'string' || this.#changed.size === 0) return false
    return keys.some((key, index) => {
      return (this.#changed.get(memberName(key, index)) ?? 0) > changes
    })
  }
}

/** A loop, and no closure: denied clients come often. */
function denialAbout(
  denials: readonly CachedDenial[],
  costs: PerPolicy<number>,
  policies: Policies
): CachedDenial | undefined {
  for (const denial of denials) {
    if (isAbout(denial, costs, policies)) return denial
  }
  return undefined
}

/** Another cost has another wait, and other numbers may allow it. */
function isAbout(denial: CachedDenial, costs: PerPolicy<number>, policies: Policies): boolean {
  return equalPerPolicy(costs, denial.costs) && areAlike(policies, denial.policies)
}

/** For how long nothing changes by itself of the policy that denies it. */
function lifetimeOf({ reason, retryAfter, moreAfter }: Decision): number {
  if (reason === 'banned') return Math.min(retryAfter, BAN)
  const lifetime = Math.min(retryAfter, moreAfter)
  return lifetime === Infinity ? NEVER : lifetime
}

/** One text that says who is meant under all policies, whatever the names look like. */
function joined(keys: PerPolicy<string>): string {
  return typeof keys === 'string' ? keys : JSON.stringify(keys)
}

function memberName(key: string, index: number): string {
  return `${index} ${key}`
}
