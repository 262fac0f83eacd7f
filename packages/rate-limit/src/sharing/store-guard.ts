/**
 * Whether a store is asked: after some failures in a row it is not, until a probe was answered.
 */

/** Failures in a row after which a store is not asked any more. One may be bad luck. */
const MAX_FAILURES = 3

/** Guards one part of a store. */
export class StoreGuard {
  #failures = 0
  #isProbed = false

  /** Whether the store is left alone. */
  get isOpen(): boolean {
    return this.#failures >= MAX_FAILURES
  }

  /** Takes note of a failure. Returns whether the guard opened with it. */
  failed(): boolean {
    this.#failures++
    return this.#failures === MAX_FAILURES
  }

  /** Opens at once. Returns whether it was closed. */
  trip(): boolean {
    if (this.isOpen) return false
    this.#failures = MAX_FAILURES
    return true
  }

  /** Takes note of an answer. While the guard is open only a probe's answer counts. */
  answered(): void {
    if (!this.isOpen) this.#failures = 0
  }

  /** Whether a probe may start now: one at a time. Its end is told with {@link probed}. */
  probe(): boolean {
    if (!this.isOpen || this.#isProbed) return false
    this.#isProbed = true
    return true
  }

  /** Takes note of a probe's end. Returns whether the guard closed with it. */
  probed(isAnswered: boolean): boolean {
    this.#isProbed = false
    if (isAnswered) this.#failures = 0
    return isAnswered
  }
}
