/**
 * Traces of one client whose `max`, `timeWindow` and `burst` are others from one request to the next,
 * and what must never pass on any of them.
 */
import type { Store } from '@holdfast/rate-limit'
import fc from 'fast-check'
import type { AlgorithmName } from '../../dist/algorithms/algorithm.js'
import { type Limit, type Policies, policyOf } from '../../dist/policy.js'

/** One request. */
export interface Step {
  readonly max: number
  readonly timeWindow: number
  readonly burst: number | undefined
  readonly cost: number
  /** Milliseconds since the request before. */
  readonly elapsed: number
  /** Whether it only looks. */
  readonly isPeek: boolean
}

/** A request that was admitted. */
export interface Admitted extends Step {
  readonly at: number
  readonly policies: Policies
}

/** Every interval is whole microseconds, as Redis counts. */
const step: fc.Arbitrary<Step> = fc.record({
  max: fc.constantFrom(1, 2, 3, 5, 8, 40),
  timeWindow: fc.constantFrom(1200, 60_000, 900_000),
  burst: fc.constantFrom(undefined, undefined, 1, 3, 10),
  cost: fc.constantFrom(1, 1, 1, 2, 5),
  elapsed: fc.oneof(fc.constant(0), fc.nat({ max: 700 }), fc.nat({ max: 70_000 })),
  isPeek: fc.constantFrom(false, false, false, true)
})

/** Traces of any numbers. */
export const traces: fc.Arbitrary<Step[]> = fc.array(step, { maxLength: 80, size: 'max' })

/** Asks a store, whose clock `goOn` moves, request by request. */
export async function admittedBy(
  store: Store,
  algorithm: AlgorithmName,
  trace: readonly Step[],
  goOn: (milliseconds: number) => void
): Promise<Admitted[]> {
  const admitted: Admitted[] = []
  let at = 0
  for (const one of trace) {
    at += one.elapsed
    goOn(one.elapsed)
    const policies = policiesOf(one, algorithm)
    const charge = { limit: 'limit', keys: 'client', policies, costs: one.cost, countDenied: false }
    const decision = one.isPeek ? await store.peek(charge) : await store.check(charge)
    if (decision.allowed && !one.isPeek) admitted.push({ ...one, at, policies })
  }
  return admitted
}

/** What of a trace breaks the bounds, as a sentence; `undefined` where nothing does. */
export function breachOf(admitted: readonly Admitted[]): string | undefined {
  for (const window of new Set(admitted.map(({ timeWindow }) => timeWindow))) {
    const inWindow = admitted.filter(({ timeWindow }) => timeWindow === window)
    const broken = breachIn(inWindow, window)
    if (broken !== undefined) return `of a window of ${window} ms ${broken}`
  }
  return undefined
}

function breachIn(admitted: readonly Admitted[], window: number): string | undefined {
  for (const [index, { at: start }] of admitted.entries()) {
    let taken = 0
    let shares = 0
    let largest = 0
    for (const { at, cost, max, burst, policies } of admitted.slice(index)) {
      const [{ algorithm }] = policies
      const elapsed = at - start
      if (algorithm.name === 'token-bucket') {
        // What was taken, as the time in which it comes back, is never more than a full bucket and
        // what has come back.
        taken += (cost * algorithm.span) / 1e6
        largest = Math.max(largest, ((burst ?? max) * window) / max)
        if (taken > largest + elapsed) return `${taken} ms were taken within ${elapsed}`
        shares = burst === undefined ? shares + cost / max : -Infinity
        if (elapsed < window && shares > 2 + 1e-9) return `${shares} shares of max were taken`
      } else {
        if (elapsed >= window) break
        taken += cost
        largest = Math.max(largest, max)
        if (taken > 2 * largest) return `${taken} were taken within ${elapsed} ms`
      }
    }
  }
  return undefined
}

function policiesOf({ max, timeWindow, burst }: Limit, algorithm: AlgorithmName): Policies {
  return algorithm === 'token-bucket'
    ? [policyOf('limit', { max, timeWindow, burst, algorithm })]
    : [policyOf('limit', { max, timeWindow, algorithm })]
}
