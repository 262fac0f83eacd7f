/**
 * Requests of a client that were charged to a store in advance, to be spent in this process without
 * asking again. What is spent was charged before: over any span, processes that lease admit at most
 * what they had left from before it more than the limit does.
 */
import { type Decision, later } from './decision.ts'
import type { Policies } from './policy.ts'
import type { StoreReservation } from './store.ts'

/** Clients with a lease. When there are more, the lease that was made first is given up. */
const MOST = 2 ** 14
/** A lease lasts for this part of the shortest window. */
const LIFETIME = 1 / 4
/** The part of what is left that the leases of all processes may take together. */
const SHARE = 1 / 2

/** What was charged in advance for one client. Times are milliseconds of a monotonic clock. */
export interface Lease {
  readonly policies: Policies
  /** Requests that are left of it. */
  tokens: number
  /** What the store allowed last, and when. */
  decision: Decision
  since: number
  /** What the store said last that is left beside it. */
  remaining: number
  /** What was taken in advance last. */
  size: number
  settle: StoreReservation['settle'] | undefined
  /** Whether more is being asked for. */
  isRenewed: boolean
}

/** What a store was asked for, and what it decided. */
export interface Grant {
  /** What was asked for. */
  readonly size: number
  /** What of it is spent at once. */
  readonly cost: number
  readonly decision: Decision
  /** Where more was asked for than is spent. */
  readonly settle?: StoreReservation['settle']
}

/** What is left of a lease: of what was taken, `spent` was used. */
export interface Remainder {
  readonly key: string
  readonly policies: Policies
  readonly spent: number
  readonly settle: StoreReservation['settle']
}

/** The leases of one limit. */
export class Leases {
  readonly #max: number
  readonly #instances: number
  readonly #leases = new Map<string, Lease>()

  /** @param max the most to take at once */
  constructor(max: number, instances: number) {
    this.#max = max
    this.#instances = instances
  }

  /** The client's lease, where it is one under these policies. */
  find(key: string, policies: Policies): Lease | undefined {
    const lease = this.#leases.get(key)
    return lease?.policies === policies ? lease : undefined
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
  renew(key: string, policies: Policies, grant: Grant, now: number): Decision {
    const { size, cost, decision, settle } = grant
    const { remaining } = decision
    const known = this.find(key, policies)
    if (!decision.allowed) {
      if (known !== undefined) known.remaining = remaining
      return decision
    }
    const lease = known ?? this.#make(key, policies, decision, now)
    // What has expired is not spent any more: the store gave it back long ago, with time.
    if (now >= endOf(lease)) lease.tokens = 0
    lease.tokens += size - cost
    Object.assign(lease, { decision, since: now, remaining })
    if (settle !== undefined) Object.assign(lease, { size, settle })
    return withTokens(lease, now)
  }

  #make(key: string, policies: Policies, decision: Decision, now: number): Lease {
    if (this.#leases.size >= MOST) this.#leases.delete(this.#leases.keys().next().value as string)
    const { remaining } = decision
    const nothing = { tokens: 0, size: 0, settle: undefined, isRenewed: false }
    const lease: Lease = { policies, decision, since: now, remaining, ...nothing }
    this.#leases.set(key, lease)
    return lease
  }

  /** Gives a lease up. */
  forget(key: string): void {
    this.#leases.delete(key)
  }

  /** Gives all leases up. Returns what is left of them. */
  end(now: number): Remainder[] {
    const left: Remainder[] = []
    for (const [key, lease] of this.#leases) {
      const { policies, tokens, size, settle } = lease
      if (tokens === 0 || settle === undefined || now >= endOf(lease)) continue
      left.push({ key, policies, spent: size - tokens, settle })
    }
    this.#leases.clear()
    return left
  }
}

function endOf({ policies, since }: Lease): number {
  const shortest = Math.min(...policies.map(({ timeWindow }) => timeWindow))
  return since + shortest * LIFETIME
}

function isThere(lease: Lease, cost: number, now: number): boolean {
  return cost <= lease.tokens && now < endOf(lease)
}

function withTokens({ decision, tokens, since, remaining }: Lease, now: number): Decision {
  return later(decision, now - since, remaining + tokens)
}
