import { subscribe } from '@holdfast/core'
import { rateLimit } from '@holdfast/rate-limit'
import type { RedisClient } from '@holdfast/rate-limit/redis'
import Fastify from 'fastify'
import { Redis } from 'ioredis'
import { createSentinel } from 'redis'
import t, { type Test } from 'tap'
import { eventually } from '../../../../test/support/http.ts'
import { type RedisSentinel, startRedisSentinel } from '../../../../test/support/redis.ts'
import { closing } from '../support/redis-clients.ts'

t.setTimeout(90_000)

type Connect = (t: Test, watched: RedisSentinel) => RedisClient | Promise<RedisClient>

const CLIENTS: Readonly<Record<string, Connect>> = {
  ioredis: (t, { sentinel, name }) =>
    closing(t, new Redis({ sentinels: [{ host: '127.0.0.1', port: sentinel.port }], name })),
  'node-redis': async (t, { sentinel, name }) => {
    const sentinelRootNodes = [{ host: '127.0.0.1', port: sentinel.port }]
    const client = createSentinel({ name, sentinelRootNodes })
    client.on('error', () => {})
    t.teardown(() => client.destroy())
    await client.connect()
    return client
  }
}

for (const [library, connect] of Object.entries(CLIENTS)) {
  t.test(
    `when Sentinel makes the replica the master, no request is lost (${library})`,
    async (t) => {
      const watched = await startRedisSentinel(t)
      if (watched === undefined) return
      const events: boolean[] = []
      t.teardown(subscribe('holdfast:rate-limit:store', ({ available }) => events.push(available)))
      const app = Fastify()
      t.teardown(() => app.close())
      const redis = await connect(t, watched)
      const algorithm = 'fixed-window'
      app.register(rateLimit, {
        // A busy machine is no outage.
        storeTimeout: '1s',
        max: 10_000,
        timeWindow: '1 hour',
        algorithm,
        redis
      })
      app.get('/', () => 'ok')
      await app.ready()
      const ask = async () => {
        const { statusCode, headers } = await app.inject('/')
        if (statusCode !== 200) t.fail(`answered with ${statusCode}`)
        return Number(/r=(\d+)/.exec(String(headers['ratelimit']))?.[1])
      }
      for (let asked = 1; asked <= 100; asked++) t.equal(await ask(), 10_000 - asked)
      // A replica that has just been found may still be on its way to the present.
      const account = 'holdfast:f{127.0.0.1}default'
      while (!/ 100 0$/.test(String(await watched.replica.cli('GET', account)))) {
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      events.length = 0
      await watched.master.kill()
      await eventually(() => {
        void ask()
        return events.at(-1) === true
      }, 30)
      // A call that is too slow just now is answered by the process.
      let counted = 0
      for (let more = 0; more < 90 && counted <= 100; more++) {
        await ask()
        counted = Number(/ (\d+) 0$/.exec(String(await watched.replica.cli('GET', account)))?.[1])
      }
      t.ok(counted > 100, `the replica went on from what the master counted: ${counted}`)
      t.equal(events[0], false)
    }
  )
}
