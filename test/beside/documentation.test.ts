/**
 * `@fastify/swagger` and `@fastify/swagger-ui` beside the suite.
 */
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import holdfast from 'holdfast'
import t from 'tap'
import { quiet, service } from './service.ts'

t.test('the routes of the app are documented, and its page is served', async (t) => {
  const { app, requests, warnings } = service(t)
  await app.register(holdfast, { lifecycle: quiet, rateLimit: { max: 100 } })
  await app.register(swagger, { openapi: { info: { title: 'shop', version: '1.0.0' } } })
  await app.register(swaggerUi, { routePrefix: '/docs' })
  app.get('/orders', { config: { rateLimit: { max: 5 }, circuitBreaker: true } }, async () => [])
  await app.ready()
  const { paths = {} } = app.swagger() as { paths?: Record<string, unknown> }
  t.same(Object.keys(paths), ['/orders'])
  const page = await app.inject('/docs/')
  t.equal(page.statusCode, 200)
  t.match(page.headers, { 'content-type': /html/, ratelimit: /r=99\b/ })
  t.match((await app.inject('/docs/json')).json(), { info: { title: 'shop' } })
  t.match(requests(), [{ outcome: 'ok' }, { outcome: 'ok' }])
  t.same(warnings(), [])
})

t.test('probes are in no document, also where swagger comes first', async (t) => {
  const { app } = service(t)
  await app.register(swagger)
  await app.register(holdfast, { lifecycle: quiet })
  app.get('/orders', async () => [])
  await app.ready()
  const { paths = {} } = app.swagger() as { paths?: Record<string, unknown> }
  t.same(Object.keys(paths), ['/orders'])
})
