/**
 * Tells when requests begin to be refused, and when that is over: once each, however many they are.
 */
import type { GuardedLog } from '@holdfast/core'
import { stateChannel } from '../channels.ts'
import type { SheddingView } from '../state.ts'

/** Milliseconds without a refusal after which it is over. */
const QUIET = 5000
/** What is said of the refused while they are, and afterwards. */
const ENFORCED = { now: 'are', past: 'were' }
const SHADOW = { now: 'would be', past: 'would have been' }

/** The times in which requests are refused. All times are milliseconds, by one clock. */
export class Episodes {
  readonly #log: GuardedLog
  readonly #view: SheddingView
  readonly #words: typeof ENFORCED
  #begunAt: number | undefined
  #latest = 0
  #count = 0

  constructor(log: GuardedLog, view: SheddingView, isShadow: boolean) {
    this.#log = log
    this.#view = view
    this.#words = isShadow ? SHADOW : ENFORCED
  }

  /** Notes that a request was refused. */
  refuse(now: number): void {
    this.#latest = now
    this.#count++
    if (this.#begunAt !== undefined) return
    this.#begunAt = now
    const { queueDelay, inFlight, limit } = this.#view
    this.#log.warn(
      { queueDelay: Math.round(queueDelay), inFlight, limit },
      `the service is overloaded: the requests that matter least ${this.#words.now} refused`
    )
    this.#publish()
  }

  /** Looks whether it is over. It is told when the next request comes. */
  look(now: number): void {
    if (this.#begunAt === undefined || now - this.#latest < QUIET) return
    const seconds = Math.round((this.#latest - this.#begunAt) / 1000)
    this.#log.info(
      { refused: this.#count, seconds },
      `the service is no longer overloaded: ${this.#count} requests ${this.#words.past} refused`
    )
    this.#begunAt = undefined
    this.#count = 0
    this.#publish()
  }

  #publish(): void {
    if (!stateChannel.hasSubscribers) return
    const { shedding, share, level, queueDelay, inFlight, limit } = this.#view
    stateChannel.publish({ shedding, share, level, queueDelay, inFlight, limit })
  }
}
