/**
 * The states of the suite together: what they say equals what was sent.
 */
import { statesOf } from '@holdfast/core'
import Fastify from 'fastify'
import { holdfast } from 'holdfast'
import t from 'tap'
import { Pool } from 'undici'
import { eventually, head, listen, rawConnection } from './support/http.ts'

t.test('after a thousand mixed requests each total equals what was sent', async (t) => {
  const outcomes = new Map<string, number>()
  const write = (line: string): void => {
    const { outcome } = JSON.parse(line)
    if (outcome !== undefined) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }
  const app = Fastify({ logger: { stream: { write } }, forceCloseConnections: true })
  t.teardown(() => app.close())
  await app.register(holdfast, {
    lifecycle: { signals: false, exit: false },
    rateLimit: { max: 100_000, timeWindow: '1 hour' },
    circuitBreaker: { threshold: 5, resetTimeout: '1 hour', maxResetTimeout: '1 hour' }
  })
  const bank = app.circuitBreaker('bank')
  app.get('/plain', async () => 'plain')
  app.get('/limited', { config: { rateLimit: { max: 50 } } }, async () => 'limited')
  app.get('/broken', { config: { circuitBreaker: 'broken' } }, async (_request, reply) =>
    reply.code(500).send('broken')
  )
  app.get('/calls', () => bank.execute(async () => 'paid'))
  app.get('/never', () => new Promise(() => {}))
  const port = await listen(app)
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 20 })
  t.teardown(() => pool.destroy())

  /** Sends so many requests, and returns how often each status was the answer. */
  const send = async (path: string, count: number): Promise<Record<number, number>> => {
    const statuses: Record<number, number> = {}
    const requests = Array.from({ length: count }, async () => {
      const { statusCode, body } = await pool.request({ path, method: 'GET' })
      await body.dump()
      statuses[statusCode] = (statuses[statusCode] ?? 0) + 1
    })
    await Promise.all(requests)
    return statuses
  }
  t.strictSame(await send('/plain', 400), { 200: 400 })
  t.strictSame(await send('/limited', 200), { 200: 50, 429: 150 })
  t.strictSame(await send('/calls', 100), { 200: 100 })
  t.strictSame(await send('/unknown', 100), { 404: 100 })
  // Those after the fifth would already be refused: one by one.
  for (let count = 0; count < 5; count++) await send('/broken', 1)
  t.strictSame(await send('/broken', 95), { 503: 95 })

  const connections = await Promise.all(Array.from({ length: 50 }, () => rawConnection(port)))
  for (const connection of connections) connection.write(head('GET /never'))
  const core = () => statesOf(app, '@holdfast/core')[0]?.state.requests
  await eventually(() => core()?.takenIn === 950)
  t.match(app.lifecycle.snapshot(), {
    inFlight: 50,
    routes: [{ route: 'GET /never', count: 50 }]
  })
  for (const connection of connections) connection.destroy()
  for (let count = 0; count < 50; count++) {
    const connection = await rawConnection(port)
    connection.write('nonsense\r\n\r\n')
    await connection.ended()
  }

  await eventually(() => core()?.aborted === 50)
  t.strictSame(core(), {
    takenIn: 950,
    finished: 900,
    aborted: 50,
    cut: 0,
    tunnels: 0,
    malformed: { HPE_INVALID_METHOD: 50 }
  })
  const states = statesOf(app)
  t.match(states['@holdfast/rate-limit'], [
    {
      state: {
        limits: [
          { limit: 'default', policies: [{ allowed: 750, denied: 0 }] },
          { limit: 'GET /limited', policies: [{ allowed: 50, denied: 150 }] }
        ]
      }
    }
  ])
  const none = { excluded: 0, refusedByConcurrency: 0, refusedInShadow: 0 }
  t.match(states['@holdfast/circuit-breaker'], [
    {
      state: {
        breakers: [
          { name: 'bank', totals: { ...none, success: 100, failure: 0, refusedByState: 0 } },
          {
            name: 'broken',
            state: 'open',
            totals: { ...none, success: 0, failure: 5, refusedByState: 95, opened: 1 }
          }
        ]
      }
    }
  ])
  t.match(states['@holdfast/lifecycle'], [{ state: { phase: 'ready', inFlight: 0, routes: [] } }])
  const lines = () => [...outcomes.values()].reduce((sum, count) => sum + count, 0)
  await eventually(() => lines() === 1000)
  t.strictSame(Object.fromEntries([...outcomes].sort()), {
    aborted: 50,
    'client-error': 100,
    malformed: 50,
    ok: 550,
    refused: 245,
    'server-error': 5
  })

  await app.close()
  t.strictSame(statesOf(app), {}, 'nothing is kept after close')
})
