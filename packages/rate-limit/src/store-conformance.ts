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
import type { Each } from './each.ts'
import { type Policies, policyOf } from './policy.ts'
import type { Charge, Store, StoreAccount, StoreReservation } from './store.ts'

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
 * The checks. They take a few seconds in all, and leave keys that expire within two hours.
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

  reserve(policies: Policies, cost: number, key = 'client'): Promise<StoreReservation> {
    return this.#store.reserve(this.charge(policies, cost, key))
  }

  reset(policies: Policies): Promise<void> {
    return this.#store.reset(this.charge(policies, 0, 'client'))
  }

  ban(policies: Policies, duration: number, key = 'client'): Promise<void> {
    return this.#store.ban(this.charge(policies, 0, key), duration)
  }

  /** Charges clients that are told by name for each policy, each its own cost. */
  apart(policies: Policies, keys: readonly string[], costs: Each<number>): Promise<Decision> {
    return this.#store.check({ ...this.#apart(policies, keys), costs })
  }

  reserveApart(
    policies: Policies,
    keys: readonly string[],
    costs: Each<number>
  ): Promise<StoreReservation> {
    return this.#store.reserve({ ...this.#apart(policies, keys), costs })
  }

  banApart(policies: Policies, keys: readonly string[], duration: number): Promise<void> {
    return this.#store.ban(this.#apart(policies, keys), duration)
  }

  #apart(policies: Policies, keys: readonly string[]): StoreAccount {
    return { limit: `${this.#limit}:apart`, keys, policies, countDenied: false }
  }

  /** Charges a client of another limit, or of one that counts what it denies. */
  other(policies: Policies, cost: number, name: string, countDenied = false): Promise<Decision> {
    const charge = this.charge(policies, cost, 'client')
    return this.#store.check({ ...charge, limit: `${charge.limit}:${name}`, countDenied })
  }

  charge(policies: Policies, costs: number, keys: string): Charge {
    const limit = `${this.#limit}:${policies.map(({ name }) => name).join()}`
    return { limit, keys, policies, costs, countDenied: false }
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
    'gives back what was reserved and not used, and never more, once',
    async (subject) => {
      for (const policies of each(4)) {
        const reserved = await subject.reserve(policies, 4)
        assert.deepEqual(some(reserved.decision).remaining, 0)
        await reserved.settle(1)
        assert.equal((await subject.peek(policies)).remaining, 3)
        await reserved.settle(0)
        assert.equal((await subject.peek(policies)).remaining, 3)
      }
    }
  ],
  [
    'takes what was used beyond what was reserved, as far as there is anything left',
    async (subject) => {
      for (const policies of each(5)) {
        const more = await subject.reserve(policies, 1)
        await more.settle(3)
        assert.equal((await subject.peek(policies)).remaining, 2)
        const most = await subject.reserve(policies, 1)
        await most.settle(1000)
        const { remaining, resetAfter } = await subject.peek(policies)
        assert.equal(remaining, 0)
        assert.ok(resetAfter <= 2 * HOUR, 'a debt is no larger than all there is')
      }
    }
  ],
  [
    'reserves nothing where it denies',
    async (subject) => {
      for (const policies of each(3)) {
        const reserved = await subject.reserve(policies, 4)
        assert.equal(reserved.decision.allowed, false)
        await reserved.settle(0)
        assert.equal((await subject.peek(policies)).remaining, 3)
      }
    }
  ],
  [
    'gives back nothing that has come back by itself',
    async (subject) => {
      const late = async (algorithm: AlgorithmName) => {
        const policies: Policies = [policyOf(algorithm, { max: 4, timeWindow: 400, algorithm })]
        const reserved = await subject.reserve(policies, 4)
        await setTimeout(801)
        const begun = performance.now()
        assert.equal((await subject.check(policies, 4)).allowed, true)
        await reserved.settle(0)
        const { remaining } = await subject.peek(policies)
        // What has come back since: one in a tenth of a second.
        const most = Math.ceil((performance.now() - begun) / 100)
        assert.ok(remaining <= most, `${remaining} of at most ${most} (${algorithm})`)
      }
      await Promise.all(ALGORITHMS.map(late))
    }
  ],
  [
    'gives back of what overlaps no more than is due',
    async (subject) => {
      const policies: Policies = [policyOf('bucket', { max: 8, timeWindow: 800 })]
      const first = await subject.reserve(policies, 4)
      const second = await subject.reserve(policies, 4)
      await first.settle(0)
      await setTimeout(401)
      const begun = performance.now()
      await subject.check(policies, 8)
      await second.settle(0)
      const { remaining } = await subject.peek(policies)
      const most = Math.ceil((performance.now() - begun) / 100)
      assert.ok(remaining <= most, `${remaining} of at most ${most}`)
    }
  ],
  [
    'forgets with a client what it had reserved',
    async (subject) => {
      for (const policies of each(4)) {
        const reserved = await subject.reserve(policies, 3)
        await subject.reset(policies)
        await subject.check(policies, 2)
        await reserved.settle(0)
        assert.equal((await subject.peek(policies)).remaining, 2)
      }
    }
  ],
  [
    'denies everything to a client that is banned, until that ends',
    async (subject) => {
      for (const policies of each(4)) {
        await subject.check(policies, 1)
        await subject.ban(policies, HOUR)
        for (const decision of [
          await subject.check(policies, 0),
          await subject.peek(policies),
          (await subject.reserve(policies, 1)).decision
        ]) {
          assert.deepEqual([decision.allowed, decision.reason], [false, 'banned'])
          assert.ok(decision.retryAfter > HOUR - 60_000 && decision.retryAfter <= HOUR)
        }
        assert.equal((await subject.check(policies, 1, 'another')).allowed, true)
        await subject.ban(policies, 0)
        assert.equal((await subject.check(policies, 1)).remaining, 2)
        await subject.ban(policies, 50)
        await setTimeout(60)
        assert.equal((await subject.check(policies, 1)).remaining, 1)
        await subject.ban(policies, HOUR)
        await subject.reset(policies)
        assert.equal((await subject.check(policies, 1)).remaining, 3)
      }
    }
  ],
  [
    'tells clients apart by policy where it is told to, and charges each its cost',
    async (subject) => {
      const client = policyOf('client', { max: 3, timeWindow: HOUR })
      const tenant = policyOf('tenant', { max: 10, timeWindow: HOUR, algorithm: 'fixed-window' })
      const policies: Policies = [client, tenant]
      const left = async (keys: readonly string[], costs: Each<number>) => {
        const { allowed, policy, each } = await subject.apart(policies, keys, costs)
        assert.ok(each !== undefined)
        return [allowed, policy, ...each.map(({ remaining }) => remaining)]
      }
      assert.deepEqual(await left(['a', 't'], [1, 4]), [true, 'client', 2, 6])
      assert.deepEqual(await left(['b', 't'], [1, 4]), [true, 'client', 2, 2])
      // The tenant has not enough left: the client pays nothing either.
      assert.deepEqual(await left(['b', 't'], [1, 4]), [false, 'tenant', 2, 2])
      assert.deepEqual(await left(['t', 'a'], 1), [true, 'client', 2, 9])
      assert.deepEqual(await left(['b', 'u'], 2), [true, 'client', 0, 8])
      const reserved = await subject.reserveApart(policies, ['c', 'v'], [3, 10])
      await reserved.settle([1, 4])
      assert.deepEqual(await left(['c', 'v'], 0), [true, 'client', 2, 6])
      await subject.banApart(policies, ['a', 't'], HOUR)
      assert.equal((await subject.apart(policies, ['a', 'w'], 0)).reason, 'banned')
      assert.equal((await subject.apart(policies, ['d', 't'], 0)).reason, 'banned')
      assert.equal((await subject.apart(policies, ['t', 'a'], 0)).allowed, true)
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
      for (const name of ['a', 'b', 'GET+/orders/:id', 'GET+/orders', '"x"%7D@/nested#2']) {
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
        // No algorithm makes anybody wait for longer.
        const longest = { 'token-bucket': 100, 'fixed-window': 200, 'sliding-window': 300 }[
          algorithm
        ]
        assert.ok(denied.retryAfter <= longest, `${denied.retryAfter} ms of ${longest}`)
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
