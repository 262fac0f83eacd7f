import { randomUUID } from 'node:crypto'
import { MemoryStore, type RateLimitOptions, rateLimit } from '@holdfast/rate-limit'
import { RedisStore } from '@holdfast/rate-limit/redis'
import fc from 'fast-check'
import Fastify, { type FastifyInstance, type onRequestHookHandler } from 'fastify'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { startRedis } from '../../../../test/support/redis.ts'

const HOUR = { timeWindow: '1 hour' } as const

/** Every address may make 10 requests, every user 1. */
const BY_ADDRESS: RateLimitOptions = { max: 10, ...HOUR, refundDenied: true }

const authenticate: onRequestHookHandler = (request, reply, done) => {
  if (request.headers.authorization === undefined) reply.code(401).send('who are you?')
  else done()
}

async function service(t: Test, byAddress: RateLimitOptions) {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(rateLimit, byAddress)
  app.addHook('onRequest', authenticate)
  const byUser = app.rateLimit({
    max: 1,
    keyGenerator: ({ headers }) => String(headers.authorization)
  })
  app.get('/', { preHandler: byUser }, async () => 'ok')
  return app
}

async function ask(app: FastifyInstance, authorization?: string): Promise<number> {
  const headers = authorization === undefined ? {} : { authorization }
  return (await app.inject({ url: '/', headers })).statusCode
}

/** How much is left of the limit of the plugin. */
async function left(app: FastifyInstance): Promise<number> {
  return (await app.createRateLimiter().peek('127.0.0.1', { cost: 0 })).remaining
}

t.test('a request that the limit of its user denies costs its address nothing', async (t) => {
  const store = new MemoryStore()
  for (const [options, where] of [
    [BY_ADDRESS, 'in this process'],
    [{ ...BY_ADDRESS, store }, 'in a store']
  ] as const) {
    const app = await service(t, options)
    t.equal(await ask(app, 'ann'), 200, where)
    t.strictSame([await ask(app, 'ann'), await ask(app, 'ann')], [429, 429], where)
    t.equal(await ask(app, 'bob'), 200, where)
    t.equal(await left(app), 8, where)
  }
})

t.test('what is given back in Redis counts for the next request', async (t) => {
  const server = await startRedis(t)
  if (server === undefined) return
  const redis = new Redis(server.url)
  redis.on('error', () => {})
  t.teardown(() => redis.disconnect())
  const store = new RedisStore({ client: redis, prefix: `refunds-${randomUUID()}:` })
  const app = await service(t, { ...BY_ADDRESS, max: 3, store, storeTimeout: '10s' })
  t.equal(await ask(app, 'ann'), 200)
  for (let denied = 0; denied < 5; denied++) t.equal(await ask(app, 'ann'), 429)
  t.strictSame(
    [await ask(app, 'bob'), await ask(app, 'cid'), await ask(app, 'dan')],
    [200, 200, 429]
  )
})

t.test('a request that authentication refuses stays charged', async (t) => {
  const app = await service(t, { ...BY_ADDRESS, max: 2 })
  t.strictSame([await ask(app), await ask(app)], [401, 401])
  t.equal(await ask(app, 'ann'), 429, 'guessing has used up what the address may ask')
})

for (const algorithm of ['token-bucket', 'sliding-window', 'fixed-window'] as const) {
  t.test(`${algorithm}: addresses are charged for what was served or unauthorized`, async (t) => {
    const users = fc.array(fc.constantFrom('ann', 'bob', undefined), { maxLength: 30 })
    await fc.assert(
      fc.asyncProperty(users, async (users) => {
        const app = await service(t, { ...BY_ADDRESS, algorithm })
        const statuses = await Promise.all(users.map((user) => ask(app, user)))
        const charged = statuses.filter((status) => status !== 429).length
        t.equal(await left(app), 10 - charged)
        const served = new Set(users.filter((user, index) => user && statuses[index] === 200))
        t.equal(statuses.filter((status) => status === 200).length, served.size, 'once each')
        await app.close()
      }),
      { numRuns: 20 }
    )
  })
}

t.test('without the option a request stays charged to every limit that allowed it', async (t) => {
  const app = await service(t, { ...BY_ADDRESS, refundDenied: false })
  t.strictSame([await ask(app, 'ann'), await ask(app, 'ann')], [200, 429])
  t.equal(await left(app), 8)
})

t.test('every limit that came before gives back, of outer registrations too', async (t) => {
  const app = Fastify()
  await app.register(rateLimit, BY_ADDRESS)
  const first = app.rateLimit({ ...BY_ADDRESS, groupId: 'first' })
  const scopes: FastifyInstance[] = []
  await app.register(async (scope) => {
    await scope.register(rateLimit, BY_ADDRESS)
    const last = scope.rateLimit({ max: 1, refundDenied: false })
    scope.get('/', { onRequest: [first, last] }, async () => 'ok')
    scopes.push(scope)
  })
  t.strictSame([await ask(app), await ask(app)], [200, 429])
  for (const instance of [app, ...scopes]) t.equal(await left(instance), 9)
  const group = app.createRateLimiter({ max: 10, ...HOUR, groupId: 'first' })
  t.equal((await group.peek('127.0.0.1', { cost: 0 })).remaining, 9)
})

t.test('a limit in shadow mode refuses nothing, so nothing is given back', async (t) => {
  const app = Fastify()
  await app.register(rateLimit, BY_ADDRESS)
  app.get('/', { onRequest: app.rateLimit({ max: 0, mode: 'shadow' }) }, async () => 'ok')
  t.strictSame([await ask(app), await ask(app)], [200, 200])
  t.equal(await left(app), 8)
})
