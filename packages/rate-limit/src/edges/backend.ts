/**
 * Where a limit is kept: in this process, or in a store. Both are asked in the same way.
 */
import { monotonicClock } from '@holdfast/core'
import type { Decision } from '../decision.ts'
import type { MaybePromise } from '../limit-options.ts'
import type { Limiter } from '../memory/limiter.ts'
import type { Each } from '../per-policy.ts'
import type { Policies } from '../policy.ts'

/** What was decided, and how to end what was charged by it. */
export interface Held {
  readonly decision: Decision
  /**
   * Charges `actual` in place of what was charged. Called once at most, and only where the decision
   * allows; never rejects.
   */
  settle(actual: Each<number>): MaybePromise<void>
}

/** Keeps one limit. */
export interface Keeper {
  /** Charges `costs` to the client under all policies, or, when one denies it, under none. */
  check(keys: Each<string>, costs: Each<number>, policies: Policies): MaybePromise<Decision>
  /** What {@link check} would decide. Charges nothing. */
  peek(keys: Each<string>, costs: Each<number>, policies: Policies): MaybePromise<Decision>
  /** Charges like {@link check}, to be settled later. */
  reserve(keys: Each<string>, costs: Each<number>, policies: Policies): MaybePromise<Held>
  /**
   * Forgets all that is known of a client, a ban included.
   *
   * @throws StoreUnavailableError
   */
  reset(keys: Each<string>, policies: Policies): MaybePromise<void>
  /**
   * Denies everything to a client for so many milliseconds from now; 0 ends that.
   *
   * @throws StoreUnavailableError
   */
  ban(keys: Each<string>, duration: number, policies: Policies): MaybePromise<void>
}

/** A decision by which nothing was charged that could be settled. */
export function nothingHeld(decision: Decision): Held {
  return { decision, settle: () => {} }
}

/** Keeps a limit in this process. */
export class OwnKeeper implements Keeper {
  readonly limiter: Limiter

  constructor(limiter: Limiter) {
    this.limiter = limiter
  }

  check(keys: Each<string>, costs: Each<number>, policies: Policies): Decision {
    return this.limiter.check(keys, costs, monotonicClock(), policies)
  }

  peek(keys: Each<string>, costs: Each<number>, policies: Policies): Decision {
    return this.limiter.peek(keys, costs, monotonicClock(), policies)
  }

  reserve(keys: Each<string>, costs: Each<number>, policies: Policies): Held {
    const { limiter } = this
    const decision = limiter.check(keys, costs, monotonicClock(), policies)
    if (!decision.allowed) return nothingHeld(decision)
    const charged = limiter.hold(keys, costs, policies)
    return { decision, settle: (actual) => limiter.settle(charged, actual, monotonicClock()) }
  }

  reset(keys: Each<string>, policies: Policies): void {
    this.limiter.reset(keys, monotonicClock(), policies)
  }

  ban(keys: Each<string>, duration: number): void {
    this.limiter.ban(keys, duration, monotonicClock())
  }
}
