const Fastify = require('fastify')
const { rateLimit } = require('@holdfast/rate-limit')

const app = Fastify({ logger: true })

app.register(rateLimit, { max: 10, timeWindow: '1 minute' })

app.get('/', async () => ({ hello: 'world' }))

app.listen({ port: Number(process.env.PORT ?? 3000) }, (error) => {
  if (error) throw error
})
