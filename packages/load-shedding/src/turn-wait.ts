/**
 * How long requests wait for the event loop. Whatever arrives while the loop is busy waits in the
 * sockets, unseen, until the loop looks for it: once a turn. From then on the requests of that turn
 * wait for each other.
 *
 * The wait is known when the request is, without a timer, which on a busy loop would itself wait. A
 * long wait alone is no overload: after a pause (a collection, a slow function, another process on the
 * same core) there is one, too, and the loop catches up. So one step of each turn does not count, and the
 * rest may be longer than usual as long as the loop has slept lately. Once requests are refused, all counts.
 */

/** Milliseconds that a loop sleeps at least when it has nothing to do. */
const SLEEP = 0.5
/** A loop that has slept within so many milliseconds is catching up, not overloaded. */
const CATCHING_UP = 2000
/** How much longer than usual requests may wait while the loop catches up. */
const PATIENCE = 2.5
/** How much longer than others critical requests may wait: when a flood begins, too. */
const CRITICAL = PATIENCE

/** The wait of requests in one event loop. All times are milliseconds, by one clock. */
export class TurnWait {
  readonly #maxWait: number
  #isBegun = false
  #begunAt = 0
  /** When the latest request of this turn was met; the turn's beginning before that. */
  #metAt = 0
  /** The longest step from one request of this turn to the next: all of a pause is in one of them. */
  #longestStep = 0
  /** The length of the turn before; 0 when the loop has slept since. */
  #previous = 0
  /** The longest step of the turn before. */
  #previousStep = 0
  /** The longest step since the loop slept. */
  #pause = 0
  #slept = 0
  #sleptAt = -Infinity

  /** @param maxWait how long a request may wait */
  constructor(maxWait: number) {
    this.#maxWait = maxWait
  }

  /** Whether a turn has begun and not ended. */
  get isBegun(): boolean {
    return this.#isBegun
  }

  /**
   * Begins a turn, with its first request.
   *
   * @param slept how long the loop has slept so far, in total
   */
  begin(now: number, slept: number): void {
    this.#isBegun = true
    this.#begunAt = now
    this.#metAt = now
    this.#longestStep = 0
    if (slept - this.#slept > SLEEP) {
      this.#previous = 0
      this.#previousStep = 0
      this.#pause = 0
      this.#sleptAt = now
    }
    this.#slept = slept
  }

  /** Ends the turn, when all that was ready at its beginning is done. */
  end(now: number): void {
    this.#isBegun = false
    this.#previous = now - this.#begunAt
    this.#step(now)
    this.#previousStep = this.#longestStep
  }

  /**
   * How long a request that is met now has waited: in this turn, and for half of the turn before, in
   * which it came at an unknown moment. With the whole of it, long and short turns would alternate.
   * Outside of a turn nobody waits.
   */
  at(now: number): number {
    return this.#isBegun ? Math.max(0, now - this.#begunAt) + this.#previous / 2 : 0
  }

  /**
   * Meets a request. Returns its wait as a share of what is allowed; above 1 it is too long.
   *
   * @param isShedding whether requests are refused already: then a long wait is no passing thing
   */
  meet(now: number, isCritical: boolean, isShedding: boolean): number {
    this.#step(now)
    const usual = this.#maxWait * (isCritical ? CRITICAL : 1)
    if (isShedding) return this.at(now) / usual
    if (now - this.#sleptAt >= CATCHING_UP) return this.#waitWithoutPause(now) / usual
    // What came during a pause may wait for as long as the pause was.
    return this.#waitWithoutPause(now) / Math.max(this.#maxWait * PATIENCE, this.#pause)
  }

  #step(now: number): void {
    const step = now - this.#metAt
    this.#metAt = now
    if (step > this.#longestStep) this.#longestStep = step
    if (step > this.#pause) this.#pause = step
  }

  /** The wait, where the longest step of a turn is taken for a pause: that will not happen again at once. */
  #waitWithoutPause(now: number): number {
    if (!this.#isBegun) return 0
    return now - this.#begunAt - this.#longestStep + (this.#previous - this.#previousStep) / 2
  }
}
