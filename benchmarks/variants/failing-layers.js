/**
 * Services in a row, each of which calls the next one; the last one answers every request with 503. Counts how
 * many requests reach that one.
 *
 * Usage: node failing-layers.js <way to call> <layers that call> <requests a second> <seconds>
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { circuitBreaker } from '@holdfast/circuit-breaker'
import { outgoing } from '@holdfast/outgoing'
import axios from 'axios'
import axiosRetry from 'axios-retry'
import Fastify from 'fastify'
import { Agent, RetryAgent, request as requestByUndici } from 'undici'
import { wayToCall } from './names.js'

const [, , way = '', layers = '1', perSecond = '1', seconds = '1'] = process.argv

/**
 * Resolves with the status of the answer.
 *
 * @typedef {(request: import('fastify').FastifyRequest) => Promise<number>} Call
 * @typedef {(app: import('fastify').FastifyInstance, origin: string) => Call} Way
 */

/** @param {object} options @returns {Way} */
const byOutgoing = (options) => (app, origin) => {
  const upstream = app.upstream('next', { origin, ...options })
  return async (request) => {
    const response = await upstream.for(request).fetch('/')
    await response.body?.cancel()
    return response.status
  }
}

/** @type {Record<string, Way>} */
const ways = {
  [wayToCall.fetch]: (_app, origin) => async () => {
    const response = await fetch(origin)
    await response.body?.cancel()
    return response.status
  },

  // As often as it comes; it would wait for half a minute between its tries.
  [wayToCall.retryAgent]: (_app, origin) => {
    const dispatcher = new RetryAgent(new Agent(), { minTimeout: 1, maxTimeout: 1 })
    return async () => {
      const { statusCode, body } = await requestByUndici(origin, { dispatcher })
      await body.dump()
      return statusCode
    }
  },

  [wayToCall.axiosRetry]: (_app, origin) => {
    const client = axios.create()
    axiosRetry(client)
    return async () => (await client.get(origin)).status
  },

  [wayToCall.outgoingWithoutBreaker]: byOutgoing({ breaker: false }),
  [wayToCall.outgoing]: byOutgoing({})
}

const call = ways[way]
if (call === undefined) throw new Error(`no way to call ${way}`)

let hits = 0
const last = Fastify()
last.get('/', (_request, reply) => {
  hits++
  reply.code(503).send('down')
})
let origin = await last.listen({ port: 0, host: '127.0.0.1' })
const services = [last]
for (let layer = 0; layer < Number(layers); layer++) {
  const app = Fastify()
  await app.register(circuitBreaker, {})
  await app.register(outgoing, {})
  const callNext = call(app, origin)
  // Whatever becomes of the call, whoever asked is told that this service is not well either.
  app.get('/', async (request, reply) => {
    await callNext(request).catch(() => 503)
    return reply.code(503).send('down')
  })
  origin = await app.listen({ port: 0, host: '127.0.0.1' })
  services.push(app)
}

const offered = Number(perSecond) * Number(seconds)
const agent = new Agent({ connections: 500 })
const answers = []
const begin = performance.now()
for (let sent = 0; sent < offered; sent++) {
  const early = begin + (sent * 1000) / Number(perSecond) - performance.now()
  if (early > 0) await sleep(early)
  const answer = requestByUndici(origin, { dispatcher: agent, headersTimeout: 0, bodyTimeout: 0 })
  answers.push(answer.then(({ body }) => body.dump()))
}
await Promise.all(answers)
process.stdout.write(`${JSON.stringify({ offered, hits })}\n`, () => process.exit(0))
