import t from 'tap'
import { decide } from '../dist/decision.js'
import { denialFields, fieldWriter } from '../dist/headers.js'
import { type Limit, policyOf } from '../dist/policy.js'

const SECOND = 1e9

function draftOf(limit: Limit, debt: number) {
  const policy = policyOf('default', limit)
  return fieldWriter('draft', policy)(decide(policy, debt, 1))
}

const tenPerMinute: Limit = { max: 10, timeWindow: 60_000, burst: 10 }

t.test('the draft fields tell the limit, what is left, and when there is more', async (t) => {
  const policy = '"default";q=10;w=60'
  t.strictSame(draftOf(tenPerMinute, 0), {
    'ratelimit-policy': policy,
    ratelimit: '"default";r=9;t=6'
  })
  t.strictSame(draftOf(tenPerMinute, 3.5 * SECOND), {
    'ratelimit-policy': policy,
    ratelimit: '"default";r=8;t=4'
  })
  t.strictSame(draftOf(tenPerMinute, 54 * SECOND), {
    'ratelimit-policy': policy,
    ratelimit: '"default";r=0;t=6'
  })
  t.strictSame(draftOf(tenPerMinute, 60 * SECOND), {
    'ratelimit-policy': policy,
    ratelimit: '"default";r=0;t=6'
  })
})

t.test('a window that is no whole number of seconds is left out', async (t) => {
  t.match(draftOf({ max: 2, timeWindow: 1500, burst: 2 }, 0), {
    'ratelimit-policy': '"default";q=2'
  })
})

t.test('a burst above max is not promised', async (t) => {
  t.match(draftOf({ max: 10, timeWindow: 60_000, burst: 50 }, 0), {
    ratelimit: /^"default";r=10;/
  })
})

t.test('where nothing is ever allowed there is no time to wait for', async (t) => {
  t.strictSame(draftOf({ max: 0, timeWindow: 60_000, burst: 10 }, 0), {
    'ratelimit-policy': '"default";q=0;w=60',
    ratelimit: '"default";r=0'
  })
})

t.test('the legacy fields tell the limit, what is left, and when all is back', async (t) => {
  const policy = policyOf('default', tenPerMinute)
  const fields = fieldWriter('legacy', policy)
  t.strictSame(fields(decide(policy, 3.5 * SECOND, 1)), {
    'x-ratelimit-limit': '10',
    'x-ratelimit-remaining': '8',
    'x-ratelimit-reset': '10'
  })
})

t.test('no fields when none are wanted', async (t) => {
  const policy = policyOf('default', tenPerMinute)
  t.strictSame(fieldWriter(false, policy)(decide(policy, 0, 1)), {})
})

t.test('a denial is not stored, and says when to come back: at least a second', async (t) => {
  const fields = (limit: Limit, debt: number) =>
    denialFields(decide(policyOf('default', limit), debt, 1))
  t.strictSame(fields(tenPerMinute, 60 * SECOND), {
    'cache-control': 'no-store',
    'retry-after': '6'
  })
  t.match(fields(tenPerMinute, 55.2 * SECOND), { 'retry-after': '2' })
  t.match(fields({ max: 100, timeWindow: 1000, burst: 1 }, 1e7), { 'retry-after': '1' })
  t.strictSame(fields({ max: 0, timeWindow: 1000, burst: 1 }, 0), { 'cache-control': 'no-store' })
})
