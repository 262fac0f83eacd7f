/**
 * What a process allows by itself while the store does not answer.
 */

import { type Decision, unanswered } from '../../decision.ts'
import type { ClientTable } from '../../memory/client-table.ts'
import { Limiter } from '../../memory/limiter.ts'
import type { OnStoreError } from '../../options.ts'
import { forPolicy, type PerPolicy } from '../../per-policy.ts'
import type { Policies, Policy } from '../../policy.ts'
import { localShareOf } from '../../sharing/local-share.ts'
import {
  type BackendReservation,
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
}

/** The part of one process in a limit that is kept in a store. */
export class FallbackBackend implements LimitBackend {
  readonly #options: FallbackOptions
  readonly #keeper: ProcessBackend
  readonly #shares = new WeakMap<Policies, Policies>()

  constructor(policies: Policies, table: ClientTable, options: FallbackOptions) {
    this.#options = options
    this.#keeper = new ProcessBackend(new Limiter(this.#shareOf(policies), table, options))
  }

  check(keys: PerPolicy<string>, costs: PerPolicy<number>, policies: Policies): Decision {
    const share = this.#shareOf(policies)
    return (
      this.#unlimited(policies) ?? this.#keeper.check(keys, payable(costs, policies, share), share)
    )
  }

  peek(keys: PerPolicy<string>, costs: PerPolicy<number>, policies: Policies): Decision {
    const share = this.#shareOf(policies)
    return (
      this.#unlimited(policies) ?? this.#keeper.peek(keys, payable(costs, policies, share), share)
    )
  }

  reserve(
    keys: PerPolicy<string>,
    costs: PerPolicy<number>,
    policies: Policies
  ): BackendReservation {
    const share = this.#shareOf(policies)
    const unlimited = this.#unlimited(policies)
    if (unlimited !== undefined) return nothingReserved(unlimited)
    return this.#keeper.reserve(keys, payable(costs, policies, share), share)
  }

  reset(keys: PerPolicy<string>, policies: Policies): void {
    this.#keeper.reset(keys, this.#shareOf(policies))
  }

  ban(keys: PerPolicy<string>, duration: number): void {
    this.#keeper.ban(keys, duration)
  }

  /** The decision where this process is not to count. */
  #unlimited(policies: Policies): Decision | undefined {
    const { onStoreError } = this.#options
    return onStoreError === 'local' ? undefined : unanswered(policies[0], onStoreError === 'allow')
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

/** What the limit allows at once must not become impossible because a part of it is smaller. */
function payable(costs: PerPolicy<number>, policies: Policies, share: Policies): PerPolicy<number> {
  if (share === policies) return costs
  const costIn = (policy: Policy, index: number): number => {
    const cost = forPolicy(costs, index)
    const most = (share[index] as Policy).algorithm.capacity
    return cost > most && cost <= policy.algorithm.capacity ? most : cost
  }
  if (policies.length === 1) return costIn(policies[0], 0)
  return policies.map(costIn)
}
