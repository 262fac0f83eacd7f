/**
 * Who is refused when not all can be served: those on the lowest rungs. A request stands on the level
 * of its priority and, within it, on that of its cohort, which keeps its place for a while: who is
 * served stays served, in place of everybody failing now and then.
 *
 * The ladder knows nothing of capacity. It is told how many could be admitted, makes a share of that,
 * and spends it from the top.
 */

const RUNGS = 64
/** How much of the earlier requests counts after each adjustment. */
const MEMORY = 0.8
/** With fewer requests than this, an adjustment would rest on chance. */
const MIN_OFFERED = 8
/** However much is refused, somebody is let in to see how it goes. */
const MIN_SHARE = 0.01
/** Below this pressure there is room to spare. */
const RELAXED = 0.5

/** What happened since the last adjustment. */
export interface Period {
  /** How many requests there were. */
  readonly offered: number
  /** How many of them were admitted. */
  readonly admitted: number
  /** How many admitted ones were answered: more than are admitted while work in hand runs down. */
  readonly finished: number
  /** Whether one was refused that stood high enough, for lack of room. */
  readonly isFull: boolean
  /** The highest pressure that a request met; 1 is the most that is allowed. */
  readonly pressure: number
}

/** Decides who is refused. */
export class Ladder {
  readonly #offered = new Float64Array(RUNGS)
  #share = 1
  #lowest = 0

  /** The share of requests that is to be admitted, 0 to 1. */
  get share(): number {
    return this.#share
  }

  /** The lowest level that is admitted, 0 to 1. */
  get lowest(): number {
    return this.#lowest
  }

  /** Counts a request on its level, from 0 to below 1. */
  count(level: number): void {
    const rung = Math.floor(level * RUNGS)
    this.#offered[rung] = (this.#offered[rung] as number) + 1
  }

  /** Fits the share to what happened. */
  adjust(period: Period): void {
    this.#share = shareAfter(this.#share, period)
    this.#lowest = this.#share === 1 ? 0 : this.#levelAbove(1 - this.#share)
    for (let rung = 0; rung < RUNGS; rung++) {
      this.#offered[rung] = (this.#offered[rung] as number) * MEMORY
    }
  }

  /** The level below which that share of the requests stands. */
  #levelAbove(share: number): number {
    let below = share * this.#offered.reduce((sum, count) => sum + count, 0)
    for (let rung = 0; rung < RUNGS; rung++) {
      const count = this.#offered[rung] as number
      if (count > below) return (rung + below / count) / RUNGS
      below -= count
    }
    // There were no requests to learn from.
    return share
  }
}

function shareAfter(
  share: number,
  { offered, admitted, finished, isFull, pressure }: Period
): number {
  if (isFull) {
    if (offered < MIN_OFFERED) return share
    const served = Math.max(MIN_SHARE, Math.min(share, Math.max(admitted, finished) / offered))
    return share + (served - share) / 2
  }
  return Math.min(1, pressure < RELAXED ? share * 1.5 + 0.05 : share * 1.05 + 0.01)
}
