/**
 * Decides about requests: two bounds say how many can be served, one ladder says who. The bounds
 * measure, the ladder follows: it refuses the lowest until the bounds need to refuse nobody.
 */
import { Ladder, type Period } from './ladder.ts'
import { CRITICAL, levelOf, type Rank } from './priority.ts'
import { TurnWait } from './turn-wait.ts'
import { WorkInHand } from './work-in-hand.ts'

/**
 * Why a request is refused:
 *
 * - `level`: others matter more
 * - `queue-delay`: it has waited for the event loop too long already
 * - `in-flight`: too much work is in hand, of the service or of a route with a limit of its own
 * - `deadline`: it cannot be finished in the time it has left
 */
export type SheddingReason = 'level' | 'queue-delay' | 'in-flight' | 'deadline'

/** Milliseconds from one adjustment of the ladder to the next. */
const PERIOD = 100
/** Without requests for so many milliseconds, what was adjusted to is over. */
const STALE = 1000
/** From this pressure on, requests are counted by level: some may have to be refused soon. */
const ALERT = 0.5

const NOTHING: Period = { offered: 0, admitted: 0, finished: 0, isFull: false, pressure: 0 }

/** What the decisions are made by. */
export interface SheddingRules {
  /** How long a request may wait for the event loop, in milliseconds. */
  readonly maxQueueDelay: number
  /** The most work in hand; `Infinity` for no limit, `undefined` to find it. */
  readonly maxInFlight: number | undefined
}

/** Decides about the requests of one process. All times are milliseconds, by one clock. */
export class Shedder {
  readonly #turn: TurnWait
  readonly #work: WorkInHand
  readonly #ladder = new Ladder()
  #adjustedAt = 0
  #isAlert = false
  #offered = 0
  #admitted = 0
  #finished = 0
  #isFull = false
  #pressure = 0

  /** @param random a source of numbers from 0 to below 1 */
  constructor({ maxQueueDelay, maxInFlight }: SheddingRules, random?: () => number) {
    this.#turn = new TurnWait(maxQueueDelay)
    this.#work = new WorkInHand(maxInFlight, random)
  }

  /** The share of requests that is to be admitted, 0 to 1. */
  get share(): number {
    return this.#ladder.share
  }

  /** The lowest level that is admitted, 0 to 1. */
  get lowest(): number {
    return this.#ladder.lowest
  }

  /** Whether the lowest are being refused. */
  get isShedding(): boolean {
    return this.#ladder.share < 1
  }

  /** Whether the place of a cohort matters to {@link decide}: finding it can be saved until then. */
  get isAlert(): boolean {
    return this.#isAlert || this.isShedding
  }

  /** Requests that were admitted and are not answered yet. */
  get inHand(): number {
    return this.#work.inHand
  }

  /** The most requests that may be in hand; `Infinity` while nothing is limited. */
  get limit(): number {
    return this.#work.limit
  }

  /** Whether the turn of the event loop has been announced by {@link beginTurn}. */
  get isInTurn(): boolean {
    return this.#turn.isBegun
  }

  /** How long a request that is met now has waited for the event loop. */
  waitAt(now: number): number {
    return this.#turn.at(now)
  }

  /**
   * Begins a turn of the event loop, before its first request.
   *
   * @param slept how long the loop has slept so far, in total
   */
  beginTurn(now: number, slept: number): void {
    this.forget(now)
    this.#turn.begin(now, slept)
  }

  /** Ends the turn, when all that was ready at its beginning is done. */
  endTurn(now: number): void {
    this.#turn.end(now)
    if (now - this.#adjustedAt >= PERIOD) this.#adjust(now)
  }

  /** Returns to normal, step by step, after a time without requests. */
  forget(now: number): void {
    if (!this.isShedding || now - this.#adjustedAt < STALE) return
    while (this.isShedding && now - this.#adjustedAt >= STALE) {
      this.#ladder.adjust(NOTHING)
      // Not to `now`: whoever asks often would take the rest of the time away each time.
      this.#adjustedAt += PERIOD
    }
  }

  /**
   * Decides about a request. `undefined`: it is admitted, and {@link finish} or {@link abandon} is to
   * be called once for it.
   *
   * @param place the place of its cohort, from 0 to below 1
   * @param remaining milliseconds until its deadline
   */
  decide(
    now: number,
    rank: Rank,
    place: number,
    remaining: number = Infinity
  ): SheddingReason | undefined {
    const work = this.#work
    work.offer(now)
    this.#offered++
    const isCritical = rank === CRITICAL
    const wait = this.#turn.meet(now, isCritical, this.isShedding)
    const hand = work.pressure(isCritical)
    const pressure = Math.max(wait, hand)
    if (pressure > this.#pressure) this.#pressure = pressure
    if (pressure > ALERT) this.#isAlert = true
    const reason = this.isAlert ? this.#refusal(rank, place, remaining) : undefined
    if (reason === undefined && pressure <= 1) {
      this.#admitted++
      work.admit()
      return undefined
    }
    work.refuse()
    if (reason !== undefined) return reason
    this.#isFull = true
    return wait > hand ? 'queue-delay' : 'in-flight'
  }

  /** Notes that an admitted request was answered. */
  finish(admittedAt: number): void {
    this.#finished++
    this.#work.finish(admittedAt)
  }

  /** Notes that an admitted request is over without an answer: its client left, or it was hijacked. */
  abandon(): void {
    this.#work.abandon()
  }

  /** Why a request would be refused even where there is room for one. */
  #refusal(rank: Rank, place: number, remaining: number): SheddingReason | undefined {
    const level = levelOf(rank, place)
    this.#ladder.count(level)
    if (!this.isShedding) return undefined
    const { expectedLatency } = this.#work
    if (remaining < expectedLatency && expectedLatency < Infinity) return 'deadline'
    return level < this.#ladder.lowest ? 'level' : undefined
  }

  #adjust(now: number): void {
    if (this.isShedding || this.#isFull) {
      this.#ladder.adjust({
        offered: this.#offered,
        admitted: this.#admitted,
        finished: this.#finished,
        isFull: this.#isFull,
        pressure: this.#pressure
      })
    }
    this.#adjustedAt = now
    this.#isAlert = this.#pressure > ALERT
    this.#offered = 0
    this.#admitted = 0
    this.#finished = 0
    this.#isFull = false
    this.#pressure = 0
  }
}
