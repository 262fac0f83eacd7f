import { rateLimit } from '@holdfast/rate-limit'
import Fastify, { type FastifyInstance, type InjectOptions } from 'fastify'
import t from 'tap'

const ok = () => 'ok'

async function statuses(app: FastifyInstance, ...requests: (string | InjectOptions)[]) {
  const codes: number[] = []
  for (const request of requests) codes.push((await app.inject(request)).statusCode)
  return codes
}

t.test('routes of a group share one limit, which is named after it', async (t) => {
  const app = Fastify().register(rateLimit, { max: 100 })
  const config = { rateLimit: { groupId: 'search', max: 3 } }
  app.register(async (scope) => {
    scope.get('/a', { config }, ok)
    scope.get('/b', { config: { rateLimit: { groupId: 'search', max: 3, cost: 2 } } }, ok)
    scope.get('/c', { config: { rateLimit: { max: 3 } } }, ok)
  })
  const first = await app.inject('/b')
  t.match(first.headers, { 'ratelimit-policy': '"search";q=3;w=60', ratelimit: /"search";r=1/ })
  t.strictSame(await statuses(app, '/a', '/a', '/b', '/c'), [200, 429, 429, 200])
})

t.test('a group with two different limits is a mistake', async (t) => {
  const app = Fastify().register(rateLimit)
  app.register(async (scope) => {
    scope.get('/a', { config: { rateLimit: { groupId: 'search', max: 3 } } }, ok)
    scope.get('/b', { config: { rateLimit: { groupId: 'search', max: 4 } } }, ok)
  })
  await t.rejects(async () => app.ready(), {
    code: 'HOLDFAST_ERR_OPTION_INVALID',
    message:
      /"GET \/b: config\.rateLimit\.max" must be 3 as on the other routes of the group "search", but it is 4/
  })
})
