import { type RateLimitExceededError, rateLimit } from '@holdfast/rate-limit'
import Fastify from 'fastify'
import t from 'tap'

const ok = () => 'ok'

t.test(
  'refusals that would be the same to a client are made once, and know their decision',
  async (t) => {
    const waits: number[] = []
    let now = performance.now()
    t.intercept(performance, 'now', { value: () => now })
    const app = Fastify().register(rateLimit, { max: 1, timeWindow: 300_000 })
    app.setErrorHandler((error, _, reply) => {
      waits.push((error as RateLimitExceededError).decision.retryAfter)
      return reply.send('no')
    })
    app.get('/', ok)
    await app.inject('/')
    const fields: unknown[] = []
    for (let index = 0; index < 300; index++) {
      now += 500
      fields.push((await app.inject('/')).headers['retry-after'])
    }
    t.strictSame(
      waits.map((wait) => Math.round(wait)),
      Array.from({ length: 300 }, (_, index) => 300_000 - 500 * (index + 1))
    )
    t.strictSame(
      fields,
      waits.map((wait) => String(Math.ceil(Math.round(wait) / 1000)))
    )
  }
)
