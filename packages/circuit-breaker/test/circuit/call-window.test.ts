import fc from 'fast-check'
import t from 'tap'
import { callWindow, type WindowCounts } from '../../dist/circuit/call-window.js'

interface Seen {
  readonly at: number
  readonly failed: boolean | undefined
  readonly slow: boolean
}

const calls = fc.array(
  fc.record({
    after: fc.oneof(fc.nat(3), fc.nat(300)),
    failed: fc.constantFrom(true, false, undefined),
    slow: fc.boolean()
  }),
  { maxLength: 100, size: 'max' }
)

/** Counts by looking at every call. */
function countsOf(seen: readonly Seen[]): WindowCounts {
  return {
    judged: seen.filter(({ failed }) => failed !== undefined).length,
    failures: seen.filter(({ failed }) => failed).length,
    slow: seen.filter(({ slow }) => slow).length,
    slowUnjudged: seen.filter(({ slow, failed }) => slow && failed === undefined).length
  }
}

function isSame(window: WindowCounts, seen: readonly Seen[]): boolean {
  return Object.entries(countsOf(seen)).every(
    ([name, count]) => window[name as keyof WindowCounts] === count
  )
}

t.test('a window of time holds the calls of its latest ten tenths, whatever the gaps', async () => {
  fc.assert(
    fc.property(calls, fc.integer({ min: -500, max: 500 }), (calls, start) => {
      const width = 10
      const window = callWindow({ duration: 10 * width })
      const seen: Seen[] = []
      let now = start
      return calls.every(({ after, failed, slow }) => {
        now += after
        window.advance(now)
        const tenth = (at: number): number => Math.floor(at / width)
        const isInside = ({ at }: Seen): boolean => tenth(at) > tenth(now) - 10
        if (!isSame(window, seen.filter(isInside))) return false
        window.add(now, failed, slow)
        seen.push({ at: now, failed, slow })
        return isSame(window, seen.filter(isInside))
      })
    }),
    { numRuns: 2000 }
  )
})

t.test('a window of calls holds the latest ones that count', async () => {
  fc.assert(
    fc.property(calls, fc.integer({ min: 1, max: 20 }), (calls, size) => {
      const window = callWindow({ calls: size })
      const seen: Seen[] = []
      return calls.every(({ after, failed, slow }) => {
        window.advance(after)
        window.add(after, failed, slow)
        if (failed !== undefined || slow) seen.push({ at: 0, failed, slow })
        return isSame(window, seen.slice(-size))
      })
    }),
    { numRuns: 2000 }
  )
})

t.test('a window that was cleared has forgotten everything', async (t) => {
  for (const window of [callWindow({ duration: 100 }), callWindow({ calls: 3 })]) {
    for (let call = 0; call < 5; call++) window.add(7, true, true)
    window.clear()
    t.ok(isSame(window, []))
    window.add(7, false, false)
    window.advance(1000)
    t.equal(window.failures, 0)
    t.equal(window.slow, 0)
  }
})
