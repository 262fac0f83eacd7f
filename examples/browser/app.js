/**
 * A page, and the API that its script asks. They have two origins, as they would have in production.
 */
import { fileURLToPath } from 'node:url'
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import files from '@fastify/static'
import Fastify from 'fastify'
import holdfast, { serverOptions } from 'holdfast'

/**
 * The API.
 *
 * @param {{ page: string, level?: string }} settings `page` is the origin of the page, as browsers send it
 */
export async function createApi({ page, level = 'info' }) {
  const app = Fastify(serverOptions({ logger: { level } }))

  // First what refuses nobody: refusals carry its header fields then.
  await app.register(cors, {
    origin: page,
    // What a script may read. Without this it sees a 429, and not how long to wait.
    exposedHeaders: ['Retry-After', 'RateLimit', 'RateLimit-Policy']
  })
  await app.register(helmet)
  await app.register(holdfast, { rateLimit: { max: 3, timeWindow: '12s' } })

  let orders = 0
  app.post('/orders', async (_request, reply) => {
    orders++
    return reply.code(201).send({ id: orders })
  })
  return app
}

/**
 * The page.
 *
 * @param {{ api: () => string, level?: string }} settings `api` tells the origin of the API, from the first request on
 */
export async function createPage({ api, level = 'info' }) {
  const app = Fastify({ logger: { level } })
  // The page may ask the API, and nobody else.
  const directives = { connectSrc: ["'self'", api], upgradeInsecureRequests: null }
  await app.register(helmet, { contentSecurityPolicy: { directives } })
  await app.register(files, { root: fileURLToPath(new URL('page', import.meta.url)) })
  app.get('/settings.json', () => ({ api: api() }))
  return app
}
