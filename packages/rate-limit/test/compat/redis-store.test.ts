import fastifyRateLimit from '@holdfast/rate-limit/compat'
import fc from 'fast-check'
import Fastify from 'fastify'
import { Redis as Client } from 'ioredis'
import t from 'tap'
import { startRedis } from '../../../../test/support/redis.ts'
import { mergeOptions, resolveOptions } from '../../dist/compat/limits.js'
import { LocalMemory } from '../../dist/compat/local-store.js'
import { RedisStore } from '../../dist/compat/redis-store.js'

const redis = await startRedis(t)

if (redis !== undefined) {
  const client = new Client(redis.url)
  t.teardown(() => client.quit())
  const nameSpace = `holdfast-compat-${process.pid}-`
  let tests = 0
  const ownNameSpace = () => `${nameSpace}${tests++}-`

  t.test('Redis and the memory of the process agree', async () => {
    const hour = 3_600_000
    await fc.assert(
      fc.asyncProperty(
        fc.boolean(),
        fc.boolean(),
        fc.integer({ min: 0, max: 3 }),
        fc.array(fc.constantFrom('a', 'b'), { maxLength: 8 }),
        async (continueExceeding, exponentialBackoff, max, keys) => {
          const limits = resolveOptions({ continueExceeding, exponentialBackoff })
          const local = new LocalMemory(64, undefined, () => 0).storeFor(limits)
          const shared = new RedisStore(client, ownNameSpace(), limits)
          for (const key of keys) {
            const one = local.increment(key, hour, max)
            const other = await shared.increment(key, hour, max)
            // Time passes in Redis: less than a minute is as good as none.
            const apart = one.ttl - other.ttl
            if (one.current !== other.current || apart < 0 || apart > 60_000) return false
            if ((await shared.read(key)).current !== other.current) return false
          }
          return (await shared.read('nobody')).current === 0
        }
      ),
      { numRuns: 50 }
    )
  })

  t.test('a window that grows ends at the largest number', async (t) => {
    const limits = resolveOptions({ exponentialBackoff: true })
    const store = new RedisStore(client, ownNameSpace(), limits)
    for (let index = 0; index < 70; index++) await store.increment('a', 1000, 1)
    const { current, ttl } = await store.increment('a', 1000, 1)
    t.equal(current, 71)
    t.ok(ttl > Number.MAX_SAFE_INTEGER - 1000)
  })

  t.test('a key that lost its expiry gets one', async (t) => {
    const name = ownNameSpace()
    const store = new RedisStore(client, name, resolveOptions({}))
    await redis.cli('SET', `${name}a`, 3)
    t.strictSame(await store.read('a'), { current: 3, ttl: 0 })
    t.strictSame(await store.increment('a', 60_000, 5), { current: 4, ttl: 60_000 })
    t.ok(Number(await redis.cli('PTTL', `${name}a`)) > 0)
  })

  t.test('keys are those of the original, and a group has its own', async (t) => {
    const name = ownNameSpace()
    const app = Fastify()
    await app.register(fastifyRateLimit, { redis: client, nameSpace: name, max: 7 })
    t.teardown(() => app.close())
    app.get('/', () => 'ok')
    app.get('/own', { config: { rateLimit: { max: 3 } } }, () => 'ok')
    app.get('/group', { config: { rateLimit: { groupId: 'g' } } }, () => 'ok')
    app.get('/too', { config: { rateLimit: { groupId: 'g' } } }, () => 'ok')
    const limited = app.createRateLimit({ max: 2, timeWindow: '1 hour' })
    const other = app.createRateLimit({ max: () => 9 })
    app.get('/limited', async (request) => {
      return [await limited(request), await other(request)].map((counted) => counted.key)
    })
    for (const url of ['/', '/own', '/group', '/too', '/limited']) await app.inject(url)
    const keys = (await client.keys(`${name}*`)).map((key) => key.slice(name.length))
    t.strictSame(keys.sort(), [
      '127.0.0.1',
      'GET/own-127.0.0.1',
      'group:1:g-127.0.0.1',
      'limiter2/3600000-127.0.0.1',
      'limiterf/60000-127.0.0.1'
    ])
    t.equal(await redis.cli('GET', `${name}group:1:g-127.0.0.1`), '2')
    t.equal(await redis.cli('GET', `${name}127.0.0.1`), '2')
  })

  t.test('several registrations share a client', async (t) => {
    const limits = mergeOptions(resolveOptions({}), { groupId: 'g' }, 'here')
    const name = ownNameSpace()
    for (const expected of [1, 2]) {
      const store = new RedisStore(client, name, limits)
      t.match(await store.increment('a', 1000, 1), { current: expected })
    }
  })
}

t.test('a client of another kind stops the boot', async (t) => {
  const app = Fastify().register(fastifyRateLimit, { redis: { eval() {} } })
  await t.rejects(async () => app.ready(), {
    code: 'HOLDFAST_ERR_OPTION_INVALID',
    message: /"rateLimit\.redis" must be a client of ioredis or iovalkey/
  })
})
