/**
 * The clients of a store: told apart, banned and forgotten.
 */
import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import type { PerPolicy } from '../per-policy.ts'
import { type Policies, policyOf } from '../policy.ts'
import { ALGORITHMS, type Check, each, HOUR } from './subject.ts'

export const CLIENTS: readonly Check[] = [
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
    'bans and forgets a client in every window that its limit was asked with',
    async (subject) => {
      for (const algorithm of ALGORITHMS) {
        const of = (hours: number): Policies => [
          policyOf(algorithm, { max: 2, timeWindow: hours * HOUR, algorithm })
        ]
        const windows = [of(1), of(2), of(24)]
        for (const policies of windows) await subject.check(policies, 2)
        await subject.reset(of(1))
        for (const policies of windows) assert.equal((await subject.peek(policies)).remaining, 2)
        await subject.ban(of(2), HOUR)
        for (const policies of [...windows, of(3)]) {
          assert.equal((await subject.check(policies)).reason, 'banned')
        }
        await subject.ban(of(24), 0)
        for (const policies of windows) assert.equal((await subject.check(policies)).remaining, 1)
      }
    }
  ],
  [
    'tells clients apart by policy where it is told to, and charges each its cost',
    async (subject) => {
      const client = policyOf('client', { max: 3, timeWindow: HOUR })
      const tenant = policyOf('tenant', { max: 10, timeWindow: HOUR, algorithm: 'fixed-window' })
      const policies: Policies = [client, tenant]
      const left = async (keys: readonly string[], costs: PerPolicy<number>) => {
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
  ]
]
