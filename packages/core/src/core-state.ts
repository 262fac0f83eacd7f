/**
 * What core knows of an app: the requests that were taken in, and how late the event loop is.
 */
import { currentLoopDelay, type LoopDelay } from './event-loop-delay.ts'
import type { Ending } from './request-record.ts'

/** Requests since the app began to take them in: `takenIn` less the endings are in flight. */
export interface RequestTotals {
  /** Requests taken in that have a response. */
  readonly takenIn: number
  /** Of these, the ones whose answer was sent to the last byte. */
  readonly finished: number
  /** Of these, the ones whose client left. */
  readonly aborted: number
  /** Of these, the ones that the service ended before their answer was complete. */
  readonly cut: number
  /** Upgrades and CONNECTs whose connection belongs to the code that took it. */
  readonly tunnels: number
  /** What never became a request, by the code of Node's error: `HPE_INVALID_METHOD` for example. */
  readonly malformed: Readonly<Record<string, number>>
}

/** What core knows of an app. */
export interface CoreState {
  /** The requests of the app. */
  readonly requests: RequestTotals
  /** How late the event loop is; `undefined` while nobody in the process measures it. */
  readonly eventLoopDelay: LoopDelay | undefined
}

/** Counts what is taken in, and how it ends. */
export class RequestCounts {
  takenIn = 0
  tunnels = 0
  readonly #endings: Record<Ending, number> = { finished: 0, aborted: 0, cut: 0 }
  readonly #malformed = new Map<string, number>()

  /** Counts a request out. */
  countEnding(ending: Ending): void {
    this.#endings[ending]++
  }

  /** Counts what the parser refused. Its codes are a fixed set. */
  countMalformed(code: string): void {
    this.#malformed.set(code, (this.#malformed.get(code) ?? 0) + 1)
  }

  /** The state of the app at this moment. */
  get state(): CoreState {
    const { takenIn, tunnels } = this
    const malformed = Object.fromEntries(this.#malformed)
    return {
      requests: { takenIn, ...this.#endings, tunnels, malformed },
      eventLoopDelay: currentLoopDelay()
    }
  }
}
