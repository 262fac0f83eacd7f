/**
 * A proxy in front of two services. Each is an upstream with a breaker of its own, so that one that fails
 * takes nothing away from the other.
 */
import httpProxy from '@fastify/http-proxy'
import Fastify from 'fastify'
import holdfast, { serverOptions } from 'holdfast'

/**
 * @param {{ catalog: string, reviews: string }} origins of the services
 */
export async function createProxy({ catalog, reviews }) {
  const app = Fastify(serverOptions({ logger: { level: 'warn' } }))
  await app.register(holdfast, {
    circuitBreaker: { threshold: 5, resetTimeout: '3s' },
    outgoing: { timeout: '2s' }
  })
  for (const [name, origin] of Object.entries({ catalog, reviews })) {
    const upstream = app.upstream(name, { origin })
    await app.register(httpProxy, upstream.proxyOptions({ prefix: `/${name}` }))
  }
  return app
}
