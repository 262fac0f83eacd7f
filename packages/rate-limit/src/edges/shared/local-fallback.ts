/**
 * What a process allows by itself while the store does not answer.
 */

import { type Decision, unanswered } from '../../decision.ts'
import type { ClientTable } from '../../memory/client-table.ts'
import { Limiter } from '../../memory/limiter.ts'
import type { OnStoreError } from '../../options.ts'
import { type Each, memberOf } from '../../per-policy.ts'
import type { Policies, Policy } from '../../policy.ts'
import { localShareOf } from '../../sharing/local-share.ts'
import { type Held, type Keeper, nothingHeld, OwnKeeper } from '../backend.ts'

/** How a process decides alone. */
export interface LocalPartOptions {
  readonly onStoreError: OnStoreError
  /** How many processes share the limit. */
  readonly instances: number
  readonly countDenied: boolean
}

/** The part of one process in a limit that is kept in a store. */
export class LocalPart implements Keeper {
  readonly #options: LocalPartOptions
  readonly #keeper: OwnKeeper
  readonly #shares = new WeakMap<Policies, Policies>()

  constructor(policies: Policies, table: ClientTable, options: LocalPartOptions) {
    this.#options = options
    this.#keeper = new OwnKeeper(new Limiter(this.#shareOf(policies), table, options))
  }

  check(keys: Each<string>, costs: Each<number>, policies: Policies): Decision {
    const share = this.#shareOf(policies)
    return (
      this.#unlimited(policies) ?? this.#keeper.check(keys, payable(costs, policies, share), share)
    )
  }

  peek(keys: Each<string>, costs: Each<number>, policies: Policies): Decision {
    const share = this.#shareOf(policies)
    return (
      this.#unlimited(policies) ?? this.#keeper.peek(keys, payable(costs, policies, share), share)
    )
  }

  reserve(keys: Each<string>, costs: Each<number>, policies: Policies): Held {
    const share = this.#shareOf(policies)
    const unlimited = this.#unlimited(policies)
    if (unlimited !== undefined) return nothingHeld(unlimited)
    return this.#keeper.reserve(keys, payable(costs, policies, share), share)
  }

  reset(keys: Each<string>, policies: Policies): void {
    this.#keeper.reset(keys, this.#shareOf(policies))
  }

  ban(keys: Each<string>, duration: number): void {
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
function payable(costs: Each<number>, policies: Policies, share: Policies): Each<number> {
  if (share === policies) return costs
  const costIn = (policy: Policy, index: number): number => {
    const cost = memberOf(costs, index)
    const most = (share[index] as Policy).algorithm.capacity
    return cost > most && cost <= policy.algorithm.capacity ? most : cost
  }
  if (policies.length === 1) return costIn(policies[0], 0)
  return policies.map(costIn)
}
