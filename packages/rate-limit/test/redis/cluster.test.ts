import { rateLimit } from '@holdfast/rate-limit'
import { type RedisClient, RedisStore } from '@holdfast/rate-limit/redis'
import { storeConformance } from '@holdfast/rate-limit/store-conformance'
import Fastify, { type FastifyInstance } from 'fastify'
import { Cluster } from 'ioredis'
import { Cluster as Cluster5 } from 'ioredis-5'
import { Cluster as ValkeyCluster } from 'iovalkey'
import { createCluster } from 'redis'
import { createCluster as createCluster5 } from 'redis-5'
import t, { type Test } from 'tap'
import { type PrivateRedis, startRedisCluster } from '../../../../test/support/redis.ts'
import { slotOf } from '../../dist/edges/redis/cluster-slot.js'
import { type Policies, policyOf } from '../../dist/policy.js'
import { closing } from '../support/redis-clients.ts'

t.setTimeout(60_000)

const HOUR = 3_600_000
const POLICIES: Policies = [policyOf('p', { max: 1000, timeWindow: HOUR })]

type Connect = (t: Test, node: PrivateRedis) => RedisClient | Promise<RedisClient>

const CLIENTS: Readonly<Record<string, Connect>> = {
  'ioredis 6': (t, { port }) => closing(t, new Cluster([{ host: '127.0.0.1', port }])),
  'ioredis 5': (t, { port }) => closing(t, new Cluster5([{ host: '127.0.0.1', port }])),
  iovalkey: (t, { port }) => closing(t, new ValkeyCluster([{ host: '127.0.0.1', port }])),
  'node-redis 6': (t, { url }) => connected(t, createCluster({ rootNodes: [{ url }] })),
  'node-redis 5': (t, { url }) => connected(t, createCluster5({ rootNodes: [{ url }] }))
}

async function connected<
  Client extends {
    connect(): Promise<unknown>
    destroy(): void
    on(event: 'error', listener: () => void): unknown
  }
>(t: Test, client: Client): Promise<Client> {
  client.on('error', () => {})
  t.teardown(() => client.destroy())
  await client.connect()
  return client
}

function charge(key: string) {
  return { limit: 'limit', keys: key, policies: POLICIES, costs: 1, countDenied: false }
}

t.test('a Cluster does what a store must do, through every library', async (t) => {
  const cluster = await startRedisCluster(t)
  if (cluster === undefined) return
  for (const [library, connect] of Object.entries(CLIENTS)) {
    await t.test(library, async (t) => {
      const client = await connect(t, cluster.nodes[0] as PrivateRedis)
      const store = new RedisStore({ client, prefix: `${library}:` })
      await store.open()
      await Promise.all(
        storeConformance(() => store).map(({ name, run }) => t.resolves(run(), name))
      )
      const keys = Array.from({ length: 60 }, (_, index) => `client-${index}`)
      t.equal(
        new Set(keys.map((key) => store.partOf(charge(key)))).size,
        3,
        'the nodes are told apart'
      )
    })
  }
})

t.test('slots that move to another node under load lose no request', async (t) => {
  const cluster = await startRedisCluster(t)
  if (cluster === undefined) return
  const [from, to] = cluster.nodes as [PrivateRedis, PrivateRedis]
  for (const library of ['ioredis 6', 'node-redis 6'] as const) {
    await t.test(library, async (t) => {
      const client = await (CLIENTS[library] as Connect)(t, from)
      const store = new RedisStore({ client, prefix: `${library}:` })
      await store.open()
      // A client whose slot the first node has, until the test moves it.
      let key = ''
      for (let number = 0; key === '' || slotOf(key) > 5000; number++)
        key = `${library[0]}${number}`
      const slot = slotOf(key)
      let asked = 0
      let isMoved = false
      const asking = (async () => {
        while (!isMoved) {
          t.equal((await store.check(charge(key))).remaining, 1000 - ++asked)
          await new Promise((resolve) => setTimeout(resolve, 10))
        }
      })()
      await new Promise((resolve) => setTimeout(resolve, 50))
      await move(slot, from, to)
      await new Promise((resolve) => setTimeout(resolve, 50))
      isMoved = true
      await asking
      t.equal((await store.check(charge(key))).remaining, 1000 - ++asked)
    })
  }
})

/** Moves a slot as `redis-cli --cluster reshard` does. */
async function move(slot: number, from: PrivateRedis, to: PrivateRedis): Promise<void> {
  const [fromId, toId] = [
    String(await from.cli('CLUSTER', 'MYID')),
    String(await to.cli('CLUSTER', 'MYID'))
  ]
  await to.cli('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId)
  await from.cli('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId)
  await new Promise((resolve) => setTimeout(resolve, 50))
  const keys = (await from.cli('CLUSTER', 'GETKEYSINSLOT', slot, 100)) as string[]
  for (const key of keys) await from.cli('MIGRATE', '127.0.0.1', to.port, key, 0, 5000)
  await to.cli('CLUSTER', 'SETSLOT', slot, 'NODE', toId)
  await from.cli('CLUSTER', 'SETSLOT', slot, 'NODE', toId)
}

t.test('a ban holds in every slot that a limit of the client lives in', async (t) => {
  const cluster = await startRedisCluster(t)
  if (cluster === undefined) return
  const keyGenerator = ({ headers }: { headers: Record<string, unknown> }) => String(headers['t'])
  const policies = [
    { name: 'client', max: 100, timeWindow: '1 hour' },
    { name: 'tenant', max: 100, timeWindow: '1 hour', keyGenerator }
  ] as const
  const routes = Array.from({ length: 8 }, (_, index) => `/${index}`)
  const apps = await Promise.all(
    [0, 1].map(async () => {
      const redis = await (CLIENTS['ioredis 6'] as Connect)(t, cluster.nodes[0] as PrivateRedis)
      const app = Fastify()
      t.teardown(() => app.close())
      app.register(rateLimit, { redis, storeTimeout: '10s' })
      for (const url of routes) app.get(url, { config: { rateLimit: { policies } } }, () => 'ok')
      app.get('/', () => 'ok')
      await app.ready()
      return app
    })
  )
  const [one, two] = apps as [FastifyInstance, FastifyInstance]
  await one.banClient('127.0.0.1', '1 hour')
  for (const url of ['/', ...routes]) {
    t.equal((await two.inject({ url, headers: { t: 'acme' } })).statusCode, 429, url)
  }
})

t.test('of a Cluster that loses a node the other nodes are still asked', async (t) => {
  const cluster = await startRedisCluster(t)
  if (cluster === undefined) return
  const [first, , last] = cluster.nodes as [PrivateRedis, PrivateRedis, PrivateRedis]
  for (const node of cluster.nodes) {
    await node.cli('CONFIG', 'SET', 'cluster-require-full-coverage', 'no')
  }
  for (const library of ['ioredis 6', 'node-redis 6'] as const) {
    await t.test(library, async (t) => {
      const redis = await (CLIENTS[library] as Connect)(t, first)
      const store = new RedisStore({ client: redis })
      await store.open()
      const app = Fastify()
      t.teardown(() => app.close())
      app.register(rateLimit, {
        ...{ max: 1000, timeWindow: '1 hour', redis, instances: 10 },
        // A busy machine is no outage.
        storeTimeout: 400,
        keyGenerator: ({ headers }) => String(headers['client'])
      })
      app.get('/', () => 'ok')
      await app.ready()
      const ask = async (client: string) => {
        const { statusCode, headers } = await app.inject({ url: '/', headers: { client } })
        return [statusCode, Number(/r=(\d+)/.exec(String(headers['ratelimit']))?.[1])]
      }
      const name = library.replace(' ', '-')
      const clients = Array.from({ length: 60 }, (_, index) => `${name}-${index}`)
      const lost = clients.filter((client) => slotOf(client) >= 10923)
      const kept = clients.filter((client) => slotOf(client) < 10923)
      for (const client of clients) t.strictSame(await ask(client), [200, 999])
      last.freeze()
      for (const client of lost) t.equal((await ask(client))[0], 200)
      const started = performance.now()
      for (const client of kept) t.strictSame(await ask(client), [200, 998], 'still shared')
      for (const client of lost) {
        const [status, left] = (await ask(client)) as [number, number]
        t.equal(status, 200)
        t.ok(left < 100, 'a share of this process alone')
      }
      t.ok(performance.now() - started < 2000, 'nobody waited')
      last.thaw()
      await t.resolves(
        (async () => {
          for (let left = 0; left < 900; left = (await ask(lost[0] as string))[1] as number) {
            await new Promise((resolve) => setTimeout(resolve, 50))
          }
        })(),
        'the node is used again'
      )
    })
  }
})
