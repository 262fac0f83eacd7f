/**
 * What a process allows by itself while the store does not answer.
 */

import { type Decision, unanswered } from '../../decision.ts'
import type { ClientTable } from '../../memory/client-table.ts'
import { Limiter } from '../../memory/limiter.ts'
import type { OnStoreError } from '../../options.ts'
import { forPolicy } from '../../per-policy.ts'
import type { Policies, Policy } from '../../policy.ts'
import { localShareOf } from '../../sharing/local-share.ts'
import type { ClientCharge } from '../../store.ts'
import {
  type BackendReservation,
  type Client,
  type LimitBackend,
  nothingReserved,
  ProcessBackend
} from '../backend.ts'

/** How a process decides alone. */
export interface FallbackOptions {
  readonly onStoreError: OnStoreError
  /** How many processes share the limit. */
  readonly instances: number
  readonly countDenied: boolean
  /** Counts the decisions of all limits that a process makes alone. */
  readonly count: FallbackCount
}

/** How many decisions a process has made alone. */
export interface FallbackCount {
  decisions: number
}

/** The share of one process in a limit that is kept in a store. */
export class FallbackBackend implements LimitBackend {
  readonly #options: FallbackOptions
  readonly #process: ProcessBackend
  readonly #shares = new WeakMap<Policies, Policies>()

  constructor(policies: Policies, table: ClientTable, options: FallbackOptions) {
    this.#options = options
    this.#process = new ProcessBackend(new Limiter(this.#shareOf(policies), table, options))
  }

  check(charge: ClientCharge): Decision {
    this.#options.count.decisions++
    return this.#uncounted(charge) ?? this.#process.check(this.#shareOfCharge(charge))
  }

  peek(charge: ClientCharge): Decision {
    return this.#uncounted(charge) ?? this.#process.peek(this.#shareOfCharge(charge))
  }

  reserve(charge: ClientCharge): BackendReservation {
    this.#options.count.decisions++
    const decision = this.#uncounted(charge)
    if (decision !== undefined) return nothingReserved(decision)
    return this.#process.reserve(this.#shareOfCharge(charge))
  }

  reset({ keys, policies }: Client): void {
    this.#process.reset({ keys, policies: this.#shareOf(policies) })
  }

  ban(client: Client, duration: number): void {
    this.#process.ban(client, duration)
  }

  banUnderAll(client: Client, duration: number): void {
    this.ban(client, duration)
  }

  /** The decision where this process is not to count. A ban holds all the same. */
  #uncounted({ keys, policies }: Client): Decision | undefined {
    const { onStoreError } = this.#options
    if (onStoreError === 'local') return undefined
    const free = this.#process.peek({ keys, costs: 0, policies: this.#shareOf(policies) })
    return free.reason === 'banned' ? free : unanswered(policies[0], onStoreError === 'allow')
  }

  /** What the limit allows at once must not become impossible because a share of it is smaller. */
  #shareOfCharge(charge: ClientCharge): ClientCharge {
    const { keys, costs, policies } = charge
    const share = this.#shareOf(policies)
    if (share === policies) return charge
    const costIn = ({ algorithm: { capacity } }: Policy, index: number): number => {
      const cost = forPolicy(costs, index)
      const most = (share[index] as Policy).algorithm.capacity
      return cost > most && cost <= capacity ? most : cost
    }
    const payable = policies.length === 1 ? costIn(policies[0], 0) : policies.map(costIn)
    return { keys, costs: payable, policies: share }
  }

  #shareOf(policies: Policies): Policies {
    let share = this.#shares.get(policies)
    if (share === undefined) {
      share = localShareOf(policies, this.#options.instances)
      this.#shares.set(policies, share)
    }
    return share
  }
}
