/**
 * Breakers by name, of which there are never more than a bound.
 */
import { InvalidOptionError, text } from '@holdfast/core'
import { type BreakerSnapshot, CircuitBreaker, type OperatorSwitch } from './breaker.ts'
import { BreakerConflictError, UnknownBreakerError } from './errors.ts'
import { type BreakerOptions, resolveBreakerRules, type Sources } from './options.ts'
import { type BreakerRules, differences } from './rules.ts'

/** The breakers of an app, for its operators. */
export interface CircuitBreakers {
  /** Every breaker at this moment. */
  snapshots(): BreakerSnapshot[]
  /** The breaker of that name, if there is one; makes none. */
  get(name: string): CircuitBreaker | undefined
  /**
   * Has a breaker refuse every call until the switch is released; then it closes.
   *
   * @throws UnknownBreakerError, with status 404, when there is none of that name
   */
  isolate(name: string): OperatorSwitch
}

/** The defaults of breakers, and how many there may be. */
export interface RegistryOptions extends Sources {
  readonly rules: BreakerRules
  readonly maxBreakers: number
}

interface Entry {
  readonly breaker: CircuitBreaker
  /** A route holds on to it: it never makes room. */
  pinned: boolean
  lastUse: number
}

const OVERFLOW = '__overflow__'

/** The breakers of one registration of the plugin. */
export class BreakerRegistry implements CircuitBreakers {
  readonly #options: RegistryOptions
  readonly #overflowed: () => void
  readonly #entries = new Map<string, Entry>()
  readonly #made = new WeakSet<CircuitBreaker>()
  #overflow: CircuitBreaker | undefined
  #uses = 0

  /** @param overflowed called once, when the first name found no room */
  constructor(options: RegistryOptions, overflowed: () => void) {
    this.#options = options
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
    if (options !== undefined) this.#insistOnSame(known.breaker, options)
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
    return name === OVERFLOW ? this.#overflow : this.#entries.get(name)?.breaker
  }

  isolate(name: string): OperatorSwitch {
    const breaker = this.get(name)
    if (breaker === undefined) throw new UnknownBreakerError(name)
    return breaker.isolate()
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
    const option = 'name of app.circuitBreaker(name)'
    text(name, option)
    if (name === OVERFLOW) {
      const expected = 'another text: the breaker that names without room share is called so'
      throw new InvalidOptionError(option, expected, `the text "${OVERFLOW}"`)
    }
    const rules = this.#resolve(name, given ?? {})
    if (this.#entries.size >= this.#options.maxBreakers && !this.#makeRoom()) return this.#shared()
    const breaker = this.#make(name, rules)
    this.#entries.set(name, { breaker, pinned, lastUse: ++this.#uses })
    return breaker
  }

  #make(name: string, rules: BreakerRules): CircuitBreaker {
    const { clock, random } = this.#options
    const { slowCall = false, ...rest } = rules
    const breaker = new CircuitBreaker({ ...rest, slowCall, name, clock, random })
    this.#made.add(breaker)
    return breaker
  }

  #resolve(name: string, given: BreakerOptions): BreakerRules {
    const place = `app.circuitBreaker(${JSON.stringify(name)})`
    return resolveBreakerRules(this.#options.rules, given, place)
  }

  #insistOnSame(breaker: CircuitBreaker, given: BreakerOptions): void {
    const existing = differences(breaker.rules, this.#resolve(breaker.name, given))
    if (existing !== '') throw new BreakerConflictError(breaker.name, existing)
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
      this.#overflow = this.#make(OVERFLOW, this.#options.rules)
      this.#overflowed()
    }
    return this.#overflow
  }
}
