/**
 * The payments service: for the gateway it belongs to somebody else. It is a process of its own
 * and can be told to be slow or to fail:
 *
 *     PUT /behaviour {"mode": "ok" | "slow" | "fail"}
 */
import { setTimeout as wait } from 'node:timers/promises'
import Fastify from 'fastify'
import { giveUp } from './give-up.js'

const SLOW_ANSWER = 5000

/** @typedef {'ok' | 'slow' | 'fail'} Mode */

/** @type {Mode} */
let mode = 'ok'
let calls = 0

const app = Fastify()

app.post('/charges', async (_request, reply) => {
  calls++
  if (mode === 'slow') await wait(SLOW_ANSWER)
  if (mode === 'fail') return reply.code(503).send({ message: 'Payments are down.' })
  return reply.code(201).send({ charged: true })
})

app.get('/behaviour', async () => ({ mode, calls }))

const behaviour = {
  type: 'object',
  required: ['mode'],
  properties: { mode: { enum: ['ok', 'slow', 'fail'] } }
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
