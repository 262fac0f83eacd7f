/**
 * The windows that one policy is asked with, where a function of the user answers with its
 * `timeWindow`. What a client took is kept for each of them, so there must not be many.
 */
import type { Policy } from './policy.ts'

/** The most windows of one policy. */
export const MAX_WINDOWS = 16

/** The windows of one policy, in milliseconds. Routes that share a limit share the set. */
export class WindowSet {
  /** Whether anybody was told that there are too many. */
  isReported = false
  readonly #windows = new Set<number>()
  readonly #strictest = new Map<number, Policy>()

  /**
   * The window to count in: the one that is given, as long as there is room for it. Instead of a
   * further one it is the shortest of the known that is longer, or else the longest.
   */
  take(window: number): number {
    if (this.#windows.has(window)) return window
    if (this.#windows.size < MAX_WINDOWS) {
      this.#windows.add(window)
      return window
    }
    const longer = [...this.#windows].filter((known) => known > window)
    return longer.length > 0 ? Math.min(...longer) : Math.max(...this.#windows)
  }

  /** Takes note that a request met the policy with these numbers. */
  met(policy: Policy): void {
    const strictest = this.#strictest.get(policy.timeWindow)
    if (strictest === undefined || policy.max < strictest.max) {
      this.#strictest.set(policy.timeWindow, policy)
    }
  }

  /** Of each window that requests have met the policy with the least `max`. */
  get strictest(): readonly Policy[] {
    return [...this.#strictest.values()]
  }
}
