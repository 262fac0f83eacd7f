/**
 * An API whose clients have keys. The plan of a key says how much it may ask.
 */
import { factsOf } from '@holdfast/core'
import { rateLimit } from '@holdfast/rate-limit'
import Fastify from 'fastify'

/** What may be asked: requests at once and a second, units a day. */
const PLANS = {
  free: { perSecond: 2, perDay: 100 },
  pro: { perSecond: 20, perDay: 10_000 }
}

/** The plan of each key. In a service of your own this is a table. @type {Record<string, keyof typeof PLANS>} */
const KEYS = { 'key-of-ann': 'free', 'key-of-bob': 'pro' }

/** How many denied requests a key may send in a minute before it is banned. */
const MAX_DENIALS = 20
const BAN = '15 minutes'

/** @param {{ logger?: boolean }} [options] */
export async function createApi({ logger = false } = {}) {
  const app = Fastify({ logger })

  // Before the limiter: a client without a key is refused, and its request is charged to nobody.
  app.addHook('onRequest', async (request, reply) => {
    if (!Object.hasOwn(KEYS, keyOf(request))) {
      return reply.code(401).send({ message: 'Send a key that we know as x-api-key.' })
    }
  })

  await app.register(rateLimit, {
    keyGenerator: keyOf,
    policies: [
      { name: 'second', max: (request) => planOf(request).perSecond, timeWindow: '1s', cost: 1 },
      { name: 'day', max: (request) => planOf(request).perDay, timeWindow: '1 day', cost: unitsOf }
    ]
  })

  // The limiter that the plugin asks itself, to see what is left.
  const limiter = app.createRateLimiter()
  const abuse = app.createRateLimiter({ max: MAX_DENIALS, timeWindow: '1 minute', cost: 1 })
  app.addHook('onResponse', async (request) => {
    const { refusedBy, rateLimit: decided } = factsOf(request)
    // A client that is banned already is not banned again.
    if (refusedBy !== 'rate-limit' || decided?.reason === 'banned') return
    const { allowed } = await abuse.check(keyOf(request))
    if (!allowed) await app.banClient(keyOf(request), BAN)
  })

  app.get('/articles', () => [{ id: 1, title: 'Tea' }])
  app.get('/search', { config: { units: 5 } }, () => [{ id: 1, score: 0.9 }])
  const exports = [{ name: 'hour', max: 3, timeWindow: '1 hour' }]
  app.get('/export', { config: { rateLimit: { policies: exports } } }, () => 'everything')
  app.get('/usage', { config: { units: 0 } }, async (request) => {
    const { each } = await limiter.peek(request)
    return each?.map(({ policy, limit, remaining }) => ({ policy, limit, remaining }))
  })
  return app
}

/** @param {import('fastify').FastifyRequest} request */
function keyOf({ headers }) {
  return String(headers['x-api-key'])
}

/** @param {import('fastify').FastifyRequest} request */
function planOf(request) {
  return PLANS[KEYS[keyOf(request)] ?? 'free']
}

/** The units of the day that a request costs, as its route says. @param {import('fastify').FastifyRequest} request */
function unitsOf({ routeOptions }) {
  const { units = 1 } = /** @type {{ units?: number }} */ (routeOptions.config)
  return units
}
