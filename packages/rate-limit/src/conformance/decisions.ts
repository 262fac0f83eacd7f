/**
 * The decisions of a store, and what it charges for them.
 */
import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import type { AlgorithmName } from '../algorithms/algorithm.ts'
import { type Policies, policyOf } from '../policy.ts'
import { ALGORITHMS, type Check, each, HOUR } from './subject.ts'

export const DECISIONS: readonly Check[] = [
  [
    'admits as many as the limit says, and tells what is left',
    async (subject) => {
      for (const policies of each(3)) {
        for (const remaining of [2, 1, 0]) {
          const decision = await subject.check(policies)
          const { moreAfter, resetAfter, each: _, ...rest } = decision
          const { name: policy } = policies[0]
          const expected = { allowed: true, policy, limit: 3, remaining, retryAfter: 0 }
          assert.deepEqual(rest, { ...expected, reason: 'within' })
          assert.ok(resetAfter > 0 && resetAfter <= 2 * HOUR)
          assert.ok(moreAfter > 0 && moreAfter <= 2 * HOUR)
        }
        const denied = await subject.check(policies)
        assert.deepEqual([denied.allowed, denied.remaining, denied.reason], [false, 0, 'exceeded'])
        assert.ok(denied.retryAfter > 0 && denied.retryAfter <= 2 * HOUR)
        for (const time of [denied.retryAfter, denied.moreAfter, denied.resetAfter]) {
          assert.ok(Number.isInteger(time), `${time} is no whole number of milliseconds`)
        }
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
          assert.equal((await subject.peek(policies, 2)).allowed, true)
        }
        assert.equal((await subject.peek(policies, 3)).retryAfter, Infinity)
        await subject.check(policies, 2)
        const denied = await subject.peek(policies)
        assert.deepEqual([denied.allowed, denied.remaining], [false, 0])
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
  ],
  [
    'forgives nothing when it is asked under other numbers in between',
    async (subject) => {
      for (const algorithm of ALGORITHMS) {
        const of = (max: number): Policies => [
          policyOf('limit', { max, timeWindow: HOUR, algorithm })
        ]
        const ask = (max: number, cost: number) => subject.other(of(max), cost, algorithm)
        assert.equal((await ask(4, 4)).allowed, true)
        for (const max of [1, 2, 0, 4, 1000, 4]) {
          // A larger limit may give windows the difference, of which nothing is taken here.
          assert.equal((await ask(max, max === 1000 ? 1001 : 1)).allowed, false)
        }
      }
      const of = (max: number): Policies => [
        policyOf('limit', { max, timeWindow: HOUR, burst: 5, algorithm: 'token-bucket' })
      ]
      assert.equal((await subject.other(of(1), 5, 'burst')).allowed, true)
      for (const max of [300, 1, 300, 1]) {
        assert.equal((await subject.other(of(max), 1, 'burst')).allowed, false)
      }
    }
  ],
  [
    'keeps what was taken for each window by itself',
    async (subject) => {
      for (const algorithm of ALGORITHMS) {
        const ask = (hours: number, cost: number) => {
          const limit = { max: 3, timeWindow: hours * HOUR, algorithm }
          return subject.other([policyOf('limit', limit)], cost, algorithm)
        }
        for (const hours of [1, 2, 24]) assert.equal((await ask(hours, 2)).remaining, 1)
        for (const hours of [1, 2, 24]) assert.equal((await ask(hours, 2)).allowed, false)
        for (const hours of [24, 2, 1]) assert.equal((await ask(hours, 1)).remaining, 0)
      }
    }
  ],
  [
    'never denies a client that asks evenly and keeps below the limit',
    async (subject) => {
      const askEvenly = async (algorithm: AlgorithmName) => {
        const policies: Policies = [policyOf(algorithm, { max: 1, timeWindow: 100, algorithm })]
        for (let asked = 0; asked < 4; asked++) {
          assert.equal((await subject.check(policies)).allowed, true, algorithm)
          await setTimeout(102)
        }
      }
      await Promise.all(ALGORITHMS.map(askEvenly))
    }
  ]
]
