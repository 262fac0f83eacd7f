/**
 * Services whose store dies. Covers `edges/shared/fallback-backend.ts`, and the store in `state.ts`.
 */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { statesOf, subscribe } from '@holdfast/core'
import {
  type Charge,
  MemoryStore,
  type RateLimitOptions,
  type RateLimitStoreEvent,
  rateLimit
} from '@holdfast/rate-limit'
import type { RedisClient } from '@holdfast/rate-limit/redis'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { Client } from 'undici'
import { eventually, listen } from '../../../../test/support/http.ts'
import { type PrivateRedis, startPrivateRedis } from '../../../../test/support/redis.ts'
import { ioredis, nodeRedis } from '../support/redis-clients.ts'

t.setTimeout(60_000)

/** A service, a client of it, and what is told of its store. */
async function serve(t: Test, options: RateLimitOptions) {
  const events: boolean[] = []
  const heard = ({ available }: RateLimitStoreEvent) => events.push(available)
  t.teardown(subscribe('holdfast:rate-limit:store', heard))
  const lines: string[] = []
  const stream = { write: (line: string) => lines.push(JSON.parse(line).msg) }
  const app = Fastify({ logger: { stream } })
  app.register(rateLimit, options)
  app.get('/', () => 'ok')
  const client = new Client(`http://127.0.0.1:${await listen(app)}`, { pipelining: 1 })
  t.teardown(async () => {
    await client.close()
    await app.close()
  })
  const get = async () => {
    const { statusCode, headers, body } = await client.request({ method: 'GET', path: '/' })
    await body.dump()
    const left = Number(/r=(\d+)/.exec(String(headers['ratelimit']))?.[1])
    return { status: statusCode, left, headers }
  }
  const told = () => lines.filter((line) => /rateLimit: the store/.test(line))
  const state = () => statesOf(app, '@holdfast/rate-limit')[0]?.state.store
  return { app, get, events, told, state }
}

/** Asks until the store is left alone. Returns how often. */
async function untilLeftAlone(
  t: Test,
  { get, events }: Awaited<ReturnType<typeof serve>>
): Promise<number> {
  let asked = 0
  while (events.at(-1) !== false) {
    t.equal((await get()).status, 200)
    asked++
  }
  return asked
}

const LIMIT = { max: 1000, timeWindow: '1 hour' } as const

const CLIENTS: Readonly<
  Record<string, (t: Test, redis: PrivateRedis) => RedisClient | Promise<RedisClient>>
> = {
  ioredis: async (t, { port }) => {
    const client = ioredis(t, port)
    await once(client, 'ready')
    return client
  },
  'node-redis': (t, { url }) => nodeRedis(t, url)
}

for (const [library, connect] of Object.entries(CLIENTS)) {
  t.test(
    `a frozen Redis holds nobody up for long, and is used again once it thaws (${library})`,
    async (t) => {
      const redis = await startPrivateRedis(t)
      if (redis === undefined) return
      const service = await serve(t, { ...LIMIT, redis: await connect(t, redis), instances: 10 })
      const { get, events, told } = service
      for (const left of [999, 998]) t.equal((await get()).left, left)
      redis.freeze()
      t.ok((await untilLeftAlone(t, service)) <= 3)
      const started = performance.now()
      for (let asked = 0; asked < 20; asked++) t.equal((await get()).status, 200)
      t.ok(performance.now() - started < 1000, 'not one of them waited for the store')
      t.ok((await get()).left < 100, 'the local share is a tenth')
      redis.thaw()
      const thawed = performance.now()
      await eventually(() => events.at(-1) === true)
      t.ok(performance.now() - thawed < 1000)
      const { left } = await get()
      t.ok(left <= 997 && left >= 994, `counted is what Redis was sent, and once: ${left} left`)
      t.strictSame(events, [false, true])
      t.equal(told().length, 2, 'each change is logged once')
      t.match(told(), [/does not answer in time.*every process limits by itself/, /answers again/])
    }
  )

  t.test(
    `a Redis that was killed is used again once it is back, without its data (${library})`,
    async (t) => {
      const redis = await startPrivateRedis(t)
      if (redis === undefined) return
      const service = await serve(t, { ...LIMIT, redis: await connect(t, redis) })
      const { get, events, state } = service
      t.equal((await get()).left, 999)
      t.match(state(), { available: true, outages: 0, outageTime: 0, fallbacks: 0 })
      for (const outage of [1, 2]) {
        const before = state()?.fallbacks ?? 0
        await redis.kill()
        const alone = (await untilLeftAlone(t, service)) + 20
        for (let asked = 0; asked < 20; asked++) t.equal((await get()).status, 200)
        t.match(state(), { available: false, outages: outage, fallbacks: before + alone })
        await redis.restart()
        await eventually(() => events.at(-1) === true)
        t.match(state(), { available: true, outages: outage, fallbacks: before + alone })
        const { left } = await get()
        t.ok(left <= 999 && left >= 995, 'at most what was on the wire is counted too')
      }
      const { outageTime = 0, duration = 0 } = state() ?? {}
      t.ok(outageTime > 0 && duration > 0)
    }
  )
}

t.test('a peer that accepts and says nothing is not waited for', async (t) => {
  const sockets = new Set<Socket>()
  const silent = createServer((socket) => sockets.add(socket)).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    silent.close()
  })
  const { get, events } = await serve(t, {
    ...LIMIT,
    redis: ioredis(t, (silent.address() as AddressInfo).port)
  })
  for (const left of [999, 998, 997]) t.equal((await get()).left, left)
  t.strictSame(events, [false])
})

t.test('a client that connects after the boot is used as soon as it is ready', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  await redis.kill()
  const { get, events } = await serve(t, { ...LIMIT, redis: ioredis(t, redis.port) })
  t.equal((await get()).left, 999)
  t.equal((await get()).left, 998)
  await redis.restart()
  await eventually(() => events.at(-1) === true)
  t.equal((await get()).left, 999)
})

t.test('many registrations are no burden for a client, or for the boot', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  await redis.kill()
  const warnings: string[] = []
  const warned = ({ name }: Error) => warnings.push(name)
  process.on('warning', warned)
  t.teardown(() => process.off('warning', warned))
  const client = ioredis(t, redis.port)
  const own = client.listenerCount('ready')
  const lines: string[] = []
  const app = Fastify({ logger: { stream: { write: (line: string) => lines.push(line) } } })
  for (let nested = 0; nested < 15; nested++) {
    app.register(async (scope) => {
      await scope.register(rateLimit, { redis: client })
    })
  }
  const begun = performance.now()
  await app.ready()
  t.ok(performance.now() - begun < 3000, 'they wait for it together')
  t.equal(client.listenerCount('ready'), own + 1)
  t.equal(lines.filter((line) => /is not connected/.test(line)).length, 15, 'which is told at boot')
  await app.close()
  t.equal(client.listenerCount('ready'), own)
  t.strictSame(warnings, [])
})

t.test('a client whose errors nobody hears is called out', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const client = ioredis(t, redis.port)
  client.removeAllListeners('error')
  const lines: string[] = []
  const app = Fastify({ logger: { stream: { write: (line: string) => lines.push(line) } } })
  t.teardown(() => app.close())
  app.register(rateLimit, { redis: client })
  await app.ready()
  t.match(lines.join(), /the Redis client has no listener for 'error'.*Add client\.on\('error'/)
  client.on('error', () => {})
})

t.test('a full Redis counts as one that fails', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const service = await serve(t, { ...LIMIT, redis: ioredis(t, redis.port) })
  await redis.cli('CONFIG', 'SET', 'maxmemory', 1)
  await untilLeftAlone(t, service)
  await new Promise((resolve) => setTimeout(resolve, 600))
  t.strictSame(service.events, [false], 'probes find that it is still full')
  t.match(service.told(), [/fails \(.*OOM/])
  await redis.cli('CONFIG', 'SET', 'maxmemory', 0)
  await eventually(() => service.events.at(-1) === true)
})

t.test(
  'without the store nobody is limited, or all are denied, where that is asked for',
  async (t) => {
    const gone = new MemoryStore()
    const store = Object.assign(gone, {
      check: () => {
        throw new Error('gone')
      }
    })
    const open = await serve(t, { max: 1, store, onStoreError: 'allow' })
    for (let asked = 0; asked < 5; asked++) {
      const { status, left } = await open.get()
      t.strictSame([status, left], [200, 1])
    }
    t.match(open.told(), [/fails \(gone\).*nobody is limited/])
    const closed = await serve(t, { max: 1, store, onStoreError: 'deny' })
    for (let asked = 0; asked < 5; asked++) {
      const { status, headers } = await closed.get()
      t.strictSame([status, headers['retry-after']], [429, '1'])
    }
    t.match(closed.told(), [/all are denied/])
  }
)

t.test('a ban holds in the process that was asked for it, whatever an outage allows', async (t) => {
  const away = () => Promise.reject(new Error('gone'))
  const store = Object.assign(new MemoryStore(), { check: away, ban: away })
  for (const onStoreError of ['local', 'allow', 'deny'] as const) {
    const { app, get } = await serve(t, { max: 10, store, onStoreError })
    await t.rejects(app.banClient('127.0.0.1', '1 hour'), {
      code: 'HOLDFAST_ERR_RATE_LIMIT_STORE_UNAVAILABLE'
    })
    const { status, headers } = await get()
    t.equal(status, 429, onStoreError)
    t.ok(Number(headers['retry-after']) > 3000, 'it is told when the ban ends')
  }
})

t.test('what costs more than the local share is allowed once the share is there', async (t) => {
  const store = Object.assign(new MemoryStore(), {
    check: () => Promise.reject(new Error('gone'))
  })
  const cost = 5
  const { get } = await serve(t, { max: 10, timeWindow: '1 hour', cost, store, instances: 4 })
  t.equal((await get()).status, 200)
  const { status, headers } = await get()
  t.equal(status, 429)
  t.ok(headers['retry-after'])
})

t.test('a service that closes while the store is away does not wait for it', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const client = ioredis(t, redis.port)
  await once(client, 'ready')
  const lease = { max: 10 }
  const service = await serve(t, { ...LIMIT, redis: client, lease })
  for (let asked = 0; asked < 3; asked++) await service.get()
  const asking = Fastify()
  t.teardown(() => asking.close())
  asking.register(rateLimit, { ...LIMIT, redis: client, lease, storeTimeout: 200 })
  asking.get('/', () => 'ok')
  await asking.ready()
  await redis.kill()
  while (service.events.at(-1) !== false) t.equal((await service.get()).status, 200)
  for (let asked = 0; asked < 20; asked++) t.equal((await service.get()).status, 200)
  await service.app.close()
  t.ok(service.told().length === 1)
  await asking.close()
})

t.test('the boot stops where the client may not run scripts', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  await redis.cli('ACL', 'SETUSER', 'reader', 'on', '>secret', '~*', '+@all', '-@scripting')
  const app = Fastify()
  t.teardown(() => app.close())
  const client = ioredis(t, redis.port, { username: 'reader', password: 'secret' })
  app.register(rateLimit, { redis: client })
  await t.rejects(async () => app.ready(), { code: 'HOLDFAST_ERR_RATE_LIMIT_STORE_REFUSED' })
})

for (const [how, end] of [
  ['frozen', (redis: PrivateRedis) => redis.freeze()],
  ['killed', (redis: PrivateRedis) => redis.kill()]
] as const) {
  t.test(`a log that throws loses no request when Redis is ${how}`, async (t) => {
    const redis = await startPrivateRedis(t)
    if (redis === undefined) return
    let lost = 0
    const write = () => {
      lost++
      throw new Error('the disk is full')
    }
    const warnings: string[] = []
    const warned = ({ message }: Error) => warnings.push(message)
    process.on('warning', warned)
    t.teardown(() => process.off('warning', warned))
    const app = Fastify({ logger: { level: 'warn', stream: { write } } })
    t.teardown(async () => {
      redis.thaw()
      await app.close()
    })
    const client = ioredis(t, redis.port)
    app.register(rateLimit, { ...LIMIT, redis: client })
    app.get('/', () => 'ok')
    await app.ready()
    await end(redis)
    while (lost === 0) t.equal((await app.inject('/')).statusCode, 200)
    const statuses = await Promise.all(Array.from({ length: 20 }, () => app.inject('/')))
    t.ok(statuses.every(({ statusCode }) => statusCode === 200))
    await eventually(() => warnings.length > 0)
    t.match(warnings.join(), /an error of the logger.*the disk is full/s)
  })
}

t.test('a process that was held up does not blame the store for it', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const client = ioredis(t, redis.port)
  await once(client, 'ready')
  class Slow extends MemoryStore {
    override async check(charge: Charge) {
      // Redis answers that there is nothing after 50 ms, and the second question at once.
      await client.blpop('nothing', 0.05)
      await client.ping()
      return super.check(charge)
    }
  }
  const options = { ...LIMIT, store: new Slow(), storeTimeout: 200, instances: 10 } as const
  const { app, events } = await serve(t, options)
  await app.ready()
  for (const left of [999, 998, 997, 996]) {
    const answered = app.inject('/')
    await new Promise((resolve) => setTimeout(resolve, 20))
    holdUp(400)
    t.match((await answered).headers['ratelimit'], `r=${left};`)
  }
  t.strictSame(events, [])
})

t.test('a boot that keeps the process busy does not miss that the store is ready', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const lines: string[] = []
  const app = Fastify({ logger: { stream: { write: (line: string) => lines.push(line) } } })
  t.teardown(() => app.close())
  app.register(rateLimit, { ...LIMIT, redis: ioredis(t, redis.port) })
  app.register(async () => holdUp(800))
  await app.ready()
  t.notMatch(lines.join(), /is not connected/)
})

/** Keeps the event loop busy for so many milliseconds. */
function holdUp(duration: number): void {
  const end = performance.now() + duration
  while (performance.now() < end);
}
