/**
 * The turns of this process's event loop, as far as requests are met in them: one immediate a turn,
 * and none in a turn without a request.
 */
import { performance } from 'node:perf_hooks'
import { monotonicClock } from '@holdfast/core'
import type { Shedder } from '../shedder.ts'

/** Tells a shedder of turns, and the time of requests in them. */
export class Turns {
  readonly #shedder: Shedder
  #begunAt = 0

  constructor(shedder: Shedder) {
    this.#shedder = shedder
  }

  /**
   * Returns the time at which a request is met, and begins the turn with the first.
   *
   * @param startedAt when the request was taken in: mostly just now, and then the clock is not read again
   */
  meet(startedAt: number): number {
    if (this.#shedder.isInTurn) return startedAt >= this.#begunAt ? startedAt : monotonicClock()
    const now = monotonicClock()
    this.#begunAt = now
    this.#shedder.beginTurn(now, performance.nodeTiming.idleTime)
    setImmediate(this.#end)
    return now
  }

  readonly #end = (): void => {
    this.#shedder.endTurn(monotonicClock())
  }
}
