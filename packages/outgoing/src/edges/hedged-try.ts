/**
 * The first try of a call, and a second one beside it when its answer is late.
 */
import { monotonicClock, type Timed, unwatchDeadline, watchDeadline } from '@holdfast/core'
import { HedgeRace, hedgeDelay } from '../hedge.ts'
import type { FetchCall } from './fetch-call.ts'
import { beginTry, type FetchTry } from './fetch-try.ts'

const HEDGED: ReadonlySet<string> = new Set(['GET', 'HEAD'])

/**
 * Waits for the answer of a first try, and for that of a second one when there is none after so many
 * milliseconds. Returns the try that counts.
 */
export async function hedged(first: FetchTry, call: FetchCall, delay: number): Promise<FetchTry> {
  const race = new HedgeRace(first)
  const lateness = new Lateness(delay, () => {
    const second = beginHedge(call)
    if (second !== undefined) race.enter(second)
  })
  const winner = await race.winner
  unwatchDeadline(lateness)
  return winner
}

/** After how many milliseconds a call is hedged; `undefined` for not at all. */
export function hedgeDelayOf({ target, caller, method }: FetchCall): number | undefined {
  const { hedge } = target.rules
  if (hedge === undefined || !caller.mayRetry) return undefined
  if (!HEDGED.has(method)) return undefined
  return hedgeDelay(hedge, target.latencies)
}

/** Begins a second try; `undefined` where it is not the time for more of them. Then the first runs on. */
function beginHedge(call: FetchCall): FetchTry | undefined {
  const { breaker, budget, counts } = call.target
  const now = monotonicClock()
  if (breaker.state !== 'closed' || !budget.takeHedge(now)) return undefined
  try {
    const second = beginTry(call, now, true)
    counts.hedges++
    return second
  } catch {
    budget.giveBackHedge(now)
    return undefined
  }
}

/** Tells when an answer is late. */
class Lateness implements Timed {
  readonly timedOut: () => void
  due: number = 0
  timeout: number = 0
  position: number = -1

  constructor(delay: number, tell: () => void) {
    this.timedOut = tell
    watchDeadline(this, delay, monotonicClock() + delay)
  }
}
