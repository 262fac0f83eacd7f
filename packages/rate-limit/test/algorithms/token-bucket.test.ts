import { TokenBucket } from '@holdfast/rate-limit'
import fc from 'fast-check'
import t from 'tap'

const NANOSECONDS_PER_MILLISECOND = 1e6
const HOUR = 3_600_000_000_000

/** The bucket once more, in arithmetic that cannot round: tokens as they drip back, one by one. */
class PlainBucket {
  readonly #capacity: bigint
  readonly #interval: bigint
  #debt = 0n
  // It has been full for ages.
  #at = -(10n ** 30n)

  constructor(rate: number, capacity: number) {
    this.#capacity = BigInt(capacity)
    this.#interval = BigInt(Math.ceil(1e9 / rate))
  }

  allow(now: bigint, cost: number): boolean {
    this.#debt = this.#debtAt(now)
    this.#at = now
    const debt = this.#debt + BigInt(cost) * this.#interval
    if (debt > this.#capacity * this.#interval) return false
    this.#debt = debt
    return true
  }

  peek(now: bigint): number {
    return Number((this.#capacity * this.#interval - this.#debtAt(now)) / this.#interval)
  }

  retryAfter(now: bigint, cost: number): number {
    if (BigInt(cost) > this.#capacity) return Infinity
    const wait = this.#debtAt(now) + (BigInt(cost) - this.#capacity) * this.#interval
    return wait > 0n ? Number(wait) / NANOSECONDS_PER_MILLISECOND : 0
  }

  #debtAt(now: bigint): bigint {
    const depth = this.#capacity * this.#interval
    const debt = this.#debt - (now - this.#at)
    if (debt > depth) return depth
    return debt < 0n ? 0n : debt
  }
}

const rates = fc.oneof(
  fc.integer({ min: 1, max: 1_000_000 }),
  fc.double({ min: 0.001, max: 5000, noNaN: true })
)
const capacities = fc.integer({ min: 0, max: 500 })
const steps = fc.oneof(
  { weight: 4, arbitrary: fc.nat({ max: 2_000_000_000 }) },
  { weight: 2, arbitrary: fc.nat({ max: 5000 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, 1, HOUR, -HOUR, -1, -2_000_000) }
)
const costs = fc.oneof(
  { weight: 3, arbitrary: fc.constant(1) },
  { weight: 2, arbitrary: fc.nat({ max: 20 }) },
  { weight: 1, arbitrary: fc.nat({ max: 600 }) }
)

t.test('agrees with a bucket of plain integers on every trace', async (t) => {
  const trace = fc.array(fc.tuple(steps, costs, fc.boolean()), {
    maxLength: 200,
    size: 'max'
  })
  fc.assert(
    fc.property(rates, capacities, trace, (rate, capacity, calls) => {
      let now = 0
      const clock = () => now / NANOSECONDS_PER_MILLISECOND
      const bucket = new TokenBucket({ rate, capacity, clock })
      const plain = new PlainBucket(rate, capacity)
      for (const [step, cost, looks] of calls) {
        now += step
        const at = BigInt(now)
        if (looks) {
          if (bucket.peek() !== plain.peek(at)) return false
          if (bucket.retryAfter(cost) !== plain.retryAfter(at, cost)) return false
        }
        if (bucket.allow(cost) !== plain.allow(at, cost)) return false
      }
      return true
    }),
    { numRuns: 500 }
  )
  t.pass()
})

t.test('never admits more than the burst and what the time brought back', async (t) => {
  const trace = fc.array(fc.tuple(fc.nat({ max: 50_000_000 }), costs), {
    maxLength: 80,
    size: 'max'
  })
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000_000 }),
      capacities,
      trace,
      (rate, capacity, calls) => {
        let now = 0
        const bucket = new TokenBucket({ rate, capacity, clock: () => now / 1e6 })
        const taken: { at: number; cost: number }[] = []
        for (const [step, cost] of calls) {
          now += step
          if (bucket.allow(cost)) taken.push({ at: now, cost })
        }
        return taken.every((first, index) => {
          let sum = 0
          return taken.slice(index).every(({ at, cost }) => {
            sum += cost
            const back = (BigInt(at - first.at) * BigInt(rate)) / 1_000_000_000n
            return BigInt(sum) <= BigInt(capacity) + back
          })
        })
      }
    )
  )
  t.pass()
})

t.test('what is denied costs nothing and is allowed after retryAfter, not before', async (t) => {
  fc.assert(
    fc.property(
      rates,
      fc.integer({ min: 1, max: 500 }),
      fc.nat({ max: 2 ** 31 }),
      (rate, capacity, start) => {
        let now = start
        const bucket = new TokenBucket({ rate, capacity, clock: () => now / 1e6 })
        if (!bucket.allow(capacity) || bucket.allow()) return false
        const wait = Math.round(bucket.retryAfter() * NANOSECONDS_PER_MILLISECOND)
        now += wait - 1
        if (bucket.allow() || bucket.peek() !== 0) return false
        now += 1
        return bucket.peek() === 1 && bucket.allow() && !bucket.allow()
      }
    )
  )
  t.pass()
})

t.test('a million a second for a day admits exactly that', async (t) => {
  let now = 0
  const bucket = new TokenBucket({ rate: 1e6, capacity: 1e6, clock: () => now })
  t.ok(bucket.allow(1e6))
  let admitted = 0
  for (let second = 1; second <= 86_400; second++) {
    now = second * 1000 - 0.001
    if (bucket.allow(1e6)) t.fail(`a microsecond early at ${second} s`)
    now = second * 1000
    if (bucket.allow(1e6)) admitted++
  }
  t.equal(admitted, 86_400)
})

t.test('a million a second one by one admits exactly that, at any hour of a day', async (t) => {
  for (let hour = 1; hour <= 24; hour++) {
    let now = 0
    const bucket = new TokenBucket({ rate: 1e6, capacity: 1e6, clock: () => now })
    now = hour * 3_600_000
    t.ok(bucket.allow(1e6))
    let admitted = 0
    for (let microsecond = 1; microsecond <= 1000; microsecond++) {
      now = hour * 3_600_000 + microsecond / 1000
      if (bucket.allow()) admitted++
      if (bucket.allow()) t.fail(`one too many after ${microsecond} us`)
    }
    t.equal(admitted, 1000)
  }
})

t.test('a clock that jumps', async (t) => {
  t.test('back costs what there was, and no more than the time to fill', async (t) => {
    let now = Date.UTC(2026, 0)
    const bucket = new TokenBucket({ rate: 10, capacity: 5, clock: () => now })
    t.ok(bucket.allow(2))
    now -= 3_600_000
    t.notOk(bucket.allow(), 'the bucket counts as empty')
    t.equal(bucket.peek(), 0)
    now += 100
    t.equal(bucket.peek(), 1)
    t.equal(bucket.retryAfter(5), 400)
    now += 400
    t.ok(bucket.allow(5))
  })

  t.test('forward fills the bucket and nothing more', async (t) => {
    let now = 0
    const bucket = new TokenBucket({ rate: 10, capacity: 5, clock: () => now })
    t.ok(bucket.allow(5))
    now += 3_600_000
    t.equal(bucket.peek(), 5)
    t.ok(bucket.allow(5))
    t.notOk(bucket.allow())
  })
})

t.test('a cost above the capacity is never allowed, and says so', async (t) => {
  const bucket = new TokenBucket({ rate: 1, capacity: 3, clock: () => 0 })
  t.notOk(bucket.allow(4))
  t.equal(bucket.retryAfter(4), Infinity)
  t.equal(bucket.retryAfter(3), 0)
  t.equal(bucket.peek(), 3)
  const none = new TokenBucket({ rate: 1, capacity: 0, clock: () => 0 })
  t.notOk(none.allow())
  t.ok(none.allow(0))
  t.equal(none.retryAfter(), Infinity)
})

t.test('reads the monotonic clock when none is given', async (t) => {
  const bucket = new TokenBucket({ rate: 0.001, capacity: 1 })
  t.ok(bucket.allow())
  t.notOk(bucket.allow())
  t.match(bucket.retryAfter() > 990_000 && bucket.retryAfter() <= 1_000_000, true)
})

t.test('refuses numbers that cannot be', async (t) => {
  for (const rate of [0, -1, NaN, Infinity, '5' as unknown as number]) {
    t.throws(() => new TokenBucket({ rate, capacity: 1 }), {
      code: 'HOLDFAST_ERR_OPTION_INVALID',
      message: /"rate" must be a finite number above 0/
    })
  }
  for (const capacity of [-1, 1.5, NaN, Infinity, '5' as unknown as number]) {
    t.throws(() => new TokenBucket({ rate: 1, capacity }), {
      message: /"capacity" must be a whole number of at least 0/
    })
  }
  const bucket = new TokenBucket({ rate: 1, capacity: 1 })
  for (const cost of [-1, 0.5, NaN, Infinity, '1' as unknown as number]) {
    t.throws(() => bucket.allow(cost), { message: /"cost" must be a whole number/ })
    t.throws(() => bucket.retryAfter(cost), { message: /"cost" must be a whole number/ })
  }
  t.equal(bucket.peek(), 1)
})

t.test('a rate too low to ever fill the bucket is refused', async (t) => {
  t.throws(() => new TokenBucket({ rate: 1e-300, capacity: 5 }), { message: /"rate".*104 days/ })
})
