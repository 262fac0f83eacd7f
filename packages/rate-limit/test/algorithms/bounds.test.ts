/**
 * What every algorithm promises: at most so much in any span, and nobody denied without need. The
 * bounds are those of the table in the README.
 */
import fc from 'fast-check'
import t from 'tap'
import { type Algorithm, emptyAccount } from '../../dist/algorithms/algorithm.js'
import { type Limit, policyOf } from '../../dist/policy.js'

const WINDOW = 1000
/** In nanoseconds, as the algorithms count. */
const SPAN = WINDOW * 1e6

interface Taken {
  readonly at: number
  readonly cost: number
}

/** The numbers of a limit, and how much more than `max` of its rate it never denies. */
interface Kind {
  readonly limit: (max: number, burst: number) => Limit
  readonly rate: (max: number, burst: number) => number
}

const KINDS: Readonly<Record<string, Kind>> = {
  'token bucket': {
    limit: (max, burst) => ({ max, timeWindow: WINDOW, burst }),
    rate: (max) => max
  },
  'strict token bucket': {
    limit: (max, burst) => ({ max, timeWindow: WINDOW, burst: Math.min(burst, max), strict: true }),
    rate: (max, burst) => max - Math.min(burst, max) + 1
  },
  'sliding window': {
    limit: (max) => ({ max, timeWindow: WINDOW, algorithm: 'sliding-window' }),
    rate: (max) => max
  },
  'fixed window': {
    limit: (max) => ({ max, timeWindow: WINDOW, algorithm: 'fixed-window' }),
    rate: (max) => max
  }
}

const maxima = fc.integer({ min: 1, max: 100 })
const bursts = fc.integer({ min: 1, max: 20 })
/** Nanoseconds and costs. */
const calls = fc.array(
  fc.tuple(
    fc.oneof(fc.nat({ max: SPAN / 50 }), fc.nat({ max: SPAN }), fc.constantFrom(0, SPAN, SPAN + 1)),
    fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 12 }))
  ),
  { maxLength: 120, size: 'max' }
)

for (const [kind, { limit, rate }] of Object.entries(KINDS)) {
  const make = (max: number, burst: number) => policyOf('p', limit(max, burst)).algorithm

  t.test(`who asks a ${kind} evenly and slower than its rate is never denied`, async (t) => {
    fc.assert(
      fc.property(maxima, bursts, fc.nat({ max: SPAN }), fc.nat(), (max, burst, slower, start) => {
        const algorithm = make(max, burst)
        const account = emptyAccount()
        // By a nanosecond at least: what came exactly a window ago still counts for some of them.
        const spacing =
          Math.floor(SPAN / rate(max, burst)) + 1 + (slower % 3 === 0 ? 0 : slower >> 6)
        for (let call = 0; call < 3 * max + 20; call++) {
          const now = start + call * spacing
          algorithm.advance(account, now)
          if (algorithm.wait(account, 1, now) !== 0) return false
          algorithm.take(account, 1, now)
        }
        return true
      }),
      { numRuns: 300 }
    )
    t.pass()
  })

  t.test(`a ${kind} keeps its upper bound, and denies nobody without need`, async () => {
    fc.assert(
      fc.property(maxima, bursts, calls, (max, burst, calls) => {
        const algorithm = make(max, burst)
        const account = emptyAccount()
        const taken: Taken[] = []
        let now = 0
        for (const [step, cost] of calls) {
          now += step
          algorithm.advance(account, now)
          if (algorithm.wait(account, cost, now) === 0) {
            algorithm.take(account, cost, now)
            taken.push({ at: now, cost })
          } else if (cost <= algorithm.capacity && !isExhausted(algorithm, taken, cost, now)) {
            throw new Error(`denied ${cost} at ${now} too early`)
          }
        }
        const most = mostWithin(taken)
        if (most > boundOf(kind, max, burst)) throw new Error(`${most} within a window`)
      }),
      { numRuns: 300 }
    )
  })
}

/** The most that was taken in any span as long as the window. */
function mostWithin(taken: readonly Taken[]): number {
  return Math.max(0, ...taken.map(({ at: start }) => sumOf(taken, start, start + SPAN - 1)))
}

function boundOf(kind: string, max: number, burst: number): number {
  if (kind === 'token bucket') return burst + max
  return kind === 'strict token bucket' ? max : 2 * max
}

/** Whether so much was taken before `now` that `cost` more would be too much. */
function isExhausted(
  { name, capacity, span }: Algorithm,
  taken: readonly Taken[],
  cost: number,
  now: number
): boolean {
  if (name === 'fixed-window') return sumOf(taken, now - SPAN + 1, now) > capacity - cost
  if (name === 'sliding-window') return sumOf(taken, now - 2 * SPAN + 1, now) > capacity - cost
  return taken.some(
    ({ at }) => sumOf(taken, at, now) * span - (now - at) > (capacity - cost) * span
  )
}

function sumOf(taken: readonly Taken[], from: number, to: number): number {
  return taken.reduce((sum, { at, cost }) => (at >= from && at <= to ? sum + cost : sum), 0)
}

t.test('bursts lose at most half of a sliding window', async (t) => {
  const { algorithm } = policyOf('p', { max: 10, timeWindow: WINDOW, algorithm: 'sliding-window' })
  for (const period of [1000, 1001, 1050, 1333, 1500, 1999]) {
    const account = emptyAccount()
    let taken = 0
    let now = 0
    for (let burst = 0; burst < 1000; burst++, now += period * 1e6) {
      algorithm.advance(account, now)
      const free = algorithm.available(account, now)
      algorithm.take(account, free, now)
      taken += free
    }
    t.ok(taken >= 5 * (now / SPAN) - 10, `every ${period} ms: ${taken} in ${now / SPAN} windows`)
  }
})
