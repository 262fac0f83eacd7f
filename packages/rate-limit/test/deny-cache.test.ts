import t from 'tap'
import type { Decision } from '../dist/decision.js'
import { DenyCache } from '../dist/deny-cache.js'
import { type Policies, policyOf } from '../dist/policy.js'

const POLICIES: Policies = [policyOf('p', { max: 10, timeWindow: 1000 })]

function denied(retryAfter: number): Decision {
  return {
    ...{ allowed: false, policy: 'p', limit: 10, remaining: 2, reason: 'exceeded' },
    ...{ retryAfter, moreAfter: 50, resetAfter: 800 }
  }
}

t.test('a denial holds until its time, for as much and more', async (t) => {
  const cache = new DenyCache()
  cache.add('a', 3, POLICIES, denied(100), 1000)
  t.match(cache.find('a', 3, POLICIES, 1060), { retryAfter: 40, moreAfter: 0, resetAfter: 740 })
  t.match(cache.find('a', 4, POLICIES, 1060), { allowed: false })
  t.equal(cache.find('a', 2, POLICIES, 1060), undefined)
  t.equal(cache.find('b', 3, POLICIES, 1060), undefined)
  t.equal(
    cache.find('a', 3, [...POLICIES], 1060),
    undefined,
    'under other numbers nothing is known'
  )
  t.equal(cache.find('a', 3, POLICIES, 1100), undefined)
  t.equal(cache.find('a', 3, POLICIES, 1050), undefined, 'it is forgotten with its time')
})

t.test('a client of several names is another when one of them is', async (t) => {
  const cache = new DenyCache()
  const two: Policies = [...POLICIES, policyOf('q', { max: 5, timeWindow: 1000 })]
  cache.add(['a', 'x'], [1, 2], two, denied(100), 0)
  t.ok(cache.find(['a', 'x'], [1, 2], two, 1))
  t.ok(cache.find(['a', 'x'], 2, two, 1))
  t.equal(cache.find(['a', 'x'], [2, 1], two, 1), undefined)
  t.equal(cache.find(['a', 'x'], 1, two, 1), undefined)
  for (const keys of [['a', 'y'], ['x', 'a'], 'a']) {
    t.equal(cache.find(keys, 2, two, 1), undefined, `${keys}`)
  }
  cache.add(['b', 'x'], 2, two, denied(100), 0)
  t.ok(cache.find(['b', 'x'], [2, 3], two, 1))
  cache.forget(['b', 'x'])
  t.equal(cache.find(['b', 'x'], [2, 3], two, 1), undefined)
})

t.test('what is never allowed stays denied', async (t) => {
  const cache = new DenyCache()
  cache.add('a', 11, POLICIES, denied(Infinity), 0)
  t.match(cache.find('a', 11, POLICIES, 1e9), { retryAfter: Infinity })
})

t.test('the cache is bounded: the denial that was remembered first makes room', async (t) => {
  const cache = new DenyCache()
  for (let client = 0; client <= 2 ** 14; client++) {
    cache.add(`${client}`, 1, POLICIES, denied(100), 0)
  }
  t.equal(cache.find('0', 1, POLICIES, 1), undefined)
  t.ok(cache.find('1', 1, POLICIES, 1))
  cache.add('1', 1, POLICIES, denied(200), 0)
  t.ok(cache.find('2', 1, POLICIES, 1), 'a known client needs no room')
})
