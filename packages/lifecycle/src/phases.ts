/**
 * The phases of a service's life. They only go forward, one at a time, and none is entered twice.
 * Only `ready` may be skipped, by a service that is stopped before it listens.
 */
import type { Clock } from '@holdfast/core'

/**
 * - `starting`: booting, or not listening yet
 * - `ready`: listening on all its addresses
 * - `draining`: told to stop; everything is still served, and clients are asked to leave
 * - `stopping`: does not listen any more; running requests may finish, then the app closes
 * - `closed`: the last `onClose` hook has run
 */
export type Phase = 'starting' | 'ready' | 'draining' | 'stopping' | 'closed'

const ORDER: readonly Phase[] = ['starting', 'ready', 'draining', 'stopping', 'closed']

/** A step from one phase to the next. */
export interface PhaseChange {
  readonly state: Phase
  readonly previous: Phase
  /** Milliseconds spent in the previous phase. */
  readonly lasted: number
}

/** Where a service stands in its life, and the rule by which it moves on. */
export class Phases {
  readonly #clock: Clock
  readonly #onChange: (change: PhaseChange) => void
  #current: Phase = 'starting'
  #since: number
  #started = false

  constructor(clock: Clock, onChange: (change: PhaseChange) => void) {
    this.#clock = clock
    this.#onChange = onChange
    this.#since = clock()
  }

  get current(): Phase {
    return this.#current
  }

  /** Milliseconds spent in the present phase. */
  get lasted(): number {
    return this.#clock() - this.#since
  }

  /** Whether the service has ever been ready. */
  get started(): boolean {
    return this.#started
  }

  /** Whether this phase, or a later one, was entered. */
  reached(phase: Phase): boolean {
    return ORDER.indexOf(this.#current) >= ORDER.indexOf(phase)
  }

  /**
   * Goes forward to `phase`, through every phase between. Asked to go back or to stay, it
   * does nothing. Returns whether it moved.
   */
  enter(phase: Phase): boolean {
    if (this.reached(phase)) return false
    const first = ORDER.indexOf(this.#current) + 1
    for (const next of ORDER.slice(first, ORDER.indexOf(phase) + 1)) {
      // A service that never listened was never ready.
      if (next !== 'ready' || phase === 'ready') this.#step(next)
    }
    return true
  }

  #step(state: Phase): void {
    const now = this.#clock()
    const change = { state, previous: this.#current, lasted: now - this.#since }
    this.#current = state
    this.#since = now
    if (state === 'ready') this.#started = true
    this.#onChange(change)
  }
}
