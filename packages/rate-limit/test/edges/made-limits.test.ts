import { type RateLimiterOptions, type RateLimitOptions, rateLimit } from '@holdfast/rate-limit'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'

interface Service {
  readonly app: FastifyInstance
  readonly lines: string[]
}

async function serve(options: RateLimitOptions = {}): Promise<Service> {
  const lines: string[] = []
  const stream = { write: (line: string) => lines.push(JSON.parse(line).msg) }
  const app = Fastify({ logger: { level: 'warn', stream } })
  await app.register(rateLimit, options)
  return { app, lines }
}

t.test('a limiter that is made for each request is reported once, with the remedy', async (t) => {
  const { app, lines } = await serve()
  app.get('/', async (request) => {
    const limiter = app.createRateLimiter({ max: 1, keyGenerator: ({ ip }) => ip })
    return (await limiter.check(request)).allowed
  })
  t.equal((await app.inject('/')).body, 'true')
  t.strictSame(lines, [], 'one of these options may be meant')
  for (let index = 0; index < 3; index++) await app.inject('/')
  t.equal(lines.length, 1)
  t.match(lines[0], /^app\.createRateLimiter\(\) .* Make it once.* or give it a groupId/)
})

t.test('a hook that is made for each request is reported as well', async (t) => {
  const { app, lines } = await serve()
  await app.ready()
  app.rateLimit({ max: 1 })
  app.rateLimit({ max: 2 })
  app.createRateLimiter({ max: 1 })
  t.strictSame(lines, [], 'each is another one')
  app.rateLimit({ max: 2 })
  t.match(lines, [/^app\.rateLimit\(\) /])
})

t.test('limiters that are made before the app is ready may be alike', async (t) => {
  const { app, lines } = await serve()
  const [one, other] = [app.createRateLimiter({ max: 1 }), app.createRateLimiter({ max: 1 })]
  t.ok(one.checkSync('ann').allowed && other.checkSync('ann').allowed, 'each counts by itself')
  await app.ready()
  app.createRateLimiter({ max: 1 })
  t.strictSame(lines, [])
})

t.test('limiters of one group may be made for each request: they are one limit', async (t) => {
  const { app, lines } = await serve()
  app.get('/', (request) => app.createRateLimiter({ groupId: 'g', max: 1 }).check(request))
  t.ok((await app.inject('/')).json().allowed)
  t.notOk((await app.inject('/')).json().allowed)
  t.strictSame(lines, [])
})

t.test('groups that are made without end meet the same ceiling', async (t) => {
  const { app } = await serve()
  for (let index = 0; index < 4000; index++) app.createRateLimiter({ groupId: `g${index}`, max: 1 })
  t.throws(() => app.createRateLimiter({ groupId: 'one more', max: 1 }), {
    code: 'HOLDFAST_ERR_RATE_LIMIT_TOO_MANY_LIMITERS'
  })
  t.ok(app.createRateLimiter({ groupId: 'g1', max: 1 }).checkSync('ann').allowed, 'this is known')
})

t.test('past a ceiling the call that makes a limiter fails', async (t) => {
  const { app } = await serve()
  const policy = { max: 1, timeWindow: '1s' }
  const two: RateLimiterOptions = {
    policies: [
      { name: 'a', ...policy },
      { name: 'b', ...policy }
    ]
  }
  for (let index = 0; index < 1999; index++) app.createRateLimiter(two)
  app.rateLimit({ max: 1 })
  t.throws(() => app.createRateLimiter(two), {
    code: 'HOLDFAST_ERR_RATE_LIMIT_TOO_MANY_LIMITERS',
    message: /app\.createRateLimiter\(\) cannot make a further limit, because 4000 policies/
  })
  app.createRateLimiter({ max: 1 })
  t.throws(() => app.rateLimit({ max: 1 }), { message: /app\.rateLimit\(\)/ })
  t.ok(app.createRateLimiter().checkSync('ann').allowed, 'the limit of the plugin is there already')
})
