/**
 * What retries do where services call services: a shop calls orders, orders call payments, payments call
 * a bank, and the bank fails every call. Prints how often the bank is called for each order:
 *
 *     node layers.js
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import Fastify from 'fastify'
import holdfast from 'holdfast'

const RETRIES = 2
const LAYERS = 3
const CLIENTS = 10

/**
 * Makes the client of one layer: it calls the next one, and again where that may help.
 *
 * @callback ClientOf
 * @param {import('fastify').FastifyInstance} app of the layer
 * @param {string} origin of the next layer
 * @returns {(request: import('fastify').FastifyRequest) => Promise<Response>}
 */

/** Tries again whatever happens, as most clients do. @type {ClientOf} */
const plain = (_app, origin) => async () => {
  for (let retries = 0; ; retries++) {
    const response = await fetch(origin)
    if (response.ok || retries === RETRIES) return response
    await response.arrayBuffer()
  }
}

/** Tries again as long as few calls fail. @type {ClientOf} */
const withBudget = (app, origin) => {
  const next = app.upstream('next', { origin, retries: RETRIES, breaker: false })
  return (request) => next.for(request).fetch('/')
}

/** And calls nobody who fails all the time. @type {ClientOf} */
const withBreaker = (app, origin) => {
  const next = app.upstream('next', { origin, retries: RETRIES })
  return (request) => next.for(request).fetch('/')
}

/**
 * Sends orders through the layers. Returns how often the bank was called for each of them.
 *
 * @param {ClientOf} clientOf
 * @param {number} orders
 */
async function callsAnOrder(clientOf, orders) {
  let calls = 0
  const bank = createServer((_request, response) => {
    calls++
    response.writeHead(503).end()
  })
  await once(bank.listen(0, '127.0.0.1'), 'listening')
  const address = /** @type {import('node:net').AddressInfo} */ (bank.address())
  let origin = `http://127.0.0.1:${address.port}`
  /** @type {import('fastify').FastifyInstance[]} */
  const layers = []
  for (let layer = 0; layer < LAYERS; layer++) {
    const app = Fastify()
    await app.register(holdfast, { ...ONLY_CALLS, outgoing: {} })
    const call = clientOf(app, origin)
    app.get('/', async (request, reply) => {
      const response = await call(request)
      await response.arrayBuffer()
      return reply.code(response.status).send()
    })
    origin = await app.listen({ host: '127.0.0.1', port: 0 })
    layers.push(app)
  }

  let left = orders
  const client = async () => {
    while (left-- > 0) await (await fetch(origin)).arrayBuffer()
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
  await Promise.all(layers.map((app) => app.close()))
  bank.close()
  bank.closeAllConnections()
  return calls / orders
}

/** @type {import('holdfast').HoldfastOptions} */
const ONLY_CALLS = { lifecycle: false, requestLogging: false, rateLimit: false }

console.log(
  `Each of ${LAYERS} layers makes up to ${RETRIES} retries, and the bank behind them fails every call.`
)
console.log(`\n| ${'each layer has'.padEnd(38)} | calls of the bank, for each order |`)
console.log(`| ${'-'.repeat(38)} | ${'-'.repeat(33)} |`)
for (const [name, clientOf, orders] of /** @type {const} */ ([
  ['retries', plain, 10],
  ['retries within a budget', withBudget, 400],
  ['retries within a budget, and a breaker', withBreaker, 400]
])) {
  const calls = await callsAnOrder(clientOf, orders)
  console.log(`| ${name.padEnd(38)} | ${calls.toFixed(2).padStart(33)} |`)
}
