import { fileURLToPath } from 'node:url'
import type { RateLimitOptions } from '@holdfast/rate-limit'
import t, { type Test } from 'tap'
import { Pool } from 'undici'
import { startNode } from '../../../../test/support/process.ts'
import { type Redis, startPrivateRedis } from '../../../../test/support/redis.ts'

t.setTimeout(120_000)

const PROCESSES = 4
const SECONDS = 4

/** Starts the processes and loads them all. */
async function load(t: Test, redis: Redis, options: RateLimitOptions) {
  const fixture = fileURLToPath(new URL('../fixtures/service.js', import.meta.url))
  const processes = Array.from({ length: PROCESSES }, () =>
    startNode([fixture, `${redis.port}`, JSON.stringify(options)])
  )
  for (const { stop } of processes) t.teardown(stop)
  const pools = await Promise.all(
    processes.map(async ({ printed }) => {
      const [, port] = await printed(/"port":(\d+)/)
      return new Pool(`http://127.0.0.1:${port}`, { connections: 8 })
    })
  )
  const statuses = new Map<number, number>()
  const started = await microseconds(redis)
  const end = performance.now() + SECONDS * 1000
  await Promise.all(
    pools.flatMap((pool) =>
      Array.from({ length: 8 }, async () => {
        while (performance.now() < end) {
          const { statusCode, body } = await pool.request({ method: 'GET', path: '/' })
          await body.dump()
          statuses.set(statusCode, (statuses.get(statusCode) ?? 0) + 1)
        }
      })
    )
  )
  const elapsed = (await microseconds(redis)) - started
  await Promise.all(pools.map((pool) => pool.close()))
  for (const { signal } of processes) signal('SIGTERM')
  for (const { exited } of processes) t.match(await exited, { code: 0 }, 'nothing keeps it alive')
  t.strictSame([...statuses.keys()].sort(), [200, 429])
  return { admitted: statuses.get(200) as number, elapsed }
}

async function microseconds(redis: Redis): Promise<number> {
  const [seconds, rest] = (await redis.cli('TIME')) as [string, string]
  return Number(seconds) * 1e6 + Number(rest)
}

t.test('four processes admit together what a token bucket does', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const options = { max: 50, timeWindow: 1000, burst: 100 } as const
  const { admitted, elapsed } = await load(t, redis, options)
  // The load does not begin or end with the readings of the clock.
  const most = 100 + Math.floor(elapsed / 20_000) + 1
  t.ok(admitted <= most, `${admitted} of at most ${most}`)
  t.ok(admitted >= 100 + 50 * (SECONDS - 1), `${admitted} is not much less`)
})

t.test('four processes admit together exactly what a fixed window does', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const options = { max: 777, timeWindow: '1 hour', algorithm: 'fixed-window' } as const
  t.equal((await load(t, redis, options)).admitted, 777)
})

t.test('four processes that lease admit at most their leases more', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  const lease = { max: 10 }
  const options = { max: 400, timeWindow: 1000, burst: 400, lease, instances: PROCESSES } as const
  const { admitted, elapsed } = await load(t, redis, options)
  const most = 400 + Math.floor(elapsed / 2500) + 1 + PROCESSES * lease.max
  t.ok(admitted <= most, `${admitted} of at most ${most}`)
})
