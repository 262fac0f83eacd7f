/**
 * Breakers by name, of which there are never more than a bound.
 */
import { type Clock, text } from '@holdfast/core'
import { type BreakerSnapshot, CircuitBreaker } from './breaker.ts'
import { BreakerConflictError } from './errors.ts'
import {
  type BreakerOptions,
  type ResolvedBreakerOptions,
  resolveBreakerOptions
} from './options.ts'

/** The breakers of an app, for its operators. */
export interface CircuitBreakers {
  /** Every breaker at this moment. */
  snapshots(): BreakerSnapshot[]
  /** The breaker of that name, if there is one; makes none. */
  get(name: string): CircuitBreaker | undefined
}

interface Entry {
  readonly breaker: CircuitBreaker
  readonly options: ResolvedBreakerOptions
  /** A route holds on to it: it never makes room. */
  pinned: boolean
  lastUse: number
}

const OVERFLOW = '__overflow__'

/** The breakers of one registration of the plugin. */
export class BreakerRegistry implements CircuitBreakers {
  readonly #defaults: ResolvedBreakerOptions
  readonly #most: number
  readonly #clock: Clock
  readonly #overflowed: () => void
  readonly #entries = new Map<string, Entry>()
  readonly #made = new WeakSet<CircuitBreaker>()
  #overflow: CircuitBreaker | undefined
  #uses = 0

  /** @param overflowed called once, when the first name found no room */
  constructor(
    options: ResolvedBreakerOptions & { readonly maxBreakers: number; readonly clock: Clock },
    overflowed: () => void
  ) {
    this.#defaults = options
    this.#most = options.maxBreakers
    this.#clock = options.clock
    this.#overflowed = overflowed
  }

  /**
   * Returns the breaker of that name, and makes it when there is none.
   *
   * @param options laid over the defaults; without them an existing breaker keeps what it has
   * @throws BreakerConflictError when the name exists with other options
   * @throws UnknownOptionError, InvalidOptionError
   */
  open(name: string, options?: BreakerOptions): CircuitBreaker {
    const known = this.#entries.get(name)
    if (known === undefined) return this.#admit(name, options, false)
    known.lastUse = ++this.#uses
    if (options !== undefined) this.#insistOnSame(name, known.options, options)
    return known.breaker
  }

  /** As {@link open}, for a route, which will hold on to its breaker: it never makes room. */
  pin(name: string, options?: BreakerOptions): CircuitBreaker {
    const known = this.#entries.get(name)
    if (known === undefined) return this.#admit(name, options, true)
    known.pinned = true
    return this.open(name, options)
  }

  get(name: string): CircuitBreaker | undefined {
    return this.#entries.get(name)?.breaker
  }

  snapshots(): BreakerSnapshot[] {
    const breakers = Array.from(this.#entries.values(), ({ breaker }) => breaker)
    if (this.#overflow !== undefined) breakers.push(this.#overflow)
    return breakers.map((breaker) => breaker.snapshot())
  }

  /** Whether the breaker was made here, be it still kept by name or not. */
  made(breaker: CircuitBreaker): boolean {
    return this.#made.has(breaker)
  }

  #admit(name: string, given: BreakerOptions | undefined, pinned: boolean): CircuitBreaker {
    text(name, 'name of app.circuitBreaker(name)')
    const options = this.#resolve(name, given ?? {})
    if (this.#entries.size >= this.#most && !this.#makeRoom()) return this.#shared()
    const breaker = this.#make(name, options)
    this.#entries.set(name, { breaker, options, pinned, lastUse: ++this.#uses })
    return breaker
  }

  #make(name: string, { threshold, resetTimeout }: ResolvedBreakerOptions): CircuitBreaker {
    const breaker = new CircuitBreaker({ name, threshold, resetTimeout, clock: this.#clock })
    this.#made.add(breaker)
    return breaker
  }

  #resolve(name: string, given: BreakerOptions): ResolvedBreakerOptions {
    return resolveBreakerOptions(
      this.#defaults,
      given,
      `app.circuitBreaker(${JSON.stringify(name)})`
    )
  }

  #insistOnSame(name: string, has: ResolvedBreakerOptions, given: BreakerOptions): void {
    const { threshold, resetTimeout } = this.#resolve(name, given)
    if (threshold !== has.threshold || resetTimeout !== has.resetTimeout) {
      const existing = `threshold ${has.threshold}, resetTimeout ${has.resetTimeout} ms`
      throw new BreakerConflictError(name, existing)
    }
  }

  /** Drops the breaker that was unused the longest of those that nobody would miss. */
  #makeRoom(): boolean {
    let oldest: string | undefined
    let oldestUse = Infinity
    for (const [name, { breaker, pinned, lastUse }] of this.#entries) {
      if (pinned || lastUse >= oldestUse || !breaker.idle) continue
      oldest = name
      oldestUse = lastUse
    }
    return oldest !== undefined && this.#entries.delete(oldest)
  }

  #shared(): CircuitBreaker {
    if (this.#overflow === undefined) {
      this.#overflow = this.#make(OVERFLOW, this.#defaults)
      this.#overflowed()
    }
    return this.#overflow
  }
}
