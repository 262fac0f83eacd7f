import { rateLimit } from '@holdfast/rate-limit'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import t, { type Test } from 'tap'

const FORWARDED = { 'x-forwarded-for': '192.0.2.1' }

function logged(t: Test, options: FastifyServerOptions = {}) {
  const lines: string[] = []
  const stream = { write: (line: string) => void lines.push(JSON.parse(line).msg) }
  const app: FastifyInstance = Fastify({ ...options, logger: { level: 'warn', stream } })
  t.teardown(() => app.close())
  return { app, lines }
}

t.test('a proxy that the app does not trust is told of once', async (t) => {
  const { app, lines } = logged(t)
  await app.register(rateLimit)
  await app.register(async (scope) => scope.register(rateLimit), { prefix: '/v1' })
  app.get('/v1/orders', async () => [])
  await app.inject('/')
  t.same(lines, [])
  for (const url of ['/', '/', '/v1/orders']) await app.inject({ url, headers: FORWARDED })
  t.equal(lines.length, 1)
  t.match(lines[0], /X-Forwarded-For, and trustProxy is off.*trustProxy: \['10\.0\.0\.0\/8'\]/)
})

t.test('nobody is told where the proxy is trusted, or a key names the client', async (t) => {
  const trusting = logged(t, { trustProxy: '127.0.0.1' })
  await trusting.app.register(rateLimit)
  const byKey = logged(t)
  await byKey.app.register(rateLimit, { keyGenerator: () => 'key' })
  for (const { app, lines } of [trusting, byKey]) {
    await app.inject({ url: '/', headers: FORWARDED })
    t.same(lines, [])
  }
})

t.test('only the first requests are looked at', async (t) => {
  const { app, lines } = logged(t)
  await app.register(rateLimit, { max: 2000 })
  for (let made = 0; made < 1000; made++) await app.inject('/')
  await app.inject({ url: '/', headers: FORWARDED })
  t.same(lines, [])
})
