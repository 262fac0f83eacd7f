/**
 * Covers the room `edges/redis/`, by what a store decides: `edges/redis/account-names.ts`,
 * `edges/redis/batch.ts`, `edges/redis/clients.ts`, `edges/redis/cluster-slot.ts`, `edges/redis/policies.ts`,
 * `edges/redis/question.ts`, `edges/redis/script.ts`, `edges/redis/script-accounts.ts` and
 * `edges/redis/script-algorithms.ts`; the shapes of `redis-client.ts`; and what every store must do, with
 * `memory-store.ts`: `store-conformance.ts`, `conformance/subject.ts` and `conformance/decisions.ts`.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { type Charge, MemoryStore, type Store, type StoreReservation } from '@holdfast/rate-limit'
import { type RedisClient, RedisStore, type ScriptClient } from '@holdfast/rate-limit/redis'
import { storeConformance } from '@holdfast/rate-limit/store-conformance'
import fc from 'fast-check'
import { Redis } from 'ioredis'
import { Redis as Redis5 } from 'ioredis-5'
import { Redis as Valkey } from 'iovalkey'
import { createClient, createClientPool } from 'redis'
import { createClient as createClient5 } from 'redis-5'
import t, { type Test } from 'tap'
import { type PrivateRedis, startPrivateRedis } from '../../../../test/support/redis.ts'
import type { AlgorithmName } from '../../dist/algorithms/algorithm.js'
import { slotOf } from '../../dist/edges/redis/cluster-slot.js'
import { SCRIPT } from '../../dist/edges/redis/script.js'
import { type Policies, policyOf } from '../../dist/policy.js'
import { closing } from '../support/redis-clients.ts'
import { timedBy } from '../support/timed-redis.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** A client of every library, each of which the test closes. */
const CLIENTS: Readonly<Record<string, (t: Test, redis: PrivateRedis) => Promise<RedisClient>>> = {
  'ioredis 6': async (t, { url }) => closing(t, new Redis(url)),
  'ioredis 5': async (t, { url }) => closing(t, new Redis5(url)),
  'ioredis with a key prefix and numbers as text': async (t, { url }) =>
    closing(t, new Redis(url, { keyPrefix: 'app:', stringNumbers: true })),
  'ioredis that connects with its first command': async (t, { url }) =>
    closing(t, new Redis(url, { lazyConnect: true })),
  iovalkey: async (t, { url }) => closing(t, new Valkey(url)),
  'node-redis 6': async (t, { url }) => {
    const client = createClient({ url })
    t.teardown(() => client.destroy())
    await client.connect()
    return client
  },
  'node-redis 5': async (t, { url }) => {
    const client = createClient5({ url })
    t.teardown(() => client.destroy())
    await client.connect()
    return client
  },
  'a node-redis pool': async (t, { url }) => {
    const client = createClientPool({ url })
    t.teardown(() => client.destroy())
    await client.connect()
    return client
  },
  'the small interface': async (t, { url }) => {
    const client = closing(t, new Redis(url))
    const small: ScriptClient = {
      evalsha: (sha, keys, args) => client.evalsha(sha, keys.length, ...keys, ...args),
      eval: (script, keys, args) => client.eval(script, keys.length, ...keys, ...args)
    }
    return small
  }
}

/** How often Redis was asked to run the script. */
async function calls(redis: PrivateRedis): Promise<number> {
  const stats = String(await redis.cli('INFO', 'commandstats'))
  const counts = [...stats.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)]
  return counts.reduce((sum, [, count]) => sum + Number(count), 0)
}

function charge(key: string, policies: Policies = [policyOf('p', { max: 2, timeWindow: HOUR })]) {
  return { limit: 'limit', keys: key, policies, costs: 1, countDenied: false }
}

t.test('memory does what a store must do', async (t) => {
  for (const { name, run } of storeConformance(() => new MemoryStore())) {
    t.resolves(run(), name)
  }
})

for (const [library, connect] of Object.entries(CLIENTS)) {
  t.test(`Redis does what a store must do, through ${library}`, async (t) => {
    const redis = await startPrivateRedis(t)
    if (redis === undefined) return
    const store = new RedisStore({ client: await connect(t, redis) })
    await store.open()
    await Promise.all(storeConformance(() => store).map(({ name, run }) => t.resolves(run(), name)))
  })
}

t.test('memory and Redis decide the same, whatever is asked at whatever time', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const client = closing(t, new Redis(redis.url))
  let now = 0
  const timed = timedBy(client, () => now)
  // Those of which an interval is whole microseconds.
  const max = fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 8, 10, 12)
  const timeWindow = fc.constantFrom(60_000, 840_000, HOUR)
  const burst = fc.constantFrom(undefined, undefined, 1, 4, 20)
  const limit = fc.record({
    max: fc.tuple(max, max),
    timeWindow: fc.tuple(timeWindow, timeWindow),
    burst: fc.tuple(burst, burst),
    algorithm: fc.constantFrom<AlgorithmName>('token-bucket', 'fixed-window', 'sliding-window')
  })
  const step = fc.record({
    action: fc.constantFrom<Action>(
      ...(['check', 'check', 'check', 'peek', 'reserve', 'reserve', 'settle', 'settle'] as const),
      ...(['reset', 'ban'] as const)
    ),
    // Of as many policies as there may be.
    costs: fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 3, maxLength: 3 }),
    keys: fc.array(fc.constantFrom('a', 'b'), { minLength: 3, maxLength: 3 }),
    actual: fc.integer({ min: 0, max: 6 }),
    which: fc.nat(),
    // Keys expire by the server's own clock, which has to stay behind.
    elapsed: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 900 })).map((s) => s * 1000)
  })
  let run = 0
  const limits = fc.array(limit, { minLength: 1, maxLength: 3 })
  const steps = fc.array(step, { minLength: 5, maxLength: 60 })
  await fc.assert(
    fc.asyncProperty(
      limits,
      fc.boolean(),
      fc.boolean(),
      steps,
      async (limits, countDenied, areApart, steps) => {
        // Numbers may be others from one question to the next.
        const numbers = [0, 1].map((which) => policiesOf(limits, which))
        now = 1_000_000
        const stores: Store[] = [
          new MemoryStore({ clock: () => now }),
          new RedisStore({ client: timed, prefix: `${run++}:` })
        ]
        const open: StoreReservation[][] = []
        for (const { action, costs, keys, actual, which, elapsed } of steps) {
          now += elapsed
          const policies = numbers[which % 5 === 0 ? 1 : 0] as Policies
          const charge = {
            limit: 'limit',
            keys: areApart ? keys.slice(0, policies.length) : (keys[0] as string),
            policies,
            costs: areApart ? costs.slice(0, policies.length) : (costs[0] as number),
            countDenied
          }
          const [mine, theirs] = await Promise.all(
            stores.map(async (store, index) => {
              if (action === 'ban') return store.ban(charge, which % 3 === 0 ? 0 : 2 * elapsed)
              if (action === 'settle') return open[which % open.length]?.[index]?.settle(actual)
              if (action === 'reserve') return store.reserve(charge)
              return store[action](charge)
            })
          )
          if (action === 'reserve') open.push([mine, theirs] as StoreReservation[])
          assert.deepEqual(decided(theirs), decided(mine))
        }
      }
    ),
    { numRuns: Number(process.env.RUNS ?? 300) }
  )
})

interface Numbers {
  readonly max: readonly number[]
  readonly timeWindow: readonly number[]
  readonly burst: readonly (number | undefined)[]
  readonly algorithm: AlgorithmName
}

function policiesOf(limits: readonly Numbers[], which: number): Policies {
  const policies = limits.map(({ max, timeWindow, burst, algorithm }, index) => {
    const limit = { max: max[which] as number, timeWindow: timeWindow[which] as number, algorithm }
    return policyOf(`${index}`, { ...limit, burst: burst[which] })
  })
  return policies as never as Policies
}

type Action = 'check' | 'peek' | 'reserve' | 'settle' | 'reset' | 'ban'

/** What was decided, where something was. */
function decided(answer: unknown): unknown {
  return answer instanceof Object && 'decision' in answer ? answer.decision : answer
}

t.test('a clock that is set back costs nobody more than an empty account', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const store = new RedisStore({ client: closing(t, new Redis(redis.url)) })
  const algorithms = ['token-bucket', 'fixed-window', 'sliding-window'] as const
  for (const algorithm of algorithms) {
    const policies: Policies = [policyOf(algorithm, { max: 2, timeWindow: HOUR, algorithm })]
    const key = `holdfast:${algorithm[0]}{client}limit`
    // A whole day ahead.
    const until = `${Date.now() * 1000 + 24 * HOUR * 1000}`
    const account = `${until} ${HOUR * 1000}`
    await redis.cli('SET', key, algorithm === 'token-bucket' ? account : `${account} 2 0`)
    const { allowed, retryAfter } = await store.check(charge('client', policies))
    t.notOk(allowed)
    t.ok(retryAfter <= 2 * HOUR, algorithm)
    const [moment] = String(await redis.cli('GET', key)).split(' ')
    // Of the clock that the account was written by: another one may be less than a millisecond behind.
    const [seconds, microseconds] = String(await redis.cli('TIME')).split(',')
    const now = Number(seconds) * 1_000_000 + Number(microseconds)
    t.ok(Number(moment) - now <= 2 * HOUR * 1000, 'it is repaired for others too')
  }
})

t.test('what is asked in one turn is one call', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const store = new RedisStore({ client: closing(t, new Redis(redis.url)) })
  await store.open()
  const before = await calls(redis)
  const keys = Array.from({ length: 100 }, (_, index) => `client-${index % 50}`)
  const decisions = await Promise.all([
    ...keys.map((key) => store.check(charge(key))),
    store.peek(charge('client-0')),
    store.reserve(charge('client-1')),
    store.ban(charge('client-2'), 1000),
    store.reset(charge('client-3'))
  ])
  t.equal((await calls(redis)) - before, 1)
  t.ok(
    decisions
      .slice(0, 100)
      .every((decision) => decision && 'allowed' in decision && decision.allowed)
  )
  t.match(decisions.slice(100, 102), [{ allowed: false }, { decision: { allowed: false } }])
  const many = Array.from({ length: 1500 }, (_, index) => store.check(charge(`many-${index}`)))
  t.ok((await Promise.all(many)).every(({ allowed }) => allowed))
  t.equal((await calls(redis)) - before, 3, 'no call has more than a thousand keys')
})

t.test('what changes an account keeps its place among the questions of a turn', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const store = new RedisStore({ client: closing(t, new Redis(redis.url)) })
  await store.open()
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((key) => charge(key)) as [Charge, ...Charge[]]
  const all = { ...(c as Charge), costs: 2 }
  const asked = await Promise.all([
    store.check(a),
    store.ban(a, HOUR),
    store.check(a),
    store.ban(b as Charge, HOUR),
    store.reset(b as Charge),
    store.ban(b as Charge, HOUR),
    store.check(all),
    store.reset(all),
    store.check(all),
    store.reserve({ ...(d as Charge), costs: 2 }),
    store.reset(d as Charge),
    store.check(d as Charge)
  ])
  t.match(asked, { 0: { allowed: true }, 2: { reason: 'banned' }, 6: { allowed: true } })
  t.match(asked, { 8: { allowed: true }, 9: { decision: { allowed: true } } })
  t.match(await store.check(b as Charge), { reason: 'banned' })
  await (asked[9] as StoreReservation).settle(0)
  t.match(await store.peek(d as Charge), { remaining: 1 })
})

t.test('a limit that is lowered to nothing is no trouble for others', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const store = new RedisStore({ client: closing(t, new Redis(redis.url)) })
  const nothing: Policies = [policyOf('p', { max: 0, timeWindow: HOUR })]
  for (const key of ['a', 'b', 'c']) t.match(await store.check(charge(key)), { allowed: true })
  t.match(await store.check(charge('a', nothing)), { allowed: false, retryAfter: Infinity })
  const decisions = await Promise.all([
    store.check(charge('b', nothing)),
    store.check(charge('c', nothing)),
    store.check(charge('d'))
  ])
  t.strictSame(
    decisions.map(({ allowed }) => allowed),
    [false, false, true]
  )
})

t.test('a bucket that takes a thousand years to fill is limited, too', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const store = new RedisStore({ client: closing(t, new Redis(redis.url)) })
  const policies: Policies = [policyOf('p', { max: 1, timeWindow: 8760 * HOUR, burst: 1000 })]
  const reserved = await store.reserve({ ...charge('any', policies), costs: 1000 })
  t.match(reserved.decision, { allowed: true, remaining: 0 })
  t.match(await store.check(charge('any', policies)), { allowed: false })
  await reserved.settle(999)
  t.match(await store.check(charge('any', policies)), { allowed: true, remaining: 0 })
})

t.test('keys say whose they are, and leave when they have expired', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const store = new RedisStore({ client: closing(t, new Redis(redis.url)), prefix: 'mine:' })
  const two: Policies = [
    policyOf('burst', { max: 10, timeWindow: HOUR }),
    policyOf('day', { max: 1000, timeWindow: 24 * HOUR, algorithm: 'sliding-window' })
  ]
  await store.check(charge('192.0.2.1'))
  await store.check(charge('x'.repeat(65)))
  await store.check({ ...charge('user:7', two), limit: 'GET+/orders' })
  const digest = createHash('sha256').update('x'.repeat(65), 'utf16le').digest().subarray(0, 16)
  t.strictSame(((await redis.cli('KEYS', '*')) as string[]).sort(), [
    'mine:s{user:7}GET+/orders{day}',
    `mine:t{#${digest.toString('base64url')}}limit`,
    'mine:t{192.0.2.1}limit',
    'mine:t{user:7}GET+/orders{burst}'
  ])
  const left = Number(await redis.cli('PTTL', 'mine:t{user:7}GET+/orders{burst}'))
  t.ok(
    left > HOUR / 10 - MINUTE && left <= HOUR / 10,
    'one of ten in an hour is back after six minutes'
  )
  const kept = Number(await redis.cli('PTTL', 'mine:t{192.0.2.1}limit'))
  t.ok(kept > HOUR / 2 - MINUTE && kept <= HOUR / 2, 'one of two is back after half an hour')
  t.ok(Number(await redis.cli('PTTL', 'mine:s{user:7}GET+/orders{day}')) > 47 * HOUR)
  await store.reset(charge('192.0.2.1'))
  t.match(await redis.cli('GET', 'mine:t{192.0.2.1}limit'), /^\d+ 3600000000 \d+ \d+$/)
  const forgotten = Number(await redis.cli('TTL', 'mine:t{192.0.2.1}limit'))
  t.ok(forgotten <= HOUR / 2000, 'what was reserved is void for as long as it could be settled')
  await store.reset({ ...charge('user:7', two), limit: 'GET+/orders' })
  t.equal(await redis.cli('EXISTS', 'mine:s{user:7}GET+/orders{day}'), 0)
})

t.test(
  'a script that Redis forgot, and keys that hold something else, lose no request',
  async (t) => {
    const redis = await startPrivateRedis(t)
    if (redis === undefined) return
    const store = new RedisStore({ client: closing(t, new Redis(redis.url)) })
    const policies: Policies = [policyOf('p', { max: 1000, timeWindow: HOUR })]
    let asked = 0
    const flushing = (async () => {
      for (let times = 0; times < 20; times++) await redis.cli('SCRIPT', 'FLUSH')
    })()
    const end = flushing.then(() => true)
    while (!(await Promise.race([end, new Promise((resolve) => setImmediate(resolve))]))) {
      if (asked === 900) continue
      t.equal((await store.check(charge('client', policies))).remaining, 1000 - ++asked)
    }
    await redis.cli('RPUSH', 'holdfast:t{list}limit', 'something else')
    t.equal((await store.check(charge('list'))).allowed, true)
  }
)

t.test('an account that cannot be read begins again, and harms no other', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const store = new RedisStore({ client: closing(t, new Redis(redis.url)) })
  const warnings: string[] = []
  const end = store.onWarning((message) => warnings.push(message))
  const texts = [
    'nonsense',
    '9'.repeat(26),
    `${'9'.repeat(26)} ${'9'.repeat(26)}`,
    '-1',
    'nan',
    '1e300'
  ]
  for (const text of [...texts, ...texts.map((text) => `${text} 3600000000`)]) {
    await redis.cli('SET', 'holdfast:t{broken}limit', text)
    const decisions = await Promise.all(['a', 'broken', 'b'].map((key) => store.check(charge(key))))
    t.ok(decisions[1]?.allowed, text)
    t.match(await redis.cli('GET', 'holdfast:t{broken}limit'), /^\d{16} \d+$/, 'it is replaced')
  }
  t.match(await store.peek(charge('a')), { allowed: false }, 'the others are counted')
  t.equal(warnings.length, 1)
  t.match(warnings, [/"holdfast:t\{broken\}limit" cannot be read.*give this service a prefix/])
  end()
})

t.test('a full Redis takes nothing, and says so', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const store = new RedisStore({ client: closing(t, new Redis(redis.url)) })
  await store.check(charge('known'))
  await redis.cli('CONFIG', 'SET', 'maxmemory', 1)
  await t.rejects(store.check(charge('unknown')), { message: /OOM/ })
  await redis.cli('CONFIG', 'SET', 'maxmemory', 0)
  t.equal((await store.check(charge('unknown'))).remaining, 1)
})

t.test('a client that may not run scripts stops the boot, one that is away does not', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const acl = ['ACL', 'SETUSER', 'reader', 'on', '>secret', '~*']
  const client = () => closing(t, new Redis(redis.port, { username: 'reader', password: 'secret' }))
  await redis.cli(...acl, '+@all', '-@scripting')
  const refused = new RedisStore({ client: client() })
  await t.rejects(refused.check(charge('any')), { message: /NOPERM/ })
  await t.rejects(refused.open(), {
    code: 'HOLDFAST_ERR_RATE_LIMIT_STORE_REFUSED',
    message: /NOPERM.*Allow its user EVAL, EVALSHA/
  })
  await redis.cli(...acl, 'resetkeys', '~other:*', '+@all')
  await t.rejects(new RedisStore({ client: client() }).check(charge('any')), { message: /NOPERM/ })
  await redis.cli(...acl, 'resetkeys', '~holdfast:*', 'nocommands', '+@connection', '+info')
  const needed = ['+evalsha', '+eval', '+time', '+mget', '+set', '+del']
  await redis.cli('SCRIPT', 'LOAD', SCRIPT)
  for (const lacking of needed) {
    const others = needed.filter((right) => right !== lacking)
    await redis.cli('ACL', 'SETUSER', 'reader', ...others, lacking.replace('+', '-'))
    await t.rejects(new RedisStore({ client: client() }).open(), {
      code: 'HOLDFAST_ERR_RATE_LIMIT_STORE_REFUSED'
    })
  }
  await redis.cli('ACL', 'SETUSER', 'reader', '+evalsha', '+eval', '+time', '+mget', '+set', '+del')
  const enough = new RedisStore({ client: client() })
  t.equal((await enough.check(charge('any'))).allowed, true)
  await enough.open()
  await redis.kill()
  const away = closing(t, new Redis(redis.port, { maxRetriesPerRequest: 0, lazyConnect: true }))
  await t.resolves(new RedisStore({ client: away }).open())
})

t.test('other things than clients are refused, with what would be right', async (t) => {
  for (const client of [undefined, null, 5, 'redis://', {}, { eval() {} }, () => {}]) {
    t.throws(() => new RedisStore({ client: client as never }), {
      code: 'HOLDFAST_ERR_OPTION_INVALID',
      message: /"RedisStore\.client" must be a client of ioredis, iovalkey or redis/
    })
  }
  const client = { evalsha: async () => [], eval: async () => [] }
  t.throws(() => new RedisStore({ client, prefix: 'a{b}' }), { message: /without braces/ })
})

t.test('what a client hands out that is no answer is an error, and allows nothing', async (t) => {
  for (const reply of ['QUEUED', null, [], undefined]) {
    const client = { evalsha: async () => reply, eval: async () => reply }
    await t.rejects(new RedisStore({ client }).check(charge('any')), {
      message: 'the client did not hand out what the script replied'
    })
  }
  const throwing = {
    evalsha: () => {
      throw new Error('not today')
    },
    eval: async () => []
  }
  await t.rejects(new RedisStore({ client: throwing }).check(charge('any')), {
    message: 'not today'
  })
})

t.test('a Cluster that is not known yet has one part', async (t) => {
  const run = async () => []
  const emitter = { on() {}, off() {} }
  const clients: RedisClient[] = [
    { status: 'connecting', isCluster: true, evalsha: run, eval: run, ...emitter },
    { isOpen: false, nodeByAddress: new Map(), evalSha: run, eval: run, ...emitter } as RedisClient
  ]
  for (const client of clients) {
    const store = new RedisStore({ client })
    t.strictSame([store.isReady, store.partOf(charge('any'))], [false, ''])
  }
})

t.test('slots are those of a Cluster', async (t) => {
  // The examples of the specification, and of its CRC.
  t.equal(slotOf('123456789'), 0x31c3)
  t.equal(slotOf('foo'), 12182)
  t.equal(slotOf('user1000'), 3443)
  t.match(SCRIPT, /TIME/)
})
