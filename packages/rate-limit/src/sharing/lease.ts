/**
 * Requests of a client that were charged to a store in advance, to be spent in this process without
 * asking again. What is spent was charged before: over any span, processes that lease admit at most
 * what they had left from before it more than the limit does. What is not spent is given back.
 */
import { type Decision, later } from '../decision.ts'
import { areAlike, type Policies } from '../policy.ts'

/** Clients with a lease. When there are more, the lease that was made first is given up. */
const MAX_LEASES = 2 ** 14
/** The part of the shortest window for which a lease lasts. */
const LIFETIME = 1 / 4
/** The part of what is left that the leases of all processes may take together. */
const SHARE = 1 / 2

/** Charges what was spent in place of what was taken. */
type Settle = (spent: number) => Promise<void>

/** What was charged in advance for one client. Times are milliseconds of a monotonic clock. */
export interface Lease {
  readonly key: string
  readonly policies: Policies
  /** The requests that are left of it. */
  tokens: number
  /** What the store allowed last. */
  decision: Decision
  /** When it did. */
  since: number
  /** The requests that the store said last are left beside it. */
  remaining: number
  /** The requests that were taken in advance last. */
  size: number
  /** `undefined` when there is nothing to give back. */
  settle: Settle | undefined
  /** The question for more that is under way; `undefined` when there is none. */
  renewal: Promise<unknown> | undefined
}

/** What a store was asked for, and what it decided. */
export interface LeaseGrant {
  /** The requests that it was asked for. */
  readonly size: number
  /** Those of them that are spent at once. */
  readonly cost: number
  readonly decision: Decision
  /** Given where more was asked for than is spent. */
  readonly settle?: Settle | undefined
}

/** A lease that is given up before all of it was spent. */
export interface LeaseRemainder {
  /** The requests that were made by it. */
  readonly spent: number
  readonly settle: Settle
}

/** The leases of one limit. */
export class Leases {
  readonly #max: number
  readonly #instances: number
  readonly #giveBack: (remainder: LeaseRemainder) => void
  readonly #leases = new Map<string, Lease>()

  /**
   * @param max the most requests to take at once
   * @param instances how many processes share the limit
   * @param giveBack hears of what is left of a lease that is given up
   */
  constructor(max: number, instances: number, giveBack: (remainder: LeaseRemainder) => void) {
    this.#max = max
    this.#instances = instances
    this.#giveBack = giveBack
  }

  /** The client's lease, where it is one under these policies. */
  find(key: string, policies: Policies): Lease | undefined {
    const lease = this.#leases.get(key)
    return lease !== undefined && areAlike(lease.policies, policies) ? lease : undefined
  }

  /** Spends `cost` of a lease, if it is there. */
  spend(lease: Lease, cost: number, now: number): Decision | undefined {
    if (!isThere(lease, cost, now)) return undefined
    lease.tokens -= cost
    return withTokens(lease, now)
  }

  /** The decision about a request whose `cost` is there, before it is spent. */
  look(lease: Lease, cost: number, now: number): Decision | undefined {
    return isThere(lease, cost, now) ? withTokens(lease, now) : undefined
  }

  /** How much to ask of the store for a request of that cost: `cost`, or more. */
  size(lease: Lease | undefined, cost: number): number {
    if (lease === undefined) return cost
    const share = Math.floor((lease.remaining * SHARE) / this.#instances)
    return Math.max(cost, Math.min(this.#max, share))
  }

  /** Takes note of what the store granted. Returns the decision about the request it was for. */
  renew(key: string, policies: Policies, grant: LeaseGrant, now: number): Decision {
    const { size, cost, decision, settle } = grant
    const { remaining } = decision
    const known = this.find(key, policies)
    if (!decision.allowed) {
      if (known !== undefined) known.remaining = remaining
      return decision
    }
    // Two may have asked for more at the same time.
    if (known !== undefined) this.release(known)
    const lease = known ?? this.#make(key, policies, decision, now)
    Object.assign(lease, { decision, since: now, remaining, tokens: size - cost, size, settle })
    return withTokens(lease, now)
  }

  /** Gives back what is left of a lease, which stays to be renewed. Returns whether anything was. */
  release(lease: Lease): boolean {
    const { tokens, size, settle } = lease
    lease.tokens = 0
    lease.settle = undefined
    if (tokens === 0 || settle === undefined) return false
    this.#giveBack({ spent: size - tokens, settle })
    return true
  }

  /** Gives a client's lease up. */
  end(key: string): void {
    const lease = this.#leases.get(key)
    if (lease === undefined) return
    this.#leases.delete(key)
    this.release(lease)
  }

  /** Gives all leases up. */
  endAll(): void {
    for (const key of [...this.#leases.keys()]) this.end(key)
  }

  #make(key: string, policies: Policies, decision: Decision, now: number): Lease {
    this.end(key)
    if (this.#leases.size >= MAX_LEASES) this.end(this.#leases.keys().next().value as string)
    const { remaining } = decision
    const nothing = { tokens: 0, size: 0, settle: undefined, renewal: undefined }
    const lease: Lease = { key, policies, decision, since: now, remaining, ...nothing }
    this.#leases.set(key, lease)
    return lease
  }
}

function lifetimeOf({ policies }: Lease): number {
  return Math.min(...policies.map(({ timeWindow }) => timeWindow)) * LIFETIME
}

function isThere(lease: Lease, cost: number, now: number): boolean {
  return lease.tokens > 0 && cost <= lease.tokens && now < lease.since + lifetimeOf(lease)
}

function withTokens({ decision, policies, tokens, since }: Lease, now: number): Decision {
  return later(decision, now - since, policies, tokens)
}
