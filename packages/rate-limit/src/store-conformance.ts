/**
 * What every store must do, as checks for any test runner:
 *
 * ```js
 * for (const { name, run } of storeConformance(() => new MyStore())) test(name, run)
 * ```
 *
 * @module
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type { AlgorithmName } from './algorithms/algorithm.ts'
import type { Decision } from './decision.ts'
import { type Policies, policyOf } from './policy.ts'
import type { Charge, Store } from './store.ts'

/** One thing that a store must do. */
export interface StoreCheck {
  /** A sentence. */
  readonly name: string
  /** Resolves if the store does it, else rejects with an AssertionError. */
  run(): Promise<void>
}

const HOUR = 3_600_000
const ALGORITHMS: readonly AlgorithmName[] = ['token-bucket', 'fixed-window', 'sliding-window']

/**
 * The checks. They take a second in all, and leave keys that expire within two hours.
 *
 * @param open gives the store, or a promise of it; called for every check
 */
export function storeConformance(open: () => Store | Promise<Store>): readonly StoreCheck[] {
  return CHECKS.map(([name, check]) => ({
    name,
    run: async () => check(new Subject(await open()))
  }))
}

/** A store, asked under names that nobody else uses. */
class Subject {
  readonly #store: Store
  readonly #limit = randomUUID()

  constructor(store: Store) {
    this.#store = store
  }

  check(policies: Policies, cost = 1, key = 'client'): Promise<Decision> {
    return this.#store.check(this.charge(policies, cost, key))
  }

  peek(policies: Policies, cost = 1, key = 'client'): Promise<Decision> {
    return this.#store.peek(this.charge(policies, cost, key))
  }

  refund(policies: Policies, cost = 1): Promise<void> {
    return this.#store.refund(this.charge(policies, cost, 'client'))
  }

  reset(policies: Policies): Promise<void> {
    return this.#store.reset(this.charge(policies, 0, 'client'))
  }

  /** Charges a client of another limit, or of one that counts what it denies. */
  other(policies: Policies, cost: number, name: string, countDenied = false): Promise<Decision> {
    const charge = this.charge(policies, cost, 'client')
    return this.#store.check({ ...charge, limit: `${charge.limit}:${name}`, countDenied })
  }

  charge(policies: Policies, cost: number, key: string): Charge {
    const limit = `${this.#limit}:${policies.map(({ name }) => name).join()}`
    return { limit, key, policies, cost, countDenied: false }
  }
}

/** One policy for each algorithm, of so many in an hour: nothing comes back while a check runs. */
function each(max: number): Policies[] {
  return ALGORITHMS.map((algorithm) => [policyOf(algorithm, { max, timeWindow: HOUR, algorithm })])
}

const CHECKS: readonly [string, (subject: Subject) => Promise<void>][] = [
  [
    'admits as many as the limit says, and tells what is left',
    async (subject) => {
      for (const policies of each(3)) {
        for (const remaining of [2, 1, 0]) {
          const decision = await subject.check(policies)
          const { name: policy } = policies[0]
          const expected = { allowed: true, policy, limit: 3, remaining, retryAfter: 0 }
          assert.deepEqual(some(decision), { ...expected, reason: 'within' })
          assert.ok(decision.resetAfter > 0 && decision.resetAfter <= 2 * HOUR)
          assert.ok(decision.moreAfter > 0 && decision.moreAfter <= 2 * HOUR)
        }
        const denied = await subject.check(policies)
        assert.deepEqual([denied.allowed, denied.remaining, denied.reason], [false, 0, 'exceeded'])
        assert.ok(denied.retryAfter > 0 && denied.retryAfter <= 2 * HOUR)
      }
    }
  ],
  [
    'admits no more when many ask at once',
    async (subject) => {
      for (const policies of each(10)) {
        const asked = Array.from({ length: 50 }, () => subject.check(policies))
        const decisions = await Promise.all(asked)
        assert.equal(decisions.filter(({ allowed }) => allowed).length, 10)
      }
    }
  ],
  [
    'charges all policies or none',
    async (subject) => {
      const first = policyOf('first', { max: 5, timeWindow: HOUR })
      const second = policyOf('second', { max: 2, timeWindow: HOUR, algorithm: 'fixed-window' })
      const both: Policies = [first, second]
      const decision = await subject.check(both, 2)
      assert.deepEqual([decision.policy, decision.remaining], ['second', 0])
      assert.deepEqual(
        decision.each?.map(({ remaining }) => remaining),
        [3, 0]
      )
      const denied = await subject.check(both)
      assert.deepEqual([denied.allowed, denied.policy], [false, 'second'])
      assert.deepEqual(
        denied.each?.map(({ allowed, remaining }) => [allowed, remaining]),
        [
          [true, 3],
          [false, 0]
        ]
      )
    }
  ],
  [
    'counts what a request costs',
    async (subject) => {
      for (const policies of each(5)) {
        assert.equal((await subject.check(policies, 0)).remaining, 5)
        assert.equal((await subject.check(policies, 3)).remaining, 2)
        const tooMuch = await subject.check(policies, 3)
        assert.deepEqual([tooMuch.allowed, tooMuch.remaining], [false, 2])
        const never = await subject.check(policies, 6)
        assert.deepEqual([never.allowed, never.retryAfter], [false, Infinity])
        assert.equal((await subject.check(policies, 2)).allowed, true)
        assert.equal((await subject.check(policies, 0)).allowed, true)
      }
    }
  ],
  [
    'denies all where nothing is allowed',
    async (subject) => {
      for (const policies of each(0)) {
        const { allowed, retryAfter } = await subject.check(policies)
        assert.deepEqual([allowed, retryAfter], [false, Infinity])
      }
    }
  ],
  [
    'tells beforehand what it would decide, and charges nothing for it',
    async (subject) => {
      for (const policies of each(2)) {
        for (let asked = 0; asked < 3; asked++) {
          assert.deepEqual(some(await subject.peek(policies, 2)).allowed, true)
        }
        assert.equal((await subject.peek(policies, 3)).retryAfter, Infinity)
        await subject.check(policies, 2)
        const denied = await subject.peek(policies)
        assert.deepEqual([denied.allowed, denied.remaining], [false, 0])
      }
    }
  ],
  [
    'gives back what was charged, and never more',
    async (subject) => {
      for (const policies of each(4)) {
        await subject.check(policies, 4)
        await subject.refund(policies, 3)
        assert.equal((await subject.peek(policies)).remaining, 3)
        await subject.refund(policies, 100)
        assert.equal((await subject.peek(policies)).remaining, 4)
      }
    }
  ],
  [
    'forgets a client on demand',
    async (subject) => {
      for (const policies of each(2)) {
        await subject.check(policies, 2)
        await subject.reset(policies)
        assert.equal((await subject.check(policies)).remaining, 1)
      }
    }
  ],
  [
    'counts denied requests where it is told to',
    async (subject) => {
      for (const policies of each(5)) {
        const { name } = policies[0]
        await subject.other(policies, 3, name, true)
        assert.equal((await subject.other(policies, 4, name, true)).remaining, 0)
        assert.equal((await subject.other(policies, 1, name, true)).allowed, false)
      }
    }
  ],
  [
    'tells clients apart, whatever they are called',
    async (subject) => {
      const [policies] = each(1) as [Policies]
      const keys = [
        ...[
          '',
          ' ',
          'a',
          'A',
          '{a}',
          'a}',
          '{',
          '}',
          '#a',
          'a b',
          'a\n',
          'a\0',
          'ä',
          'a\u0308',
          '%'
        ],
        ...['\ud800', '\ud801', '\u{1f600}', 'x'.repeat(64), 'x'.repeat(65), 'x'.repeat(10_000)]
      ]
      for (const key of keys) assert.equal((await subject.check(policies, 1, key)).allowed, true)
      for (const key of keys) assert.equal((await subject.check(policies, 1, key)).allowed, false)
    }
  ],
  [
    'tells limits apart',
    async (subject) => {
      const [policies] = each(1) as [Policies]
      for (const name of ['a', 'b', 'GET /orders/:id', '"{x}"']) {
        assert.equal((await subject.other(policies, 1, name)).allowed, true)
        assert.equal((await subject.other(policies, 1, name)).allowed, false)
      }
    }
  ],
  [
    'admits again when it said it would',
    async (subject) => {
      for (const algorithm of ALGORITHMS) {
        const policies: Policies = [policyOf(algorithm, { max: 2, timeWindow: 200, algorithm })]
        await subject.check(policies, 2)
        const denied = await subject.check(policies)
        if (!denied.allowed) await setTimeout(Math.ceil(denied.retryAfter) + 1)
        assert.equal((await subject.check(policies)).allowed, true)
      }
    }
  ],
  [
    'goes by the numbers it is given last',
    async (subject) => {
      for (const algorithm of ALGORITHMS) {
        const of = (max: number): Policies => [
          policyOf('limit', { max, timeWindow: HOUR, algorithm })
        ]
        const ask = (max: number) => subject.other(of(max), 1, algorithm)
        await ask(10)
        await ask(10)
        assert.equal((await ask(1)).allowed, false)
        assert.equal((await ask(10)).allowed, true)
      }
    }
  ]
]

/** What is the same whenever it is asked. */
function some({ moreAfter: _, resetAfter: __, each: ___, ...rest }: Decision) {
  return rest
}
