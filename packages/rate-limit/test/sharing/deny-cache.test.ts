import type { Charge, PerPolicy } from '@holdfast/rate-limit'
import t from 'tap'
import type { Decision } from '../../dist/decision.js'
import { type Policies, policyOf } from '../../dist/policy.js'
import { DenyCache } from '../../dist/sharing/deny-cache.js'

const LIMIT = { max: 10, timeWindow: 1000 }
const POLICIES: Policies = [policyOf('p', LIMIT)]

function charge(keys: PerPolicy<string>, costs: PerPolicy<number>, policies: Policies): Charge {
  return { limit: 'limit', keys, costs, policies, countDenied: false }
}

function denied(retryAfter: number): Decision {
  return {
    ...{ allowed: false, policy: 'p', limit: 10, remaining: 2, reason: 'exceeded' },
    ...{ retryAfter, moreAfter: retryAfter, resetAfter: 800 }
  }
}

t.test('a denial holds until its time, for the same request', async (t) => {
  const cache = new DenyCache()
  cache.add(charge('a', 3, POLICIES), denied(100), 1000)
  t.match(cache.find(charge('a', 3, POLICIES), 1060), { retryAfter: 40, resetAfter: 740 })
  t.equal(cache.find(charge('a', 4, POLICIES), 1060), undefined, 'more has to wait for longer')
  t.equal(cache.find(charge('a', 2, POLICIES), 1060), undefined, 'and less may be there')
  t.equal(cache.find(charge('b', 3, POLICIES), 1060), undefined)
  t.equal(
    cache.find(charge('a', 3, [policyOf('p', { max: 11, timeWindow: 1000 })]), 1060),
    undefined,
    'under other numbers nothing is known'
  )
  t.match(cache.find(charge('a', 3, [policyOf('p', LIMIT)]), 1060), { allowed: false })
  t.equal(cache.find(charge('a', 3, POLICIES), 1100), undefined)
  t.equal(cache.find(charge('a', 3, POLICIES), 1050), undefined, 'it is forgotten with its time')
})

t.test('requests of a client that cost different amounts have to wait differently', async (t) => {
  const cache = new DenyCache()
  const waits = () => {
    return [3, 4, 5, 6, 7].map((cost) => cache.find(charge('a', cost, POLICIES), 0)?.retryAfter)
  }
  for (const cost of [3, 4, 5, 6]) cache.add(charge('a', cost, POLICIES), denied(100 * cost), 0)
  t.strictSame(waits(), [300, 400, 500, 600, undefined])
  cache.add(charge('a', 3, POLICIES), denied(310), 0)
  cache.add(charge('a', 7, POLICIES), denied(700), 0)
  t.strictSame(waits(), [310, undefined, 500, 600, 700], 'the one that was remembered first goes')
  cache.charged('b')
  t.equal(cache.find(charge('a', 5, POLICIES), 0)?.retryAfter, 500)
  cache.charged('a')
  t.strictSame(waits(), Array(5).fill(undefined), 'there is less left than it was told')
})

t.test('a client of several names is another when one of them is', async (t) => {
  const cache = new DenyCache()
  const two: Policies = [...POLICIES, policyOf('q', { max: 5, timeWindow: 1000 })]
  cache.add(charge(['a', 'x'], [1, 2], two), denied(100), 0)
  t.ok(cache.find(charge(['a', 'x'], [1, 2], two), 1))
  t.equal(cache.find(charge(['a', 'x'], [2, 2], two), 1), undefined)
  t.equal(cache.find(charge(['a', 'x'], 2, two), 1), undefined)
  t.equal(cache.find(charge(['a', 'x'], 1, two), 1), undefined)
  for (const keys of [['a', 'y'], ['x', 'a'], 'a']) {
    t.equal(cache.find(charge(keys, 2, two), 1), undefined, `${keys}`)
  }
  cache.add(charge(['b', 'x'], 2, two), denied(100), 0)
  t.ok(cache.find(charge(['b', 'x'], [2, 2], two), 1))
  cache.forget(['b', 'x'])
  t.equal(cache.find(charge(['b', 'x'], [2, 2], two), 1), undefined)
})

t.test('who shares a name with somebody is asked about after that one was forgotten', async (t) => {
  const cache = new DenyCache()
  const two: Policies = [...POLICIES, policyOf('q', { max: 5, timeWindow: 1000 })]
  const clients = [
    ['a', 'x'],
    ['b', 'x'],
    ['b', 'y']
  ]
  for (const keys of clients) cache.add(charge(keys, 2, two), denied(100), 0)
  cache.forget(['c', 'x'])
  const known = clients.map((keys) => cache.find(charge(keys, 2, two), 1) !== undefined)
  t.strictSame(known, [false, false, true])
  cache.add(charge(['a', 'x'], 2, two), denied(100), 2)
  t.ok(cache.find(charge(['a', 'x'], 2, two), 3), 'what was decided after it is known')
  for (let other = 0; other < 2 ** 14; other++) cache.forget([`${other}`, `${other}`])
  t.equal(cache.find(charge(['b', 'y'], 2, two), 3), undefined, 'there is room for so many')
})

t.test('a denial is known for as long as its numbers are right', async (t) => {
  const cache = new DenyCache()
  const knows = (decision: Partial<Decision>, now: number) => {
    cache.add(charge('a', 11, POLICIES), { ...denied(Infinity), ...decision }, 0)
    return cache.find(charge('a', 11, POLICIES), now) !== undefined
  }
  t.strictSame([knows({}, 999), knows({}, 1000)], [true, false], 'what is never allowed')
  t.strictSame([knows({ moreAfter: 50 }, 49), knows({ moreAfter: 50 }, 50)], [true, false])
  const ban = { reason: 'banned', retryAfter: 1e9 } as const
  t.strictSame([knows(ban, 59_999), knows(ban, 60_000)], [true, false], 'it may have been lifted')
})

t.test('the cache is bounded: the denial that was remembered first makes room', async (t) => {
  const cache = new DenyCache()
  for (let client = 0; client <= 2 ** 14; client++) {
    cache.add(charge(`${client}`, 1, POLICIES), denied(100), 0)
  }
  t.equal(cache.find(charge('0', 1, POLICIES), 1), undefined)
  t.ok(cache.find(charge('1', 1, POLICIES), 1))
  cache.add(charge('1', 1, POLICIES), denied(200), 0)
  t.ok(cache.find(charge('2', 1, POLICIES), 1), 'a known client needs no room')
})
