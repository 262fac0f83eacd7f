/**
 * How much work is in hand: requests that were admitted and not yet answered. Where they wait for
 * others (a pool, a database), the event loop stays idle, and only this shows that more comes than can
 * be finished.
 *
 * Much work in hand alone is no overload: of a service whose dependency has become slow there is more,
 * too, and it is finished just as fast as it comes. So nothing is limited until more comes than is
 * finished, and the reason is not that everything takes longer.
 */
import { LimitSearch } from './limit-search.ts'
import { Throughput } from './throughput.ts'
import { Usual } from './usual.ts'

/** With less in hand nothing is limited, and with less finished in a second nothing is learnt. */
const MIN_LIMIT = 16
/** Work piles up when it takes so many milliseconds, and so many times as long as usual. */
const MIN_PILE = 200
const PILE = 3
/** More comes than is finished when it is by this factor, and by so many in a second. */
const SURPLUS = 1.05
const MIN_SURPLUS = 5
/** How much more than what is usually needed may be in hand at first. */
const ROOM = 3
/** How many times as many critical requests may be in hand: of a limit that was set, and of one that was found. */
const CRITICAL_OF_SET = 2
const CRITICAL_OF_FOUND = 3
/** Milliseconds without a refusal after which nothing is limited any more. */
const QUIET = 1000
/** The buckets of each half of the time over which a trend is seen. */
const HALF = 4
/** So many buckets in a row are no chance. */
const ENOUGH = 3

/** Bounds the work in hand. All times are milliseconds, by one clock. */
export class WorkInHand {
  readonly #fixed: number | undefined
  readonly #random: () => number
  readonly #critical: number
  readonly #throughput = new Throughput()
  readonly #usual = new Usual()
  #inHand = 0
  #now = 0
  #refusedAt = 0
  /** The latency of what was finished last. */
  #latency = 0
  /** For how many buckets in a row less was finished than came. */
  #behind = 0
  #search: LimitSearch | undefined

  /**
   * @param limit the most requests in hand; `Infinity` for no limit, `undefined` to find it
   * @param random a source of numbers from 0 to below 1
   */
  constructor(limit?: number, random: () => number = Math.random) {
    this.#fixed = limit
    this.#random = random
    this.#critical = limit === undefined ? CRITICAL_OF_FOUND : CRITICAL_OF_SET
  }

  /** Requests that were admitted and are not answered yet. */
  get inHand(): number {
    return this.#inHand
  }

  /** The most requests that may be in hand; `Infinity` while nothing is limited. */
  get limit(): number {
    return this.#fixed ?? this.#search?.limit ?? Infinity
  }

  /** Milliseconds that one more takes, as fast as they are finished; `Infinity` when none was. */
  get expectedLatency(): number {
    return ((this.#inHand + 1) / this.#throughput.finished) * 1000
  }

  /** The work in hand with one more, as a share of the limit; above 1 there is no room. */
  pressure(isCritical: boolean): number {
    return (this.#inHand + 1) / (isCritical ? this.limit * this.#critical : this.limit)
  }

  /** Notes a request, before it is decided about. */
  offer(now: number): void {
    this.#now = now
    const isNewBucket = this.#throughput.advance(now)
    this.#throughput.offer(this.#inHand)
    if (this.#fixed !== undefined) return
    if (isNewBucket) this.#look()
    if (this.#search === undefined && this.#isPilingUp() && this.#hasDemandRisen()) {
      this.#limitTo((ROOM * this.#throughput.finished * this.#usual.latency) / 1000)
    }
  }

  admit(): void {
    this.#inHand++
  }

  /** Notes that a request was refused, for whatever reason. */
  refuse(): void {
    this.#refusedAt = this.#now
  }

  /** Notes that an admitted request was answered. */
  finish(admittedAt: number): void {
    this.#inHand--
    // By the time of the last request: where this counts, there are many.
    const latency = Math.max(0, this.#now - admittedAt)
    this.#throughput.finish(latency)
    this.#latency += (latency - this.#latency) / 4
  }

  /** Notes that an admitted request is over without an answer. */
  abandon(): void {
    this.#inHand--
    this.#throughput.abandon()
  }

  /** Looks at the bucket that has ended. */
  #look(): void {
    const work = this.#throughput
    if (this.#search !== undefined) {
      if (this.#now - this.#refusedAt > QUIET) this.#search = undefined
      else this.#search.look(this.#now, work, this.#inHand, this.#usual.latency)
      return
    }
    if (!this.#hasSurplus() && work.finishedRate >= MIN_LIMIT) {
      this.#usual.learn(work.inHand, work.finishedRate)
    }
    const isPilingUp = this.#isPilingUp()
    this.#behind = isPilingUp && this.#isFallingBehind() ? this.#behind + 1 : 0
    if (this.#behind === ENOUGH) this.#limitTo(this.#inHand)
    else if (isPilingUp && this.#isGivenUp()) this.#limitTo((work.finished * MIN_PILE) / 1000)
  }

  #limitTo(limit: number): void {
    this.#search = new LimitSearch(
      Math.max(MIN_LIMIT, limit),
      MIN_LIMIT,
      this.#throughput.finished,
      this.#now,
      this.#random
    )
    this.#refusedAt = this.#now
    this.#behind = 0
  }

  #hasSurplus(): boolean {
    const { offered, finished } = this.#throughput
    return offered > SURPLUS * finished + MIN_SURPLUS
  }

  #isPilingUp(): boolean {
    return (
      this.#inHand >= MIN_LIMIT && this.expectedLatency > this.#pileFrom() && this.#hasSurplus()
    )
  }

  #pileFrom(): number {
    return Math.max(MIN_PILE, PILE * this.#usual.latency)
  }

  /**
   * Whether more comes than usual, as much is finished as ever, and it already takes longer. Where only
   * a dependency became slow, no more comes, and at first less is finished.
   */
  #hasDemandRisen(): boolean {
    const { offered, finished } = this.#throughput
    const usual = this.#usual
    return (
      usual.finished > 0 &&
      // More than chance brings: the deviation of random arrivals is the root of their number.
      offered > 1.25 * usual.finished + 3 * Math.sqrt(usual.finished) &&
      finished > 0.85 * usual.finished &&
      this.#latency > 1.15 * usual.latency + 5
    )
  }

  /**
   * Whether the same is finished all the time, and takes longer and longer. Where only a dependency
   * became slow, it takes longer once, and what is finished changes meanwhile.
   */
  #isFallingBehind(): boolean {
    const work = this.#throughput
    const finished = work.finishedIn(HALF)
    const finishedBefore = work.finishedIn(HALF, HALF)
    const latency = work.latencyIn(HALF)
    const latencyBefore = work.latencyIn(HALF, HALF)
    return (
      latency > this.#pileFrom() &&
      latencyBefore > this.#pileFrom() / 2 &&
      latency > 1.15 * latencyBefore &&
      Math.abs(finished - finishedBefore) < 0.2 * finishedBefore + 2 &&
      finished < 0.92 * work.offeredIn(HALF)
    )
  }

  /** Whether many clients leave rather than wait. */
  #isGivenUp(): boolean {
    const { abandoned, finished } = this.#throughput
    return abandoned > finished / 4 + MIN_LIMIT
  }
}
