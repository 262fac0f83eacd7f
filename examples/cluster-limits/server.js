/**
 * One of several processes of a service: all of them together allow each client `MAX` requests a
 * second, and 40 at once.
 */
import rateLimit from '@holdfast/rate-limit'
import Fastify from 'fastify'
import { Redis } from 'ioredis'

const redis = new Redis(process.env.REDIS_URL ?? 'redis://127.0.0.1:6379')
redis.on('error', () => {
  // ioredis keeps trying by itself. The plugin's log says how requests are counted meanwhile.
})

const app = Fastify({ logger: { level: 'warn' } })
app.register(rateLimit, {
  redis,
  max: Number(process.env.MAX ?? 100),
  timeWindow: '1 second',
  burst: 40,
  instances: 4,
  storeTimeout: process.env.STORE_TIMEOUT // 50 ms where it is not set
})
app.get('/', () => 'welcome')
app.addHook('onClose', async () => redis.disconnect())

const address = await app.listen({ port: Number(process.env.PORT ?? 0) })
process.send?.(address)
process.once('SIGTERM', () => app.close())
