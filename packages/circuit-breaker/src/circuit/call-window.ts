/**
 * What became of the latest calls: those of a span of time, or so many of them. A window is a few
 * numbers in a typed array; time rotates it when somebody looks, never by a timer.
 */

/** The calls inside a window, by what they count for. */
export interface WindowCounts {
  /** Calls that succeeded or failed. */
  readonly judged: number
  /** Of these, the ones that failed. */
  readonly failures: number
  /** Calls that took too long, judged or not. */
  readonly slow: number
  /** Of these, the ones that were neither success nor failure. */
  readonly slowUnjudged: number
}

/** Counts calls and forgets them: the older ones, or all. */
export interface CallWindow extends WindowCounts {
  /** Forgets what is too old by now. A window of so many calls forgets nothing with time. */
  advance(now: number): void
  /**
   * Counts a call.
   *
   * @param failed `undefined` for a call that is neither success nor failure: it counts only if it
   * was slow
   */
  add(now: number, failed: boolean | undefined, slow: boolean): void
  clear(): void
}

/** How long a window reaches back, or how many calls. */
export type WindowSize = { readonly duration: number } | { readonly calls: number }

/** Makes a window of a duration in milliseconds, or of a number of calls. */
export function callWindow(size: WindowSize): CallWindow {
  return 'duration' in size ? new TimeWindow(size.duration) : new CountWindow(size.calls)
}

const JUDGED = 0
const FAILURES = 1
const SLOW = 2
const SLOW_UNJUDGED = 3
const COLUMNS = 4
const BUCKETS = 10

/**
 * The calls of the latest tenths of a duration: the tenth that runs and the nine before it. After
 * an idle gap nothing older than that is left, however long it was.
 */
class TimeWindow implements CallWindow {
  readonly #width: number
  readonly #counts = new Int32Array(BUCKETS * COLUMNS)
  /** Which tenth since time began; its place in the array; and when it ends. */
  #bucket = -Infinity
  #offset = 0
  #bucketEnds = -Infinity
  judged = 0
  failures = 0
  slow = 0
  slowUnjudged = 0

  constructor(duration: number) {
    this.#width = duration / BUCKETS
  }

  advance(now: number): void {
    if (now < this.#bucketEnds) return
    const bucket = Math.floor(now / this.#width)
    const last = Math.max(this.#bucket, bucket - BUCKETS)
    for (let passed = last + 1; passed <= bucket; passed++) this.#forget(offsetOf(passed))
    this.#bucket = bucket
    this.#offset = offsetOf(bucket)
    this.#bucketEnds = (bucket + 1) * this.#width
  }

  add(now: number, failed: boolean | undefined, slow: boolean): void {
    this.advance(now)
    const counts = this.#counts
    const offset = this.#offset
    if (failed !== undefined) {
      counts[offset + JUDGED]!++
      this.judged++
    }
    if (failed === true) {
      counts[offset + FAILURES]!++
      this.failures++
    }
    if (!slow) return
    counts[offset + SLOW]!++
    this.slow++
    if (failed !== undefined) return
    counts[offset + SLOW_UNJUDGED]!++
    this.slowUnjudged++
  }

  clear(): void {
    this.#counts.fill(0)
    this.judged = this.failures = this.slow = this.slowUnjudged = 0
  }

  #forget(offset: number): void {
    const counts = this.#counts
    this.judged -= counts[offset + JUDGED] as number
    this.failures -= counts[offset + FAILURES] as number
    this.slow -= counts[offset + SLOW] as number
    this.slowUnjudged -= counts[offset + SLOW_UNJUDGED] as number
    counts.fill(0, offset, offset + COLUMNS)
  }
}

/** Where a tenth has its place; a clock may begin below zero. */
function offsetOf(bucket: number): number {
  return (((bucket % BUCKETS) + BUCKETS) % BUCKETS) * COLUMNS
}

const IS_JUDGED = 1
const HAS_FAILED = 2
const WAS_SLOW = 4

/** The latest so many calls, each a few bits in a ring. */
class CountWindow implements CallWindow {
  readonly #calls: Uint8Array
  #next = 0
  judged = 0
  failures = 0
  slow = 0
  slowUnjudged = 0

  constructor(calls: number) {
    this.#calls = new Uint8Array(calls)
  }

  advance(): void {}

  add(_now: number, failed: boolean | undefined, slow: boolean): void {
    if (failed === undefined && !slow) return
    const call =
      (failed === undefined ? 0 : IS_JUDGED) | (failed ? HAS_FAILED : 0) | (slow ? WAS_SLOW : 0)
    this.#count(this.#calls[this.#next] as number, -1)
    this.#count(call, 1)
    this.#calls[this.#next] = call
    this.#next = (this.#next + 1) % this.#calls.length
  }

  clear(): void {
    this.#calls.fill(0)
    this.judged = this.failures = this.slow = this.slowUnjudged = 0
  }

  #count(call: number, by: number): void {
    if (call & IS_JUDGED) this.judged += by
    if (call & HAS_FAILED) this.failures += by
    if (call & WAS_SLOW) this.slow += by
    if (call === WAS_SLOW) this.slowUnjudged += by
  }
}
