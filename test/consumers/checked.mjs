// @ts-check
import Fastify from 'fastify'
import holdfast, { serverOptions } from 'holdfast'

const app = Fastify(serverOptions())
await app.register(holdfast, { rateLimit: { max: 5 } })
app.get('/', { config: { rateLimit: { max: 5 } } }, async () => {
  return app.circuitBreaker('payments').execute(async () => 'paid')
})
// @ts-expect-error -- a misspelt option
await app.register(holdfast, { rateLimitt: { max: 5 } })
