/**
 * The limits that decorators make. One that is made for each request starts with nothing counted, so
 * it never limits, and all of them together would fill the memory.
 */
import type { GuardedLog } from '@holdfast/core'
import { TooManyLimitersError } from '../errors.ts'

/** The decorators of an app that make limits. */
export type Decorator = 'rateLimit' | 'createRateLimiter'

/** The most policies of all limits that decorators make, of one registration. */
const MAX_MADE_POLICIES = 4000

/** The limits that the decorators of one registration have made. */
export class MadeLimits {
  readonly #log: GuardedLog
  readonly #counts = new Map<Decorator, number>()
  #policies = 0
  #isReady = false
  /** The options that limits were made of since the app is ready, as text. */
  readonly #late = new Set<string>()
  #isReported = false

  constructor(log: GuardedLog) {
    this.#log = log
  }

  /** Takes note that the app is ready: limits should be made before. */
  ready(): void {
    this.#isReady = true
  }

  /**
   * Counts the policies of a limit that is being made.
   *
   * @throws TooManyLimitersError
   */
  count(decorator: Decorator, policies: number): void {
    if (this.#policies + policies > MAX_MADE_POLICIES) {
      throw new TooManyLimitersError(decorator, MAX_MADE_POLICIES)
    }
    this.#policies += policies
  }

  /**
   * Counts a limit without a group.
   *
   * @returns its number among those of the decorator, from 1 on
   * @throws TooManyLimitersError
   */
  add(decorator: Decorator, options: object, policies: number): number {
    this.count(decorator, policies)
    if (this.#isReady) this.#noticeLate(decorator, options)
    const number = (this.#counts.get(decorator) ?? 0) + 1
    this.#counts.set(decorator, number)
    return number
  }

  #noticeLate(decorator: Decorator, options: object): void {
    const id = `${decorator} ${JSON.stringify(options, functionsAsText)}`
    if (this.#late.has(id) && !this.#isReported) {
      this.#isReported = true
      this.#log.warn(
        `app.${decorator}() was called again with the same options after the app was ready. Each call makes a limit of its own, which starts with nothing counted: made for each request it never limits. Make it once, before the app is ready, and keep it; or give it a groupId, which makes all of them one limit. This is logged once.`
      )
    }
    this.#late.add(id)
  }
}

/** Two functions count as the same when their text is: each call may have made its own. */
function functionsAsText(_name: string, value: unknown): unknown {
  return typeof value === 'function' ? String(value) : value
}
