/**
 * The accounts of a client in Redis, one for each window: `edges/redis/script-accounts.ts`.
 */
import type { Policies } from '@holdfast/rate-limit'
import { RedisStore } from '@holdfast/rate-limit/redis'
import fc from 'fast-check'
import { Redis } from 'ioredis'
import t from 'tap'
import { startPrivateRedis } from '../../../../test/support/redis.ts'
import type { AlgorithmName } from '../../dist/algorithms/algorithm.js'
import { type Limit, policyOf } from '../../dist/policy.js'
import { admittedBy, breachOf, traces } from '../support/changing-limits.ts'
import { closing } from '../support/redis-clients.ts'
import { timedBy } from '../support/timed-redis.ts'

const ALGORITHMS = ['token-bucket', 'sliding-window', 'fixed-window'] as const
const HOUR = 3_600_000

function charge(limit: Limit, costs = 1, key = 'client') {
  const policies: Policies = [policyOf('limit', limit)]
  return { limit: 'limit', keys: key, policies, costs, countDenied: false }
}

/** The name of the client's key. */
function keyOf(algorithm: AlgorithmName): string {
  return `holdfast:${algorithm[0]}{client}limit`
}

t.test('the bounds hold for every trace of changing max, timeWindow and burst', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  let now = 1_000_000
  const client = timedBy(closing(t, new Redis(redis.url)), () => now)
  let run = 0
  for (const algorithm of ALGORITHMS) {
    await fc.assert(
      fc.asyncProperty(traces, async (trace) => {
        const store = new RedisStore({ client, prefix: `${run++}:` })
        const admitted = await admittedBy(store, algorithm, trace, (elapsed) => {
          now += elapsed
        })
        const breach = breachOf(admitted)
        if (breach !== undefined) throw new Error(`${algorithm}: ${breach}`)
      }),
      { numRuns: 40 }
    )
  }
})

t.test('one key has all windows of a client, for as long as any of them matters', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const store = new RedisStore({ client: closing(t, new Redis(redis.url)) })
  for (const algorithm of ALGORITHMS) {
    const minute = charge({ max: 2, timeWindow: 60_000, algorithm }, 2)
    const hour = charge({ max: 2, timeWindow: HOUR, algorithm }, 2)
    for (const one of [minute, hour]) t.ok((await store.check(one)).allowed)
    for (const one of [minute, hour]) t.notOk((await store.check(one)).allowed)
    t.strictSame(await redis.cli('KEYS', `holdfast:${algorithm[0]}*`), [keyOf(algorithm)])
    const parts = String(await redis.cli('GET', keyOf(algorithm))).split(';')
    t.strictSame(
      parts.map((part) => part.split(' ')[1]),
      ['60000000', '3600000000'],
      'each is marked with its window in microseconds'
    )
    t.ok(Number(await redis.cli('PTTL', keyOf(algorithm))) > HOUR - 60_000)

    await store.ban(charge({ max: 1, timeWindow: 1000, algorithm }), 10 * HOUR)
    for (const one of [minute, hour]) t.match(await store.check(one), { reason: 'banned' })
    t.ok(Number(await redis.cli('PTTL', keyOf(algorithm))) > 9 * HOUR, 'the ban keeps it')
    await store.reset(charge({ max: 1, timeWindow: 1000, algorithm }))
    for (const one of [minute, hour]) t.ok((await store.check(one)).allowed)
  }
})

t.test('what a stated burst took lasts, whatever max is asked next', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  let now = 1_000_000
  const client = closing(t, new Redis(redis.url))
  const store = new RedisStore({ client: timedBy(client, () => now) })
  const slow = (costs: number) => charge({ max: 1, timeWindow: HOUR, burst: 5 }, costs)
  const fast = charge({ max: 300, timeWindow: HOUR, burst: 5 })
  t.ok((await store.check(slow(5))).allowed)
  t.match(await redis.cli('GET', keyOf('token-bucket')), /^\d+ 3600000000\/18000000000$/)
  for (let hours = 0; hours < 1; hours += 0.25, now += HOUR / 4) {
    t.notOk((await store.check(fast)).allowed)
    t.notOk((await store.check(slow(1))).allowed)
  }
  t.ok((await store.check(slow(1))).allowed)
  t.notOk((await store.check(slow(1))).allowed)
})

t.test('there are at most 16 windows; the one that is over first makes room', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const store = new RedisStore({ client: closing(t, new Redis(redis.url)) })
  for (const algorithm of ALGORITHMS) {
    const of = (hours: number) => charge({ max: 1, timeWindow: hours * HOUR, algorithm })
    for (let hours = 20; hours > 0; hours--) t.ok((await store.check(of(hours))).allowed)
    const parts = String(await redis.cli('GET', keyOf(algorithm))).split(';')
    t.equal(parts.length, 16)
    for (let hours = 20; hours > 5; hours--) t.notOk((await store.check(of(hours))).allowed)
    await store.ban(of(100), HOUR)
    await store.ban(of(100), 0)
    t.notOk((await store.check(of(1))).allowed, 'a ban needs no room')
  }
})

t.test('what cannot be read counts as nothing, and is replaced', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const store = new RedisStore({ client: closing(t, new Redis(redis.url)) })
  const wrong = [
    '99999999999999999999999999',
    'anything',
    '',
    '1 2 3 4 5 6',
    `${Date.now() * 1000} 99999999999999999999`,
    '99999999999999999999 ban',
    ';;',
    '1700000000000000 banned'
  ]
  for (const algorithm of ALGORITHMS) {
    for (const value of wrong) {
      await redis.cli('SET', keyOf(algorithm), value)
      const limit = { max: 2, timeWindow: HOUR, algorithm }
      const asked = await Promise.all([
        store.check(charge(limit, 1, 'another')),
        store.check(charge(limit)),
        store.check(charge(limit, 2))
      ])
      t.strictSame(
        asked.map(({ allowed, remaining }) => [allowed, remaining]),
        [
          [true, 1],
          [true, 1],
          [false, 1]
        ],
        `${algorithm}: ${value}`
      )
      await store.reset(charge(limit, 1, 'another'))
    }
  }
})
