import { rateLimit, TokenBucket } from '@holdfast/rate-limit'

import Fastify = require('fastify')
import holdfast = require('holdfast')

const app = Fastify.fastify(holdfast.serverOptions())
app.register(holdfast.holdfast, { rateLimit: { max: 5 } })
app.register(rateLimit, { max: 5 })
app.get('/', { config: { rateLimit: { max: 5 }, circuitBreaker: true } }, async () => {
  const paid: string = await app.circuitBreaker('payments').execute(async () => 'paid')
  return paid
})
export const full: boolean = new TokenBucket({ rate: 1, capacity: 1 }).allow()
