/**
 * @fastify/circuit-breaker keeps the state of its routes in a cache of 500: a route that was evicted
 * from it answers 500 for ever.
 */
import circuitBreaker from '@holdfast/circuit-breaker'
import Fastify from 'fastify'
import t from 'tap'

t.test('routes beyond the bound answer as ever', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(circuitBreaker, { maxBreakers: 2 })
  for (const path of ['/a', '/b', '/c', '/d']) {
    app.get(path, { config: { circuitBreaker: true } }, () => 'ok')
  }
  for (const path of ['/a', '/b', '/c', '/d', '/a']) {
    t.equal((await app.inject(path)).statusCode, 200, path)
  }
})
