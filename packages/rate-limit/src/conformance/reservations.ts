/**
 * The reservations of a store: what they give back, and when.
 */
import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import type { AlgorithmName } from '../algorithms/algorithm.ts'
import { type Policies, policyOf } from '../policy.ts'
import { ALGORITHMS, type Check, each, HOUR } from './subject.ts'

export const RESERVATIONS: readonly Check[] = [
  [
    'gives back what was reserved and not used, and never more, once',
    async (subject) => {
      for (const policies of each(4)) {
        const reserved = await subject.reserve(policies, 4)
        assert.equal(reserved.decision.remaining, 0)
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
  ]
]
