/**
 * What holds for every algorithm, and its unit of time: `nanoseconds.ts`.
 */
import fc from 'fast-check'
import t from 'tap'
import { type Algorithm, emptyAccount } from '../../dist/algorithms/algorithm.js'
import { FixedWindowAlgorithm } from '../../dist/algorithms/fixed-window.js'
import { SlidingWindowAlgorithm } from '../../dist/algorithms/sliding-window.js'
import { strictBucketOf, TokenBucketAlgorithm } from '../../dist/algorithms/token-bucket.js'
import { policyOf } from '../../dist/policy.js'

const HOUR = 3_600_000_000_000n

/** A limit once more, kept as the list of what was taken, in arithmetic that cannot round. */
interface Model {
  settle(now: bigint): void
  /** What is free, as a fraction: the second number divides the first. */
  free(now: bigint): [bigint, bigint]
  take(cost: bigint, now: bigint): void
}

class BucketModel implements Model {
  #full = -(10n ** 30n)
  readonly #interval: bigint
  readonly #depth: bigint

  constructor(capacity: number, interval: number) {
    this.#interval = BigInt(interval)
    this.#depth = BigInt(capacity) * this.#interval
  }

  settle(now: bigint) {
    if (this.#full < now) this.#full = now
    if (this.#full > now + this.#depth) this.#full = now + this.#depth
  }

  free(now: bigint): [bigint, bigint] {
    return [this.#depth - (this.#full - now), this.#interval]
  }

  take(cost: bigint) {
    this.#full += cost * this.#interval
  }
}

class FixedModel implements Model {
  #begin = -(10n ** 30n)
  #taken: bigint[] = []
  readonly #max: bigint
  readonly #window: bigint

  constructor(max: number, window: number) {
    this.#max = BigInt(max)
    this.#window = BigInt(window)
  }

  settle(now: bigint) {
    if (now >= this.#begin + this.#window) this.#taken = []
    if (now < this.#begin) this.#begin = now
  }

  free(): [bigint, bigint] {
    return [this.#max - this.#taken.reduce((sum, cost) => sum + cost, 0n), 1n]
  }

  take(cost: bigint, now: bigint) {
    if (this.#taken.length === 0) this.#begin = now
    if (cost > 0n) this.#taken.push(cost)
  }
}

class SlidingModel implements Model {
  #begin = -(10n ** 30n)
  #present = 0n
  #past = 0n
  readonly #max: bigint
  readonly #window: bigint

  constructor(max: number, window: number) {
    this.#max = BigInt(max)
    this.#window = BigInt(window)
  }

  settle(now: bigint) {
    if (now < this.#begin) this.#begin = now
    if (now >= this.#begin + this.#window) {
      this.#past = now < this.#begin + 2n * this.#window ? this.#present : 0n
      this.#present = 0n
      this.#begin += this.#window
    }
    if (this.#present === 0n && this.#past === 0n) this.#begin = now
  }

  free(now: bigint): [bigint, bigint] {
    const past = (this.#past * (this.#begin + this.#window - now)) / this.#window
    return [this.#max - this.#present - past, 1n]
  }

  take(cost: bigint, now: bigint) {
    if (this.#present === 0n && this.#past === 0n) this.#begin = now
    this.#present += cost
  }
}

const kinds: Record<string, (max: number, span: number) => [Algorithm, Model]> = {
  'token bucket': (max, span) => [new TokenBucketAlgorithm(max, span), new BucketModel(max, span)],
  'fixed window': (max, span) => [new FixedWindowAlgorithm(max, span), new FixedModel(max, span)],
  'sliding window': (max, span) => [
    new SlidingWindowAlgorithm(max, span),
    new SlidingModel(max, span)
  ]
}

const spans = fc.constantFrom(1, 7, 1000, 1_000_000, 60_000_000_000, 3_600_000_000_000)
const steps = fc.oneof(
  { weight: 4, arbitrary: fc.bigInt({ min: 0n, max: 100_000_000_000n }) },
  { weight: 3, arbitrary: fc.bigInt({ min: 0n, max: 5000n }) },
  { weight: 1, arbitrary: fc.constantFrom(0n, 1n, HOUR, -HOUR, -1n, -2_000_000n) }
)
const costs = fc.oneof(
  { weight: 3, arbitrary: fc.constant(1) },
  { weight: 2, arbitrary: fc.nat({ max: 30 }) }
)
const trace = fc.array(fc.tuple(steps, costs), { maxLength: 100, size: 'max' })

for (const [kind, make] of Object.entries(kinds)) {
  t.test(`a ${kind} agrees with rational arithmetic on every trace`, async (t) => {
    fc.assert(
      fc.property(fc.nat({ max: 40 }), spans, trace, (max, span, calls) => {
        const [algorithm, model] = make(max, span)
        const account = emptyAccount()
        let at = 0n
        for (const [step, cost] of calls) {
          at += step
          const now = Number(at)
          algorithm.advance(account, now)
          model.settle(at)
          const [free, unit] = model.free(at)
          if (algorithm.available(account, now) !== Number(free > 0n ? free / unit : 0n))
            return false
          const wait = algorithm.wait(account, cost, now)
          if ((wait === 0) !== (cost === 0 || BigInt(cost) * unit <= free)) return false
          if ((wait === Infinity) !== cost > max) return false
          if (wait === 0) {
            algorithm.take(account, cost, now)
            model.take(BigInt(cost), at)
          }
        }
        return true
      }),
      { numRuns: 400 }
    )
    t.pass()
  })

  t.test(`a ${kind} admits after the wait it names, and not before`, async (t) => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), spans, trace, (max, span, calls) => {
        const [algorithm] = make(max, span)
        const account = emptyAccount()
        let now = 0
        for (const [step, cost] of calls) {
          now += Math.abs(Number(step))
          algorithm.advance(account, now)
          const wait = algorithm.wait(account, cost, now)
          if (wait === 0) algorithm.take(account, cost, now)
          else if (wait !== Infinity) {
            const early = { ...account }
            algorithm.advance(early, now + wait - 1)
            if (algorithm.wait(early, cost, now + wait - 1) === 0) return false
            algorithm.advance(early, now + wait)
            if (algorithm.wait(early, cost, now + wait) !== 0) return false
          }
        }
        return true
      })
    )
    t.pass()
  })

  t.test(`what a ${kind} takes it can give back, and no more`, async (t) => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), spans, trace, (max, span, calls) => {
        const [algorithm] = make(max, span)
        const account = emptyAccount()
        let now = 0
        for (const [step, cost] of calls) {
          now += Math.abs(Number(step))
          algorithm.advance(account, now)
          if (algorithm.wait(account, cost, now) !== 0) continue
          const before = algorithm.available(account, now)
          algorithm.take(account, cost, now)
          algorithm.refund(account, cost, now, account.expiresAt)
          if (algorithm.available(account, now) !== before) return false
          if (algorithm.wait(account, cost, now) !== 0) return false
          algorithm.take(account, cost, now)
        }
        algorithm.refund(account, 1e9, now, account.expiresAt)
        return algorithm.available(account, now) <= max
      })
    )
    t.pass()
  })

  t.test(
    `whoever keeps asking a ${kind} that counts denied requests has nothing left`,
    async (t) => {
      const [algorithm] = make(10, 1000)
      const account = emptyAccount()
      algorithm.advance(account, 0)
      algorithm.take(account, 8, 0)
      algorithm.penalize(account, 5, 0)
      t.equal(algorithm.available(account, 0), 0)
      const restored = algorithm.timeToFull(account, 0)
      algorithm.penalize(account, 5, 0)
      t.equal(algorithm.timeToFull(account, 0), restored, 'a full debt does not grow')
    }
  )
}

t.test('a strict bucket admits no more than max in a window of any position', async (t) => {
  const limits = fc.integer({ min: 1, max: 30 }).chain((max) => {
    return fc.tuple(fc.constant(max), fc.integer({ min: 1, max }))
  })
  const greedy = fc.array(fc.tuple(fc.nat({ max: 400 }), fc.nat({ max: 5 })), {
    maxLength: 300,
    size: 'max'
  })
  fc.assert(
    fc.property(limits, fc.integer({ min: 1, max: 1000 }), greedy, ([max, burst], span, calls) => {
      const bucket = strictBucketOf(max, span, burst)
      const account = emptyAccount()
      const taken: [at: number, cost: number][] = []
      let now = 0
      for (const [step, cost] of calls) {
        now += step
        bucket.advance(account, now)
        if (bucket.wait(account, cost, now) !== 0) continue
        bucket.take(account, cost)
        taken.push([now, cost])
      }
      return taken.every(([first]) => {
        const within = taken.filter(([at]) => at >= first && at <= first + span)
        return within.reduce((sum, [, cost]) => sum + cost, 0) <= max
      })
    })
  )
  t.pass()
})

t.test(
  'windows admit max once in a window, twice around a border: as the README says',
  async (t) => {
    for (const Window of [FixedWindowAlgorithm, SlidingWindowAlgorithm]) {
      const window = new Window(10, 1000)
      const account = emptyAccount()
      const ask = (now: number) => {
        window.advance(account, now)
        const left = window.available(account, now)
        if (left > 0) window.take(account, left, now)
        return left
      }
      ask(0)
      let most = 0
      const taken: [number, number][] = []
      for (let now = 0; now <= 5000; now++) {
        taken.push([now, ask(now)])
        const recent = taken.filter(([at]) => at > now - 1000)
        most = Math.max(
          most,
          recent.reduce((sum, [, count]) => sum + count, 0)
        )
      }
      t.ok(most <= 20, `${window.name}: ${most}`)
    }
  }
)

t.test('a limit that was lowered denies until what was taken has come back', async (t) => {
  const before = new FixedWindowAlgorithm(10, 1000)
  const after = new FixedWindowAlgorithm(3, 1000)
  const account = emptyAccount()
  before.advance(account, 0)
  before.take(account, 8, 0)
  t.equal(after.available(account), 0)
  t.equal(after.wait(account, 1, 0), 1000)
})

t.test('how a limit is split to be strict', async (t) => {
  const bucketOf = (limit: object) => {
    const { algorithm } = policyOf('default', { max: 100, timeWindow: 60_000, ...limit })
    return [algorithm.capacity, algorithm.span]
  }
  t.strictSame(bucketOf({}), [100, 0.6e9])
  const [burst, interval] = bucketOf({ strict: true }) as [number, number]
  t.equal(burst, 20)
  t.equal(Math.floor(60e9 / interval), 80, 'come back in a window')
  t.equal(bucketOf({ strict: true, burst: 50 })[0], 50)
  t.equal(bucketOf({ strict: true, burst: 500 })[0], 100, 'where a function lowered max')
  t.equal(bucketOf({ strict: true, max: 0 })[0], 0)
})
