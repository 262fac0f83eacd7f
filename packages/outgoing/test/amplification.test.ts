/**
 * Three services in a row that all try again: what the last one is sent when it fails everything.
 */
import { outgoing } from '@holdfast/outgoing'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { listen } from '../../../test/support/http.ts'
import { serve } from './support/serve.ts'

const REQUESTS = 100

/** A service that hands each request on. Returns its origin. */
async function layer(t: Test, origin: string): Promise<string> {
  const app = Fastify({ forceCloseConnections: true })
  t.teardown(() => app.close())
  await app.register(outgoing, {})
  const budget = { minimum: 0.1 }
  const next = app.upstream('next', { origin, breaker: false, budget })
  app.get('/', async (request, reply) => {
    const response = await next.for(request).fetch('/')
    return reply.code(response.status).send(await response.text())
  })
  return `http://127.0.0.1:${await listen(app)}`
}

t.test('three layers multiply by less than two, not by 27', async (t) => {
  let hits = 0
  let origin = await serve(t, (_request, response) => {
    hits++
    response.writeHead(503).end('down')
  })
  for (let depth = 0; depth < 3; depth++) origin = await layer(t, origin)
  const answers = Array.from({ length: REQUESTS }, () => fetch(origin))
  for (const answer of await Promise.all(answers)) if (answer.status !== 503) t.fail()
  t.comment(`${hits} hits for ${REQUESTS} requests`)
  t.ok(hits < 2 * REQUESTS, `${hits} hits`)
})
