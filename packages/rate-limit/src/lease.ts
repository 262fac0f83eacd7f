/**
 * Requests of a client that were charged to a store in advance, to be spent in this process without
 * asking again. What is spent was charged before: over any span, processes that lease admit at most
 * what they had left from before it more than the limit does.
 */
import { type Decision, later } from './decision.ts'
import type { Policies } from './policy.ts'

/** Clients with a lease. When there are more, the lease that was renewed longest ago is given up. */
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
  /** What the store decided last. */
  decision: Decision
  since: number
  /** Whether a question for more is answered, while it is on its way. */
  renewal: Promise<boolean> | undefined
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
    if (cost > lease.tokens || now >= endOf(lease)) return undefined
    lease.tokens -= cost
    return withTokens(lease, now)
  }

  /** How much to ask of the store for a request of that cost: `cost`, or more. */
  size(lease: Lease | undefined, cost: number): number {
    if (lease === undefined) return cost
    const share = Math.floor((lease.decision.remaining * SHARE) / this.#instances)
    return Math.max(cost, Math.min(this.#max, share))
  }

  /** Takes note of what the store decided about `size`, of which `cost` is spent at once. */
  renew(
    key: string,
    policies: Policies,
    decision: Decision,
    granted: { readonly size: number; readonly cost: number },
    now: number
  ): Decision {
    let lease = this.find(key, policies)
    if (lease === undefined) {
      if (this.#leases.size >= MOST) this.#leases.delete(this.#leases.keys().next().value as string)
      lease = { policies, tokens: 0, decision, since: now, renewal: undefined }
      this.#leases.set(key, lease)
    }
    // What has expired is not spent any more: the store gave it back long ago, with time.
    if (now >= endOf(lease)) lease.tokens = 0
    lease.decision = decision
    lease.since = now
    if (!decision.allowed) return decision
    lease.tokens += granted.size - granted.cost
    return withTokens(lease, now)
  }

  /** Empties all leases. Returns those of which something was left. */
  end(now: number): { key: string; policies: Policies; tokens: number }[] {
    const left = Array.from(this.#leases, ([key, lease]) => {
      const { policies, tokens } = lease
      return { key, policies, tokens: now < endOf(lease) ? tokens : 0 }
    })
    this.#leases.clear()
    return left.filter(({ tokens }) => tokens > 0)
  }
}

function endOf({ policies, since }: Lease): number {
  const shortest = Math.min(...policies.map(({ timeWindow }) => timeWindow))
  return since + shortest * LIFETIME
}

function withTokens({ decision, tokens, since }: Lease, now: number): Decision {
  const current = now === since ? decision : later(decision, now - since)
  return { ...current, remaining: decision.remaining + tokens }
}
