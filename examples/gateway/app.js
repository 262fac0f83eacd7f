/**
 * The gateway: an orders API that needs the payments service for new orders, and keeps working when
 * payments do not.
 */
import { randomUUID } from 'node:crypto'
import Fastify from 'fastify'
import holdfast, { serverOptions } from 'holdfast'

/**
 * @typedef {object} Settings
 * @property {URL} paymentsUrl where the payments service answers
 * @property {number} orderReads how often one client may read orders in ten seconds
 * @property {NonNullable<import('holdfast').HoldfastOptions['lifecycle']>} lifecycle how it stops
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
export async function createGateway({ paymentsUrl, orderReads, lifecycle }) {
  const app = Fastify({
    ...serverOptions({ logger: true }),
    // A balancer on this machine may name the client in X-Forwarded-For. Nobody else may.
    trustProxy: 'loopback'
  })

  await app.register(holdfast, {
    lifecycle,
    requestLogging: {},
    rateLimit: { max: 1000, timeWindow: '1 minute' },
    circuitBreaker: { threshold: 5, resetTimeout: '5s' }
  })

  const payments = app.circuitBreaker('payments')
  const charges = new URL('/charges', paymentsUrl)

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

      // No order is lost because payments fail: it is kept, its charge pending.
      /** @type {Order['status']} */
      const status = await payments.execute(({ signal }) => charge(charges, id, amount, signal), {
        request,
        timeout: '1s',
        fallback: () => 'payment-pending'
      })

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
 * Asks the payments service for the money. Everything but a 2xx answer is a failure.
 *
 * @param {URL} url
 * @param {string} orderId
 * @param {number} amount
 * @param {AbortSignal} signal
 * @returns {Promise<'paid'>}
 */
async function charge(url, orderId, amount, signal) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ orderId, amount }),
    signal
  })
  // Read to the end, or the connection cannot be used again.
  await response.arrayBuffer()
  if (!response.ok) throw new Error(`Payments answered ${response.status}.`)
  return 'paid'
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
