import rateLimit from '@holdfast/rate-limit'
import Fastify from 'fastify'

const app = Fastify({ logger: true })

app.register(rateLimit, { max: 10, timeWindow: '1 minute' })

app.get('/', async () => ({ hello: 'world' }))

await app.listen({ port: Number(process.env.PORT ?? 3000) })
