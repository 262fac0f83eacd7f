/**
 * Clients that a store denied, until the time that it gave: asking it again before would change
 * nothing, because a denial costs nothing and what was charged comes back by itself. What this process
 * gives back or forgives sooner is forgotten here too; what others do is not known before that time.
 */
import { type Decision, later } from '../decision.ts'
import { equalPerPolicy, type PerPolicy } from '../per-policy.ts'
import { areAlike, type Policies } from '../policy.ts'
import type { ClientCharge } from '../store.ts'

/** Clients remembered. When there are more, the one remembered first makes room. */
const MAX_CLIENTS = 2 ** 14
/** Denials of one client: those of requests that cost different amounts have to wait differently. */
const MAX_DENIALS_OF_CLIENT = 4
/** Milliseconds for which a ban is remembered: it may have been lifted elsewhere. */
const MAX_BAN = 60_000
/** Milliseconds for which a denial that has no end is remembered: its numbers change. */
const ENDLESS = 1000

interface CachedDenial {
  readonly decision: Decision
  readonly costs: PerPolicy<number>
  readonly policies: Policies
  /** The moment of the decision. */
  readonly decidedAt: number
  /** The moment from which it is not known any more what the store would decide. */
  readonly expiresAt: number
  /** How many times clients had been forgotten. */
  readonly changes: number
}

const NONE: readonly CachedDenial[] = []

/** The denied clients of one limit. Times are milliseconds of a monotonic clock. */
export class DenyCache {
  readonly #denials = new Map<string, CachedDenial[]>()
  /** The last change about each name, where a denial is about several names. */
  readonly #changed = new Map<string, number>()
  #changes = 0

  /** Remembers a denial. */
  add({ keys, costs, policies }: ClientCharge, decision: Decision, now: number): void {
    const cacheKey = cacheKeyOf(keys)
    const expiresAt = now + lifetimeOf(decision)
    const changes = this.#changes
    const denial = { decision, costs, policies, decidedAt: now, expiresAt, changes }
    const denials = this.#denials.get(cacheKey)
    if (denials === undefined) {
      if (this.#denials.size >= MAX_CLIENTS) {
        this.#denials.delete(this.#denials.keys().next().value as string)
      }
      this.#denials.set(cacheKey, [denial])
      return
    }
    const known = denials.findIndex((other) => isAbout(other, costs, policies))
    if (known >= 0) denials.splice(known, 1)
    else if (denials.length === MAX_DENIALS_OF_CLIENT) denials.shift()
    denials.push(denial)
  }

  /** The decision about a request that is denied for certain. */
  find({ keys, costs, policies }: ClientCharge, now: number): Decision | undefined {
    // Most clients are not denied: nothing is made of their names.
    if (this.#denials.size === 0) return undefined
    const cacheKey = cacheKeyOf(keys)
    const denial = denialAbout(this.#denials.get(cacheKey) ?? NONE, costs, policies)
    if (denial === undefined) return undefined
    if (now >= denial.expiresAt || this.#isChanged(keys, denial.changes)) {
      this.#denials.delete(cacheKey)
      return undefined
    }
    return later(denial.decision, now - denial.decidedAt, policies)
  }

  /** Forgets the denials of a client that was charged since: there is less left now. */
  charged(keys: PerPolicy<string>): void {
    if (this.#denials.size > 0) this.#denials.delete(cacheKeyOf(keys))
  }

  /** Forgets all denials of a client: something was given back. */
  forget(keys: PerPolicy<string>): void {
    if (typeof keys === 'string') {
      this.#denials.delete(keys)
      return
    }
    if (this.#changed.size >= MAX_CLIENTS) {
      this.#changed.clear()
      this.#denials.clear()
    }
    this.#changes++
    keys.forEach((key, index) => {
      this.#changed.set(policyKeyOf(key, index), this.#changes)
    })
  }

  #isChanged(keys: PerPolicy<string>, changes: number): boolean {
    if (typeof keys === 'string' || this.#changed.size === 0) return false
    return keys.some((key, index) => {
      return (this.#changed.get(policyKeyOf(key, index)) ?? 0) > changes
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

/** Milliseconds for which nothing changes by itself under the policy that denies. */
function lifetimeOf({ reason, retryAfter, moreAfter }: Decision): number {
  if (reason === 'banned') return Math.min(retryAfter, MAX_BAN)
  const lifetime = Math.min(retryAfter, moreAfter)
  return lifetime === Infinity ? ENDLESS : lifetime
}

/** One text for the names under all policies, whatever they look like. */
function cacheKeyOf(keys: PerPolicy<string>): string {
  return typeof keys === 'string' ? keys : JSON.stringify(keys)
}

function policyKeyOf(key: string, index: number): string {
  return `${index} ${key}`
}
