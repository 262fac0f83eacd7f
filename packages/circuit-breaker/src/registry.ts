/**
 * Breakers by name, never more than `maxBreakers` of them.
 */
import { printable } from '@holdfast/core'
import { check, InvalidOptionError } from '@holdfast/core/options'
import { CircuitBreaker } from './breaker.ts'
import type { BreakerOptions, Sources } from './breaker-options.ts'
import { BreakerConflictError, UnknownBreakerError } from './errors.ts'
import type { OperatorSwitch } from './operator-switch.ts'
import { type BreakerRules, differences, resolveBreakerRules } from './rules.ts'
import type { BreakerSnapshot, BreakerView } from './snapshot.ts'
import type { CircuitBreakerState } from './state.ts'

/** The breakers of an app, for its operators. */
export interface CircuitBreakers {
  /** Every breaker at this moment. */
  snapshots(): BreakerSnapshot[]
  /** The breaker of that name, if there is one; makes none. */
  get(name: string): CircuitBreaker | undefined
  /**
   * Makes a breaker refuse every call until the switch is released; then it closes.
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

interface RegisteredBreaker {
  readonly breaker: CircuitBreaker
  /** Whether a route holds on to it: then it is never dropped. */
  pinned: boolean
  lastUse: number
}

const OVERFLOW = '__overflow__'
/** Characters of a name in an error. */
const MAX_SHOWN_NAME = 256

/** The breakers of one registration of the plugin. */
export class BreakerRegistry implements CircuitBreakers {
  readonly #options: RegistryOptions
  readonly #overflowed: () => void
  readonly #breakers = new Map<string, RegisteredBreaker>()
  readonly #made = new WeakSet<BreakerView>()
  #overflow: CircuitBreaker | undefined
  #uses = 0
  #dropped = 0

  /** @param overflowed called once, when there is no room for a name for the first time */
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
    const known = this.#breakers.get(name)
    if (known === undefined) return this.#admit(name, options, false)
    known.lastUse = ++this.#uses
    if (options !== undefined) this.#insistOnSame(known.breaker, options)
    return known.breaker
  }

  /** As {@link open}, for a route, which will hold on to its breaker: it is never dropped. */
  pin(name: string, options?: BreakerOptions): CircuitBreaker {
    const known = this.#breakers.get(name)
    if (known === undefined) return this.#admit(name, options, true)
    known.pinned = true
    return this.open(name, options)
  }

  get(name: string): CircuitBreaker | undefined {
    return name === OVERFLOW ? this.#overflow : this.#breakers.get(name)?.breaker
  }

  isolate(name: string): OperatorSwitch {
    const breaker = this.get(name)
    if (breaker === undefined) throw new UnknownBreakerError(printable(name, MAX_SHOWN_NAME))
    return breaker.isolate()
  }

  snapshots(): BreakerSnapshot[] {
    const breakers = Array.from(this.#breakers.values(), ({ breaker }) => breaker)
    if (this.#overflow !== undefined) breakers.push(this.#overflow)
    return breakers.map((breaker) => breaker.snapshot())
  }

  /** What metrics and consoles read. */
  get state(): CircuitBreakerState {
    const { maxBreakers } = this.#options
    return { breakers: this.snapshots(), maxBreakers, dropped: this.#dropped }
  }

  /** Whether the breaker was made here, whether it is still kept by name or not. */
  hasMade(breaker: BreakerView): boolean {
    return this.#made.has(breaker)
  }

  #admit(name: string, given: BreakerOptions | undefined, pinned: boolean): CircuitBreaker {
    const option = 'name of app.circuitBreaker(name)'
    check.text(name, option)
    if (name === OVERFLOW) {
      const expected = 'another text: it is the name of the breaker that names without room share'
      throw new InvalidOptionError(option, expected, `the text "${OVERFLOW}"`)
    }
    const rules = this.#resolve(name, given ?? {})
    if (this.#breakers.size >= this.#options.maxBreakers && !this.#makeRoom()) return this.#shared()
    const breaker = this.#make(name, rules)
    this.#breakers.set(name, { breaker, pinned, lastUse: ++this.#uses })
    return breaker
  }

  #make(name: string, rules: BreakerRules): CircuitBreaker {
    const { clock, random } = this.#options
    const breaker = new CircuitBreaker({ name, clock, random }, rules)
    this.#made.add(breaker)
    return breaker
  }

  #resolve(name: string, given: BreakerOptions): BreakerRules {
    const optionPath = `app.circuitBreaker(${JSON.stringify(printable(name, MAX_SHOWN_NAME))})`
    return resolveBreakerRules(this.#options.rules, given, optionPath)
  }

  #insistOnSame(breaker: CircuitBreaker, given: BreakerOptions): void {
    const existing = differences(breaker.rules, this.#resolve(breaker.name, given))
    if (existing !== '') throw new BreakerConflictError(breaker.name, existing)
  }

  /** Drops the breaker that was unused the longest, of those that hold nothing. Returns whether one was. */
  #makeRoom(): boolean {
    let oldest: string | undefined
    let oldestUse = Infinity
    for (const [name, { breaker, pinned, lastUse }] of this.#breakers) {
      if (pinned || lastUse >= oldestUse || !breaker.idle) continue
      oldest = name
      oldestUse = lastUse
    }
    if (oldest === undefined) return false
    this.#dropped++
    return this.#breakers.delete(oldest)
  }

  #shared(): CircuitBreaker {
    if (this.#overflow === undefined) {
      this.#overflow = this.#make(OVERFLOW, this.#options.rules)
      this.#overflowed()
    }
    return this.#overflow
  }
}
