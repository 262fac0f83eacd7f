/**
 * Where a limit is kept: in this process, or in a store. Both are asked in the same way.
 */
import { monotonicClock } from '@holdfast/core'
import type { Decision } from '../decision.ts'
import type { MaybePromise } from '../limit-options.ts'
import type { Limiter } from '../memory/limiter.ts'
import type { PerPolicy } from '../per-policy.ts'
import type { ClientCharge } from '../store.ts'

/** What was decided, and how to end what was charged by it. */
export interface BackendReservation {
  readonly decision: Decision
  /**
   * Charges `actual` in place of what was charged. Called once at most, and only where the decision
   * allows; never rejects.
   */
  settle(actual: PerPolicy<number>): MaybePromise<void>
}

/** A client under the policies of a limit. */
export type Client = Pick<ClientCharge, 'keys' | 'policies'>

/** Keeps one limit. */
export interface LimitBackend {
  /** Charges the costs to the client under all policies, or, when one denies it, under none. */
  check(charge: ClientCharge): MaybePromise<Decision>
  /** What {@link check} would decide. Charges nothing. */
  peek(charge: ClientCharge): MaybePromise<Decision>
  /** Charges like {@link check}, to be settled later. */
  reserve(charge: ClientCharge): MaybePromise<BackendReservation>
  /**
   * Forgets all that is known of a client, a ban included.
   *
   * @throws StoreUnavailableError
   */
  reset(client: Client): MaybePromise<void>
  /**
   * Denies everything to a client for so many milliseconds from now; 0 ends that.
   *
   * @throws StoreUnavailableError
   */
  ban(client: Client, duration: number): MaybePromise<void>
  /**
   * The same as a part of a ban under all limits.
   *
   * @throws StoreUnavailableError
   */
  banUnderAll(client: Client, duration: number): MaybePromise<void>
}

/** A decision by which nothing was charged that could be settled. */
export function nothingReserved(decision: Decision): BackendReservation {
  return { decision, settle: () => {} }
}

/** Keeps a limit in this process. */
export class ProcessBackend implements LimitBackend {
  readonly limiter: Limiter

  constructor(limiter: Limiter) {
    this.limiter = limiter
  }

  check({ keys, costs, policies }: ClientCharge): Decision {
    return this.limiter.check(keys, costs, monotonicClock(), policies)
  }

  peek({ keys, costs, policies }: ClientCharge): Decision {
    return this.limiter.peek(keys, costs, monotonicClock(), policies)
  }

  reserve({ keys, costs, policies }: ClientCharge): BackendReservation {
    const { limiter } = this
    const decision = limiter.check(keys, costs, monotonicClock(), policies)
    if (!decision.allowed) return nothingReserved(decision)
    const reserved = limiter.reservation(keys, costs, policies)
    return { decision, settle: (actual) => limiter.settle(reserved, actual, monotonicClock()) }
  }

  reset({ keys }: Client): void {
    this.limiter.reset(keys, monotonicClock())
  }

  ban({ keys }: Client, duration: number): void {
    this.limiter.ban(keys, duration, monotonicClock())
  }

  banUnderAll(client: Client, duration: number): void {
    this.ban(client, duration)
  }
}
