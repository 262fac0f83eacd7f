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
    t.ok(table.evictions < 30, `${algorithm}: ${table.evictions} given up at three quarters`)
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

t.test(
  'in windows neither: what was given up keeps its count until its window is over',
  async (t) => {
    for (const algorithm of ['fixed-window', 'sliding-window'] as const) {
      const table = new ClientTable(64)
      const limiter = limiterOf(table, 3, algorithm)
      const admitted = new Map<string, number[]>()
      for (let call = 0; call < 100_000; call++) {
        const key = `key ${(call * 7919) % 128}`
        const now = Math.floor(call / 10)
        if (!limiter.check(key, 1, now).allowed) continue
        const times = (admitted.get(key) ?? []).filter((time) => time > now - SECOND)
        times.push(now)
        admitted.set(key, times)
        if (times.length > 6) t.fail(`${algorithm}: ${key} had ${times.length} in a window`)
      }
      t.ok(table.evictions > 0)
    }
  }
)

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
