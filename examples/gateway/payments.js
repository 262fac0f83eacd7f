/**
 * The payments service: for the gateway it belongs to somebody else. It is a process of its own
 * and can be told to be slow, to fail, or not to answer each third call in time:
 *
 *     PUT /behaviour {"mode": "ok" | "slow" | "fail" | "uneven"}
 */
import { setTimeout as wait } from 'node:timers/promises'
import Fastify from 'fastify'
import { giveUp } from './give-up.js'

const SLOW_ANSWER = 5000

/** @typedef {'ok' | 'slow' | 'fail' | 'uneven'} Mode */

/** @type {Mode} */
let mode = 'ok'
let calls = 0
/** @type {Set<string>} */
const charged = new Set()
/** How many milliseconds the last caller said that it waits. */
let waiting = 0

const app = Fastify()

app.post('/charges', async ({ headers }, reply) => {
  calls++
  waiting = Number(headers['x-envoy-expected-rq-timeout-ms'])
  if (mode === 'slow' || (mode === 'uneven' && calls % 3 === 0)) await wait(SLOW_ANSWER)
  if (mode === 'fail') return reply.code(503).send({ message: 'Payments are down.' })
  // However often it is asked for: a caller that was not answered asks again.
  charged.add(String(headers['idempotency-key']))
  return reply.code(201).send({ charged: true })
})

app.get('/behaviour', async () => ({ mode, calls, charged: charged.size, waiting }))

const behaviour = {
  type: 'object',
  required: ['mode'],
  properties: { mode: { enum: ['ok', 'slow', 'fail', 'uneven'] } }
}

app.put(
  '/behaviour',
  { schema: { body: behaviour } },
  /** @param {import('fastify').FastifyRequest<{ Body: { mode: Mode } }>} request */
  async (request) => {
    mode = request.body.mode
    return { mode, calls }
  }
)

if (process.connected) {
  // A child of start.js. It goes when the gateway has gone: a Ctrl-C or a stop that reaches the
  // whole process group would otherwise end it under the orders that the gateway still finishes.
  const stay = () => {}
  process.on('SIGINT', stay).on('SIGTERM', stay).on('SIGHUP', stay)
  process.once('disconnect', () => process.exit())
}

try {
  await app.listen({
    host: process.env.HOST ?? 'localhost',
    port: Number(process.env.PAYMENTS_PORT ?? 3001)
  })
} catch (error) {
  giveUp(error)
}
process.send?.({ port: new URL(app.listeningOrigin).port })
