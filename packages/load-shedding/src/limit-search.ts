/**
 * Looks for the least work in hand at which as much is finished as can be. With less, workers stand
 * idle; with more, requests only wait for each other.
 *
 * It tries another limit for a while and compares what is finished: upwards, which undoes a limit that
 * was set without need, and downwards, which shortens the wait.
 */
import { BUCKET, type Throughput } from './throughput.ts'

/** By what a limit is multiplied: in the first trial upwards, in those that follow, and downwards. */
const UP = 1.25
const FURTHER_UP = 1.5
const DOWN = 0.8
const FAR_DOWN = 0.5
/** The most that a limit is raised at once. */
const MAX_RAISE = 10
/** By what factor more is more, and by what less is hardly less. */
const MORE = 1.1
const HARDLY_LESS = 0.96
/** Finishing so much less than without a limit, it is far too low. */
const FAR_TOO_LITTLE = 0.75
/** From so many times the usual on a request is slow, and from so many milliseconds on very slow. */
const SLOW = 2.5
const VERY_SLOW = 1000
/** The usual milliseconds of a request, where they are not known. */
const USUAL = 100
/** Buckets over which a trial is measured. */
const MEASURED = 5
/** Milliseconds until a trial shows: at least the time in which the share follows the limit. */
const MIN_SETTLING = 400
const MAX_SETTLING = 2000
/** Milliseconds between trials: before the first, and at most. Each that changes nothing doubles them. */
const FIRST_PAUSE = 800
const MAX_PAUSE = 8000

interface Trial {
  readonly factor: number
  /** What was finished before it. */
  readonly before: number
}

/** The search for one limit. All times are milliseconds, by one clock. */
export class LimitSearch {
  readonly #least: number
  /** What was finished in the time of a measurement before there was a limit. */
  readonly #unlimited: number
  readonly #random: () => number
  #limit: number
  #trial: Trial | undefined
  /** When to look next. */
  #dueAt: number
  #pause = FIRST_PAUSE
  #isDownNext = false

  /**
   * @param limit what to begin with
   * @param least the least limit
   * @param unlimited what was finished in a second so far
   * @param random a source of numbers from 0 to below 1
   */
  constructor(limit: number, least: number, unlimited: number, now: number, random: () => number) {
    this.#limit = limit
    this.#least = least
    this.#unlimited = (unlimited * MEASURED * BUCKET) / 1000
    this.#random = random
    this.#dueAt = now + FIRST_PAUSE
  }

  get limit(): number {
    return this.#limit
  }

  /**
   * Looks at what was finished.
   *
   * @param usual how long a request takes where none waits for others; 0 when that is not known
   */
  look(now: number, work: Throughput, inHand: number, usual: number): void {
    if (now < this.#dueAt) return
    const finished = work.finishedIn(MEASURED)
    const latency = (inHand / (finished + 1)) * MEASURED * BUCKET
    const isSlow = latency > SLOW * (usual || USUAL)
    const trial = this.#trial
    if (finished < FAR_TOO_LITTLE * this.#unlimited && inHand >= 0.9 * this.#limit) {
      // Each takes as long as ever, so that in proportion more in hand would finish as much as before.
      const raise = (UP * this.#unlimited) / (finished + 1)
      this.#try(now, Math.min(MAX_RAISE, raise), finished, latency)
    } else if (trial === undefined) {
      const down = latency > VERY_SLOW ? FAR_DOWN : DOWN
      this.#try(now, isSlow && this.#isDownNext ? down : UP, finished, latency)
    } else if (this.#isBetter(trial, finished, isSlow)) {
      this.#pause = FIRST_PAUSE
      this.#try(now, trial.factor > 1 ? FURTHER_UP : trial.factor, finished, latency)
    } else {
      this.#endTrial(now, trial)
    }
  }

  #isBetter({ factor, before }: Trial, finished: number, isSlow: boolean): boolean {
    if (factor > 1) return finished > MORE * before
    return isSlow && finished > HARDLY_LESS * before && this.#limit > this.#least
  }

  #try(now: number, factor: number, before: number, latency: number): void {
    this.#limit = Math.max(this.#least, this.#limit * factor)
    this.#trial = { factor, before }
    const settling = Math.min(MAX_SETTLING, Math.max(MIN_SETTLING, latency))
    this.#dueAt = now + settling + MEASURED * BUCKET
  }

  /** Goes back to the limit before the trial, and waits for longer before the next one. */
  #endTrial(now: number, { factor }: Trial): void {
    this.#limit = Math.max(this.#least, this.#limit / factor)
    this.#trial = undefined
    this.#isDownNext = factor > 1
    this.#pause = Math.min(MAX_PAUSE, this.#pause * 2)
    // Not all processes of a service at once.
    this.#dueAt = now + this.#pause * (0.75 + this.#random() / 2)
  }
}
