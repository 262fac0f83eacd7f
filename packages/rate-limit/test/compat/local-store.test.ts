/**
 * Counters in memory: `compat/local-store.ts` and `compat/window.ts`.
 */
import fc from 'fast-check'
import t from 'tap'
import { type Limits, mergeOptions, resolveOptions } from '../../dist/compat/limits.js'
import { LocalMemory } from '../../dist/compat/local-store.js'
import type { Penalty } from '../../dist/compat/window.js'

const PENALTIES: Penalty[] = [
  { continueExceeding: false, exponentialBackoff: false },
  { continueExceeding: true, exponentialBackoff: false },
  { continueExceeding: false, exponentialBackoff: true },
  { continueExceeding: true, exponentialBackoff: true }
]

function limitsOf(options: object): Limits {
  return resolveOptions(options)
}

/** The same, written down as a list of what happened. */
class Model {
  #requests = 0
  #end = 0
  readonly #penalty: Penalty

  constructor(penalty: Penalty) {
    this.#penalty = penalty
  }

  increment(now: number, timeWindow: number, max: number) {
    if (this.#requests === 0 || this.#end <= now) {
      this.#requests = 0
      this.#end = now + timeWindow
    }
    this.#requests++
    if (this.#requests > Math.max(1, max)) {
      if (this.#penalty.continueExceeding) this.#end = now + timeWindow
      else if (this.#penalty.exponentialBackoff) {
        this.#end = now + timeWindow * 2 ** (this.#requests - max - 1)
      }
    }
    return { current: this.#requests, ttl: this.#end - now }
  }
}

t.test('requests are counted until the window closes, whatever closes it', async () => {
  const step = fc.record({ key: fc.constantFrom('a', 'b'), wait: fc.integer({ min: 0, max: 60 }) })
  fc.assert(
    fc.property(
      fc.constantFrom(...PENALTIES),
      fc.integer({ min: 1, max: 4 }),
      fc.array(step, { maxLength: 60 }),
      (penalty, max, steps) => {
        let now = 0
        const memory = new LocalMemory(64, undefined, () => now)
        const store = memory.storeFor(limitsOf({ ...penalty, max, timeWindow: 100 }))
        const models = { a: new Model(penalty), b: new Model(penalty) }
        for (const { key, wait } of steps) {
          now += wait
          const before = store.read(key, 100, max)
          const expected = models[key as 'a'].increment(now, 100, max)
          const counted = store.increment(key, 100, max)
          if (counted.current !== expected.current || counted.ttl !== expected.ttl) return false
          // To look is not to count, and where nothing grows it sees what is counted next.
          const grows = penalty.exponentialBackoff && !penalty.continueExceeding
          if (!grows && before.current !== expected.current - 1) return false
          if (before.ttl > 100 || before.ttl < 0) return false
        }
        return true
      }
    ),
    { numRuns: 500 }
  )
})

t.test('a window that grows ends at the largest number, and then it ends', async (t) => {
  let now = 0
  const limits = limitsOf({ max: 1, timeWindow: 1000, exponentialBackoff: true })
  const store = new LocalMemory(64, undefined, () => now).storeFor(limits)
  for (let index = 0; index < 5; index++) store.increment('a', 1000, 1)
  t.strictSame(store.increment('a', 1000, 1), { current: 6, ttl: 16_000 })
  for (let index = 0; index < 60; index++) store.increment('a', 1000, 1)
  t.strictSame(store.increment('a', 1000, 1), { current: 67, ttl: Number.MAX_SAFE_INTEGER })
  now = Number.MAX_SAFE_INTEGER
  t.match(store.increment('a', 1000, 1), { current: 1 })
})

t.test('who only looks at a window that has grown sees its first length', async (t) => {
  let now = 0
  const limits = limitsOf({ max: 1, timeWindow: 1000, exponentialBackoff: true })
  const store = new LocalMemory(64, undefined, () => now).storeFor(limits)
  for (let index = 0; index < 3; index++) store.increment('a', 1000, 1)
  now = 400
  t.strictSame(store.read('a', 1000, 1), { current: 3, ttl: 600 })
  now = 1000
  t.strictSame(store.read('a', 1000, 1), { current: 0, ttl: 0 })
  t.strictSame(store.increment('a', 1000, 1), { current: 4, ttl: 4000 })
})

t.test('a window ends when it said it would, whatever its length is meanwhile', async (t) => {
  let now = 0
  const limits = limitsOf({ timeWindow: () => 0 })
  const store = new LocalMemory(64, undefined, () => now).storeFor(limits)
  t.strictSame(store.increment('a', 100_000, 5), { current: 1, ttl: 100_000 })
  now = 50_000
  t.strictSame(store.increment('a', 10, 5), { current: 2, ttl: 50_000 })
  now = 100_000
  t.strictSame(store.increment('a', 10, 5), { current: 1, ttl: 10 })
})

t.test('a clock that is set back keeps nobody waiting for longer than a window', async (t) => {
  let now = 3_600_000
  const limits = limitsOf({ max: 1, timeWindow: 1000 })
  const store = new LocalMemory(64, undefined, () => now).storeFor(limits)
  store.increment('a', 1000, 1)
  now = 0
  t.strictSame(store.read('a', 1000, 1), { current: 1, ttl: 1000 })
  t.strictSame(store.increment('a', 1000, 1), { current: 2, ttl: 1000 })
  now = 1000
  t.strictSame(store.increment('a', 1000, 1), { current: 1, ttl: 1000 })
})

t.test('limits count apart, those of a group together', async (t) => {
  const memory = new LocalMemory(64, undefined, () => 0)
  const plugin = limitsOf({ max: 5 })
  const grouped = mergeOptions(plugin, { groupId: 'g' }, 'here')
  const other = mergeOptions(plugin, { groupId: 'g', max: 9, timeWindow: 10 }, 'there')
  const [one, two] = [memory.storeFor(plugin), memory.storeFor(plugin)]
  t.strictSame(
    [one, two].map((store) => store.increment('a', 10, 5).current),
    [1, 1]
  )
  const [three, four] = [memory.storeFor(grouped), memory.storeFor(other)]
  t.strictSame(
    [three, four].map((store) => store.increment('a', 10, 5).current),
    [1, 2]
  )
})

t.test('limits made without end count all the same', async (t) => {
  const memory = new LocalMemory(2 ** 12, undefined, () => 0)
  for (let index = 1; index <= 2000; index++) {
    const store = memory.storeFor(limitsOf({ max: index, timeWindow: () => 10 }))
    store.increment('a', 10, index)
    if (store.increment('a', 10, index).current !== 2) t.fail(`the limit ${index} does not count`)
  }
  t.equal(memory.table.size(0), 2000)
})

t.test('the window of another client does not end early what a client has begun', async (t) => {
  let startedFromOthers = 0
  for (let run = 0; run < 50; run++) {
    let now = 0
    const memory = new LocalMemory(64, undefined, () => now)
    const store = memory.storeFor(limitsOf({ max: 10, timeWindow: 1000 }))
    const others = (from: number, at: number) => {
      now = at
      for (let index = from; index < from + 70; index++) store.increment(`other ${index}`, 1000, 10)
    }
    const takeAll = (at: number) => {
      now = at
      let taken = 0
      while (store.increment('greedy', 1000, 10).current <= 10) taken++
      return taken
    }
    store.increment('greedy', 1000, 10)
    others(0, 10)
    const before = takeAll(999)
    others(70, 1000)
    const begun = takeAll(1001)
    if (begun < 10) startedFromOthers++
    t.ok(before + begun + takeAll(1011) + takeAll(1900) <= 20)
  }
  t.ok(startedFromOthers > 0)
})
