/**
 * The calls that find out, half-open, whether the dependency is healthy again: a fixed number of
 * them, each with a lease, and a verdict as soon as the rest cannot change it.
 */
import type { TrackedPermit } from './permit.ts'

/** How many probes, and which share of them must succeed. */
export interface ProbeRules {
  readonly permits: number
  readonly successRate: number
}

/** The probes of one half-open generation. */
export class Probes {
  readonly #permits: number
  readonly #needed: number
  readonly #running: TrackedPermit[] = []
  #successes = 0
  #failures = 0

  constructor({ permits, successRate }: ProbeRules) {
    this.#permits = permits
    // A share of 0.55 of a hundred is 55, though as a product it is a little more.
    this.#needed = Math.ceil(permits * successRate - 1e-9)
  }

  /** Milliseconds until a lease ends, when no permit is left; 0 when there is one. */
  waitFor(now: number): number {
    const { first } = this
    const used = this.#running.length + this.#successes + this.#failures
    return first === undefined || used < this.#permits ? 0 : first.leaseEnds - now
  }

  /** The running probe whose lease is the first to end. */
  get first(): TrackedPermit | undefined {
    let first: TrackedPermit | undefined
    for (const probe of this.#running) {
      if (first === undefined || probe.leaseEnds < first.leaseEnds) first = probe
    }
    return first
  }

  /** Takes in a probe that begins. */
  add(probe: TrackedPermit): void {
    this.#running.push(probe)
  }

  /** Takes back the permit of a probe that says nothing: the next caller may have it. */
  giveBack(probe: TrackedPermit): void {
    this.#running.splice(this.#running.indexOf(probe), 1)
  }

  /** Counts a probe. Returns whether the dependency is healthy, once that is certain. */
  count(probe: TrackedPermit, succeeded: boolean): boolean | undefined {
    this.giveBack(probe)
    if (succeeded) this.#successes++
    else this.#failures++
    if (this.#successes >= this.#needed) return true
    return this.#failures > this.#permits - this.#needed ? false : undefined
  }
}
