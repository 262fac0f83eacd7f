/**
 * The table of clients: `client-table.ts`, `slot-table.ts`, `slot-groups.ts`, `ledger.ts` and
 * `debt-sketch.ts`.
 */
import fc from 'fast-check'
import t from 'tap'
import type { AlgorithmName } from '../../dist/algorithms/algorithm.js'
import { ClientTable } from '../../dist/memory/client-table.js'
import { Limiter } from '../../dist/memory/limiter.js'
import { policyOf } from '../../dist/policy.js'

const SECOND = 1000
const ALGORITHMS = ['token-bucket', 'sliding-window', 'fixed-window'] as const

function limiterOf(
  table: ClientTable,
  max: number,
  algorithm: AlgorithmName = 'token-bucket',
  timeWindow = SECOND
): Limiter {
  return new Limiter([policyOf('default', { max, timeWindow, algorithm })], table)
}

const nanoseconds = (milliseconds: number) => milliseconds * 1e6

t.test('each key has an account of its own', async (t) => {
  const limiter = limiterOf(new ClientTable(10), 2)
  t.match(limiter.check('a', 1, 0), { allowed: true, limit: 2, remaining: 1, resetAfter: 500 })
  t.match(limiter.check('a', 1, 0), { allowed: true, remaining: 0, retryAfter: 0, moreAfter: 500 })
  t.match(limiter.check('a', 1, 0), { allowed: false, retryAfter: 500, reason: 'exceeded' })
  t.match(limiter.check('b', 1, 0), { allowed: true, remaining: 1, reason: 'within' })
})

t.test('what is denied is not remembered', async (t) => {
  const table = new ClientTable(8)
  const limiter = limiterOf(table, 0)
  t.match(limiter.check('a', 1, 0), { allowed: false, remaining: 0, retryAfter: Infinity })
  t.equal(table.size(0), 0)
})

t.test('a table holds as many keys as it was made for, and grows to that', async (t) => {
  for (const algorithm of ALGORITHMS) {
    const warned: number[] = []
    const table = new ClientTable(2 ** 15, {
      evicted() {},
      nearlyFull: (capacity) => warned.push(capacity)
    })
    const limiter = limiterOf(table, 2, algorithm)
    for (let index = 0; index < 24_000; index++) limiter.check(`key ${index}`, 2, 1)
    t.equal(table.size(nanoseconds(1)), 24_000 - table.evictions)
    t.ok(table.evictions < 30, `${algorithm}: ${table.evictions} evicted at three quarters`)
    t.strictSame(warned, [])
    let admitted = 0
    for (let index = 0; index < 24_000; index++) {
      if (limiter.check(`key ${index}`, 1, 1).allowed) admitted++
    }
    t.equal(admitted, 0, algorithm)
    for (let index = 24_000; index < 60_000; index++) limiter.check(`key ${index}`, 2, 1)
    t.strictSame(warned, [2 ** 15], 'told once')
    t.ok(table.size(nanoseconds(1)) > 30_000)
    table.clear()
    t.equal(table.size(0), 0)
    t.match(limiter.check('key 0', 1, 1), { remaining: 1 })
  }
})

t.test('how full a table is can be told without looking at all of it', async (t) => {
  const small = new ClientTable(4000)
  const inSmall = limiterOf(small, 2)
  for (let index = 0; index < 1000; index++) inSmall.check(`key ${index}`, 1, 0)
  t.strictSame(small.read(0), { keys: 1000, maxKeys: 4000, evictions: 0 }, 'exact in a small one')
  t.equal(small.read(nanoseconds(SECOND)).keys, 0)
  const large = new ClientTable(2 ** 16)
  const inLarge = limiterOf(large, 2)
  for (const keys of [10_000, 20_000, 45_000]) {
    for (let index = 0; index < keys; index++) inLarge.check(`key ${index}`, 2, 0)
    const estimated = large.read(0).keys
    t.ok(Math.abs(estimated - large.size(0)) < 2 ** 16 / 20, `${estimated} of ${keys}`)
  }
})

t.test('keys that owe nothing go away as new ones come, without a timer', async (t) => {
  for (const algorithm of ALGORITHMS) {
    const table = new ClientTable(2 ** 16)
    const limiter = limiterOf(table, 10, algorithm)
    for (let index = 0; index < 20_000; index++) limiter.check(`key ${index}`, 1, 20 * index)
    t.ok(table.size(nanoseconds(20 * 20_000)) < 150, algorithm)
    t.equal(table.evictions, 0)
  }
})

t.test(
  'the keys of all policies together are bounded, and one makes room for the other',
  async (t) => {
    const table = new ClientTable(64)
    const limiters = [limiterOf(table, 5), limiterOf(table, 7, 'fixed-window')] as const
    for (let index = 0; index < 300; index++) {
      for (const limiter of limiters) limiter.check(`key ${index}`, 5, 0)
    }
    t.ok(table.size(0) <= 64)
    t.ok(table.evictions > 0)
    const later = 3 * SECOND
    t.equal(table.size(nanoseconds(later)), 0)
    for (let index = 0; index < 40; index++)
      t.ok(limiters[1].check(`new ${index}`, 7, later).allowed)
  }
)

t.test('a clock that was set back locks nobody out', async (t) => {
  for (const algorithm of ALGORITHMS) {
    const table = new ClientTable(8)
    const limiter = limiterOf(table, 2, algorithm)
    // More than there is room for: some are in the sketch.
    for (let index = 0; index < 30; index++) limiter.check(`key ${index}`, 2, 10_000_000)
    for (let index = 0; index < 30; index++) limiter.check(`key ${index}`, 2, 0)
    let admitted = 0
    for (let index = 0; index < 30; index++) {
      if (limiter.peek(`key ${index}`, 2, 2 * SECOND).allowed) admitted++
    }
    t.equal(admitted, 30, algorithm)
  }
})

/** What a key may have at most, had it a table to itself. */
class Alone {
  readonly #limiters = new Map<string, Limiter>()
  readonly #algorithm: AlgorithmName
  readonly #max: number

  constructor(max: number, algorithm: AlgorithmName) {
    this.#max = max
    this.#algorithm = algorithm
  }

  /** Charged with what was admitted elsewhere, an account of one's own never runs dry. */
  admits(key: string, cost: number, now: number): boolean {
    const own = this.#limiters.get(key) ?? limiterOf(new ClientTable(8), this.#max, this.#algorithm)
    this.#limiters.set(key, own)
    return own.check(key, cost, now).allowed
  }
}

t.test(
  'no key is ever admitted above its bound, with up to twice the capacity in live keys',
  async (t) => {
    const calls = fc.array(
      fc.tuple(fc.nat({ max: 31 }), fc.integer({ min: 1, max: 3 }), fc.nat({ max: 120 })),
      { maxLength: 400, size: 'max' }
    )
    fc.assert(
      fc.property(calls, (trace) => {
        const table = new ClientTable(16)
        const limiter = limiterOf(table, 5)
        const alone = new Alone(5, 'token-bucket')
        let now = 0
        for (const [index, cost, step] of trace) {
          now += step
          const key = `key ${index}`
          const { allowed } = limiter.check(key, cost, now)
          if (allowed && !alone.admits(key, cost, now)) return false
        }
        return true
      }),
      { numRuns: 300 }
    )
    t.pass()
  }
)

t.test('in windows neither, on any trace of more keys than there is room for', async (t) => {
  const step = fc.record({
    /** One of a few greedy clients. */
    greedy: fc.nat({ max: 1 }),
    /** How much of what it has left it takes. */
    share: fc.constantFrom(0.1, 1, 1),
    /** Others, who ask once each, and push accounts out of the table. */
    others: fc.constantFrom(0, 0, 5, 70),
    wait: fc.constantFrom(1, 1, 10, 50, 400, 900, 988, 989)
  })
  let evictions = 0
  for (const algorithm of ['fixed-window', 'sliding-window'] as const) {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (trace) => {
        const table = new ClientTable(64)
        const limiter = limiterOf(table, 10, algorithm)
        const taken = new Map<string, { at: number; cost: number }[]>()
        let now = 0
        let other = 0
        for (const { greedy, share, others, wait } of trace) {
          now += wait
          for (let count = 0; count < others; count++) limiter.check(`other ${other++}`, 1, now)
          const key = `greedy ${greedy}`
          const cost = Math.ceil(limiter.peek(key, 0, now).remaining * share)
          if (!limiter.check(key, cost, now).allowed) throw new Error('what was left is not there')
          const recent = (taken.get(key) ?? []).filter(({ at }) => at > now - SECOND)
          recent.push({ at: now, cost })
          taken.set(key, recent)
          const sum = recent.reduce((sum, { cost }) => sum + cost, 0)
          if (sum > 20) throw new Error(`${algorithm}: ${sum} within a window`)
        }
        evictions += table.evictions
      }),
      { numRuns: 200 }
    )
  }
  t.ok(evictions > 10_000, `${evictions} evictions`)
})

t.test('the window of another gives nobody an early end of his own', async (t) => {
  let startedFromOthers = 0
  for (let run = 0; run < 50; run++) {
    const table = new ClientTable(64)
    const limiter = limiterOf(table, 10, 'fixed-window')
    const others = (from: number, now: number) => {
      for (let index = from; index < from + 70; index++) limiter.check(`other ${index}`, 1, now)
    }
    const takeAll = (now: number) => {
      let taken = 0
      while (limiter.check('greedy', 1, now).allowed) taken++
      return taken
    }
    limiter.check('greedy', 1, 0)
    others(0, 10)
    t.equal(takeAll(999), 9)
    // Its own window is over, and others take its place in the table.
    others(70, 1000)
    const begun = takeAll(1001)
    if (begun < 10) startedFromOthers++
    t.ok(9 + begun + takeAll(1011) + takeAll(1900) <= 20)
  }
  t.ok(startedFromOthers > 10)
})

t.test('who starts from the debt of another waits no longer than that would have', async (t) => {
  const table = new ClientTable(8)
  const limiter = limiterOf(table, 10, 'fixed-window')
  for (let index = 0; index < 200; index++) limiter.check(`key ${index}`, 10, 500)
  const denied = Array.from({ length: 200 }, (_, index) => limiter.check(`new ${index}`, 1, 900))
  t.ok(denied.some(({ allowed }) => !allowed))
  for (const { retryAfter } of denied) t.ok(retryAfter <= 600)
  for (let index = 0; index < 8; index++) t.ok(limiter.check(`new ${index}`, 1, 1500).allowed)
})

t.test('a million steps over twice the capacity: nobody above the bound', async (t) => {
  const table = new ClientTable(1024)
  const limiter = limiterOf(table, 5, 'token-bucket', 900 * SECOND)
  const admitted = new Array<number>(2048).fill(0)
  for (let step = 0; step < 1_000_000; step++) {
    const index = Math.imul(step, 0x9e3779b1) >>> 21
    // Forty seconds in all: less than the time in which one comes back.
    if (limiter.check(`key ${index}`, 1, step / 25_000).allowed) {
      admitted[index] = (admitted[index] as number) + 1
    }
  }
  t.equal(Math.max(...admitted), 5)
})

t.test('an exhausted key stays denied through ten times the capacity of other keys', async (t) => {
  for (const algorithm of ALGORITHMS) {
    const table = new ClientTable(4096)
    const limiter = limiterOf(table, 10, algorithm, 3600 * SECOND)
    t.ok(limiter.check('victim', 10, 1).allowed)
    for (let index = 0; index < 40_960; index++) limiter.check(`other ${index}`, 1, 2)
    t.notOk(limiter.check('victim', 1, 3).allowed, algorithm)
    t.ok(table.evictions > 30_000)
  }
})

t.test('a modest client beside a hundred greedy ones gets all that is its own', async (t) => {
  const table = new ClientTable(2 ** 10)
  const limiter = limiterOf(table, 10)
  let denied = 0
  for (let now = 0; now < 60 * SECOND; now += 10) {
    for (let greedy = 0; greedy < 100; greedy++) limiter.check(`greedy ${greedy}`, 1, now)
    if (now % 100 === 0 && !limiter.check('modest', 1, now).allowed) denied++
  }
  t.equal(denied, 0)
})

t.test('one limit that overflows does not make newcomers of another wait', async (t) => {
  const table = new ClientTable(256)
  const slow = limiterOf(table, 5, 'token-bucket', 3600 * SECOND)
  const fast = limiterOf(table, 100)
  for (let index = 0; index < 5000; index++) slow.check(`flood ${index}`, 1, 1)
  let denied = 0
  for (let index = 0; index < 500; index++)
    if (!fast.check(`honest ${index}`, 1, 1).allowed) denied++
  t.equal(denied, 0)
})

t.test('a table keeps at most 65,535 limits apart', async (t) => {
  const table = new ClientTable(8)
  const { algorithm } = policyOf('default', { max: 1, timeWindow: SECOND })
  for (let count = 0; count < 65_535; count++) table.open(algorithm)
  t.throws(() => table.open(algorithm), RangeError)
})
