/**
 * Services of one program that share a Redis.
 */
import { once } from 'node:events'
import { type RateLimitOptions, rateLimit } from '@holdfast/rate-limit'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import type { Redis } from '../../../../test/support/redis.ts'
import { ioredis } from './redis-clients.ts'

/** Services of one program, each with a connection of its own. */
export async function services(
  t: Test,
  redis: Redis,
  count: number,
  options: RateLimitOptions,
  build: (app: FastifyInstance) => void = () => {}
): Promise<FastifyInstance[]> {
  const apps = Array.from({ length: count }, () => {
    const app = Fastify()
    t.teardown(() => app.close())
    const client = ioredis(t, redis.port)
    // Whatever else the machine is doing, these wait for Redis.
    app.addHook('onReady', async () => {
      if (client.status !== 'ready') await once(client, 'ready')
    })
    app.register(rateLimit, { redis: client, storeTimeout: '10s', ...options })
    app.get('/', () => 'ok')
    build(app)
    return app
  })
  await Promise.all(apps.map((app) => app.ready()))
  return apps
}

export async function ask(app: FastifyInstance, url = '/', headers: Record<string, string> = {}) {
  const response = await app.inject({ url, headers })
  const left = Number(/r=(\d+)/.exec(String(response.headers['ratelimit']))?.[1])
  return { status: response.statusCode, left, headers: response.headers }
}

/** How often Redis was asked to run the script. */
export async function calls(redis: Redis): Promise<number> {
  const stats = String(await redis.cli('INFO', 'commandstats'))
  const counts = [...stats.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)]
  return counts.reduce((sum, [, count]) => sum + Number(count), 0)
}
