import { checkRouteOption } from '@holdfast/core'
import Fastify from 'fastify'
import t from 'tap'

/** What the boot says about a route of an app whose plugin reads `config.rateLimit`. */
function sayOf(options: object): string | undefined {
  const app = Fastify()
  t.teardown(() => app.close())
  app.addHook('onRoute', (route) => checkRouteOption(route, 'rateLimit'))
  try {
    app.get('/login', options, () => 'welcome')
    return undefined
  } catch (error) {
    t.match(error, { code: 'HOLDFAST_ERR_ROUTE_OPTION_MISPLACED' })
    return (error as Error).message
  }
}

t.test('a misspelt name in the config of a route is named', async (t) => {
  for (const name of [
    'ratelimit',
    'RateLimit',
    'rate-limit',
    'rateLimt',
    'rateLimti',
    'reteLimit'
  ]) {
    t.equal(
      sayOf({ config: { [name]: { max: 5 } } }),
      `GET /login: config.${name} has no effect. Write config: { rateLimit: ... } in the options of the route.`
    )
  }
})

t.test('so is the right name beside config', async (t) => {
  t.match(sayOf({ rateLimit: { max: 5 } }), /^GET \/login: rateLimit beside config has no effect\./)
})

t.test('other names are left alone', async (t) => {
  for (const name of ['rateLimiter', 'rateLimits', 'limit', 'rates', 'schema']) {
    t.equal(sayOf({ config: { [name]: true } }), undefined, name)
  }
  t.equal(sayOf({}), undefined)
  t.equal(sayOf({ config: { rateLimit: { max: 5 } } }), undefined)
  t.equal(sayOf({ config: { rateLimit: { max: 5 }, ratelimit: 'a note' } }), undefined)
})
