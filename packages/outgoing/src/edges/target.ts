/**
 * An upstream from inside: its rules, its breaker, its budget, and the tries that are on their way.
 */
import { monotonicClock, Ring } from '@holdfast/core'
import { RetryBudget } from '../budget.ts'
import type { Caller } from '../caller.ts'
import { Counts } from '../counts.ts'
import { ClientLeftError, UpstreamClosedError, UpstreamFullError } from '../errors.ts'
import { Latencies } from '../latencies.ts'
import type { UpstreamRules } from '../options.ts'
import { isSameOrigin } from '../origin.ts'
import type { UpstreamSnapshot } from '../state.ts'
import { type Breaker, breakerOf } from './breaker-seam.ts'
import { Try } from './try.ts'
import { outOfTime, type Stoppable, type TryOwner, type TryPlan } from './try-plan.ts'

/** Tells the retries of undici from other requests. */
export interface DispatchCounter {
  /** Counts a dispatch. Returns which try of its request it is, from 1. */
  countDispatch(handler: object): number
}

/** Finds the upstream of an origin. */
export type TargetOfOrigin = (origin: unknown) => Target | undefined

/** Milliseconds. */
const BODY_LEASE = 30_000

/** What all calls of one upstream share. */
export class Target implements TryOwner {
  readonly name: string
  readonly rules: UpstreamRules
  /** Scheme, host and port. */
  readonly origin: string
  readonly breaker: Breaker
  readonly budget: RetryBudget
  readonly counts: Counts = new Counts()
  readonly latencies: Latencies = new Latencies()
  readonly lease: number
  inFlight: number = 0
  undiciRetries: DispatchCounter | undefined = undefined
  readonly #running = new Ring<Stoppable>()
  #elsewhere: Target | undefined
  #closed = false

  /** @param lease milliseconds; tests have less time */
  constructor(name: string, rules: UpstreamRules, breaker: Breaker, lease: number = BODY_LEASE) {
    this.name = name
    this.rules = rules
    this.origin = rules.origin.origin
    this.breaker = breaker
    this.budget = new RetryBudget(rules.budget)
    this.lease = lease
  }

  /**
   * Whether requests to that origin are the upstream's. A pool of connections has one origin, and its
   * requests name none.
   */
  owns(origin: unknown): boolean {
    return origin === undefined || isSameOrigin(origin, this.origin)
  }

  /**
   * Where redirects to origins lead that no upstream has. Tries there have the same time and the same
   * end, and carry no headers of ours; they are not counted here, and no breaker is asked.
   */
  get elsewhere(): Target {
    this.#elsewhere ??= new Target(
      this.name,
      rulesElsewhere(this.rules),
      breakerOf(this, this.name, false),
      this.lease
    )
    return this.#elsewhere
  }

  /**
   * Begins a try. It must be told its end.
   *
   * @throws what the breaker refuses with, UpstreamFullError, UpstreamClosedError, ClientLeftError, and
   * CallDeadlineError when the time of the call is over already
   */
  begin(caller: Caller, plan: TryPlan, now: number): Try {
    if (this.#closed) throw new UpstreamClosedError(this.name)
    if (caller.hasLeft) throw new ClientLeftError(this.name)
    if (plan.due <= now) throw outOfTime(this, plan, caller)
    const { breaker } = this
    let begun: Try | undefined
    const permit =
      breaker.state === 'closed'
        ? breaker.tryAcquire()
        : breaker.tryAcquire(() => begun?.hasAnsweredWell === true)
    if (permit === null) {
      this.counts.refused++
      throw breaker.refusal()
    }
    if (this.inFlight >= this.rules.maxConcurrent) {
      permit.end('excluded')
      this.counts.refused++
      throw new UpstreamFullError(this.name, this.rules.maxConcurrent)
    }
    // A refused call has no try, and so nothing to try again.
    if (plan.number === 1 && !plan.isHedge) this.budget.countFirst(now)
    begun = new Try(this, permit, caller, plan, now)
    return begun
  }

  /**
   * Begins a call that is one try, made by a client of the user's own. The answer's body is that
   * client's business: once it has begun, neither time nor the end of the app stops it.
   *
   * @param method the method of its request
   * @param number which try it is, where the client makes several by itself
   * @throws as {@link begin}
   */
  beginAlone(caller: Caller, method: string, number: number = 1): Try {
    const now = monotonicClock()
    const due = Math.min(now + this.rules.timeout, caller.deadline)
    if (number === 1) this.counts.calls++
    return this.begin(caller, { method, number, isHedge: false, due, boundsBody: false }, now)
  }

  add(running: Stoppable): void {
    this.#running.add(running)
  }

  /** Stops whatever runs, and refuses what comes. */
  close(): void {
    this.#closed = true
    for (const running of this.#running) running.stop('closed', new UpstreamClosedError(this.name))
    this.#elsewhere?.close()
  }

  snapshot(now: number): UpstreamSnapshot {
    const { calls, tries, refused, hedges, outcomes, retries } = this.counts
    return {
      name: this.name,
      origin: this.origin,
      calls,
      tries,
      outcomes: { ...outcomes },
      refused,
      retries: { ...retries },
      hedges,
      budgetLeft: this.budget.left(now),
      inFlight: this.inFlight
    }
  }
}

function rulesElsewhere(rules: UpstreamRules): UpstreamRules {
  const deadline = { ...rules.deadline, write: false }
  return { ...rules, deadline, trace: false, maxConcurrent: Infinity }
}
