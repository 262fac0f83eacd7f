/**
 * Hedging: when an answer is late, the same question is asked a second time, and the first good
 * answer counts. After Dean and Barroso, "The Tail at Scale" (2013).
 */
import type { Latencies } from './latencies.ts'

/** How late an answer must be: a number of milliseconds, or later than 95 % of the latest answers. */
export type HedgeAfter = number | 'p95'

/** Sooner than this a second try is of no use: it costs about as much itself. */
const MIN_DELAY = 10
const LATE_SHARE = 0.95

/**
 * After how many milliseconds without an answer a second try begins; `undefined` while too few
 * answers are known to say so.
 */
export function hedgeDelay(after: HedgeAfter, latencies: Latencies): number | undefined {
  if (after !== 'p95') return after
  const late = latencies.quantile(LATE_SHARE)
  return late === undefined ? undefined : Math.max(MIN_DELAY, late)
}

/** One of the tries of a hedged call. */
export interface Contender {
  /** Whether its end is a good answer, which wins at once. A bad end counts when no better one comes. */
  readonly isGood: boolean
  /** Resolves when its answer begins, or when it has failed. Called once. */
  wait(): Promise<void>
  /** Another one counts: it ends, whatever it has reached. */
  lose(): void
}

/** Tries of one call that run side by side. The first good answer wins, and all others lose. */
export class HedgeRace<Entrant extends Contender> {
  /** The first try with a good answer; when none has one, the last to end. */
  readonly winner: Promise<Entrant>
  readonly #running = new Set<Entrant>()
  #bad: Entrant | undefined
  #resolve!: (winner: Entrant) => void

  constructor(first: Entrant) {
    this.winner = new Promise((resolve) => {
      this.#resolve = resolve
    })
    this.enter(first)
  }

  /** Lets a further try take part. Not once there is a winner. */
  enter(entrant: Entrant): void {
    this.#running.add(entrant)
    entrant.wait().then(() => this.#hasEnded(entrant))
  }

  #hasEnded(entrant: Entrant): void {
    // It had lost before.
    if (!this.#running.delete(entrant)) return
    this.#bad?.lose()
    this.#bad = undefined
    if (entrant.isGood) this.#hasWon(entrant)
    else if (this.#running.size === 0) this.#resolve(entrant)
    else this.#bad = entrant
  }

  #hasWon(entrant: Entrant): void {
    this.#resolve(entrant)
    for (const loser of this.#running) loser.lose()
    this.#running.clear()
  }
}
