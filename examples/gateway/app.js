/**
 * The gateway: an orders API that needs the payments service for new orders, and keeps working when
 * payments do not.
 */
import { randomUUID } from 'node:crypto'
import holdfastConsole from '@holdfast/console'
import Fastify from 'fastify'
import holdfast, { serverOptions } from 'holdfast'

/**
 * @typedef {object} Settings
 * @property {URL} paymentsUrl where the payments service answers
 * @property {number} orderReads how often one client may read orders in ten seconds
 * @property {NonNullable<import('holdfast').HoldfastOptions['lifecycle']>} lifecycle how it stops
 * @property {number} [consolePort] where operators find the console; without it there is none
 */

/** @typedef {{ item: string, amount: number }} NewOrder */
/** @typedef {NewOrder & { id: string, status: 'paid' | 'payment-pending' }} Order */

const MAX_ORDERS = 10_000

const newOrder = {
  type: 'object',
  required: ['item', 'amount'],
  additionalProperties: false,
  properties: {
    item: { type: 'string', minLength: 1, maxLength: 100 },
    amount: { type: 'number', exclusiveMinimum: 0 }
  }
}

/**
 * Builds the gateway, ready to listen.
 *
 * @param {Settings} settings
 */
export async function createGateway({ paymentsUrl, orderReads, lifecycle, consolePort }) {
  const app = Fastify({
    ...serverOptions({ logger: true }),
    // A balancer on this machine may name the client in X-Forwarded-For. Nobody else may.
    trustProxy: 'loopback'
  })

  await app.register(holdfast, {
    lifecycle,
    requestLogging: {},
    rateLimit: { max: 1000, timeWindow: '1 minute' },
    circuitBreaker: { threshold: 5, resetTimeout: '5s' },
    // An order waits a second for others at most. A call that is not answered in time is made again.
    outgoing: { timeout: '1s', tryTimeout: '400ms' },
    // Metrics and the console share a port that only this machine reaches.
    telemetry: consolePort !== undefined && { listen: { port: consolePort } }
  })

  if (consolePort !== undefined)
    await app.register(holdfastConsole, { listen: { port: consolePort } })

  const payments = app.upstream('payments', { origin: paymentsUrl.origin })

  /** @type {Map<string, Order>} */
  const orders = new Map([['1', { id: '1', item: 'tea', amount: 4.5, status: 'paid' }]])

  app.get('/', async () => ({
    'an order': 'GET /orders/1',
    'a new order': 'POST /orders {"item": "tea", "amount": 4.5}',
    'is it alive': 'GET /livez',
    'is it ready': 'GET /readyz'
  }))

  app.get(
    '/orders/:id',
    { config: { rateLimit: { max: orderReads, timeWindow: '10s' } } },
    /** @param {import('fastify').FastifyRequest<{ Params: { id: string } }>} request */
    async (request, reply) => {
      const order = orders.get(request.params.id)
      return order ?? reply.code(404).send({ message: 'There is no such order.' })
    }
  )

  app.post(
    '/orders',
    { schema: { body: newOrder } },
    /** @param {import('fastify').FastifyRequest<{ Body: NewOrder }>} request */
    async (request, reply) => {
      const id = randomUUID()
      const { item, amount } = request.body
      const isPaid = await charge(payments.for(request), id, amount)
      // No order is lost because payments fail: it is kept, its charge pending.
      const status = isPaid ? 'paid' : 'payment-pending'
      /** @type {Order} */
      const order = { id, item, amount, status }
      keep(orders, order)
      return reply
        .code(status === 'paid' ? 201 : 202)
        .header('location', `/orders/${id}`)
        .send(order)
    }
  )

  return app
}

/**
 * Asks the payments service for the money. Returns whether it has it: whatever else payments do, or do
 * not, is counted by the breaker and told by the line of the request.
 *
 * @param {import('holdfast').RequestUpstream} payments
 * @param {string} orderId
 * @param {number} amount
 */
async function charge(payments, orderId, amount) {
  try {
    const response = await payments.fetch('/charges', {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        // Payments charge once for a key. So a charge may be asked for again.
        'idempotency-key': orderId
      },
      body: JSON.stringify({ orderId, amount })
    })
    // Read to the end, or the connection cannot be used again.
    await response.arrayBuffer()
    return response.ok
  } catch {
    return false
  }
}

/**
 * Keeps an order in memory, and not more of them than fit: this is an example, not a database.
 *
 * @param {Map<string, Order>} orders
 * @param {Order} order
 */
function keep(orders, order) {
  orders.set(order.id, order)
  if (orders.size <= MAX_ORDERS) return
  const [oldest] = orders.keys()
  if (oldest !== undefined) orders.delete(oldest)
}
