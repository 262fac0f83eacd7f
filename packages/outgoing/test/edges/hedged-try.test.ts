/**
 * Calls whose first answer is late, against a server whose answers the test gives one by one.
 */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { circuitBreaker } from '@holdfast/circuit-breaker'
import { factsOf, subscribe } from '@holdfast/core'
import { type OutgoingTry, outgoing, type UpstreamOptions } from '@holdfast/outgoing'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { serve } from '../support/serve.ts'

async function scene(t: Test, options: Partial<UpstreamOptions> = {}) {
  const requests: ServerResponse[] = []
  let tell = (): void => {}
  const origin = await serve(t, (_request, response) => {
    requests.push(response)
    tell()
  })
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(circuitBreaker, {})
  await app.register(outgoing, {})
  const upstream = app.upstream('catalog', { origin, hedge: { after: 20 }, retries: 0, ...options })
  const tries: OutgoingTry[] = []
  t.teardown(subscribe('holdfast:outgoing:try', (one) => void tries.push(one)))
  /** Resolves with the request of that number, from 1, when it has come. */
  const arrived = async (number: number): Promise<ServerResponse> => {
    while (requests.length < number)
      await new Promise<void>((resolve) => {
        tell = resolve
      })
    return requests[number - 1] as ServerResponse
  }
  return { app, upstream, requests, arrived, tries }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

t.test(
  'the answer that is first counts, and the other try is ended without a verdict',
  async (t) => {
    const { upstream, arrived, tries } = await scene(t)
    const unhandled: unknown[] = []
    const note = (error: unknown) => void unhandled.push(error)
    process.on('unhandledRejection', note)
    t.teardown(() => process.off('unhandledRejection', note))

    const call = upstream.fetch('/')
    const [slow, fast] = [await arrived(1), await arrived(2)]
    t.equal(fast.req.headers['x-envoy-attempt-count'], '2')
    const left = once(slow, 'close')
    fast.end('fast')
    t.equal(await (await call).text(), 'fast')
    await left
    await pause(50)
    t.strictSame(unhandled, [])
    t.match(
      tries.toSorted((one, other) => one.attempt - other.attempt),
      [
        {
          attempt: 1,
          hedge: false,
          outcome: 'excluded',
          error: { code: 'HOLDFAST_ERR_OUTGOING_HEDGE_LOST' }
        },
        { attempt: 2, hedge: true, outcome: 'success' }
      ]
    )
    t.match(upstream.snapshot(), {
      calls: 1,
      tries: 2,
      hedges: 1,
      inFlight: 0,
      outcomes: { success: 1, failure: 0, excluded: 1 }
    })
  }
)

t.test('the first may win in the end', async (t) => {
  const { upstream, arrived } = await scene(t)
  const call = upstream.fetch('/', { method: 'HEAD' })
  const [first, second] = [await arrived(1), await arrived(2)]
  const left = once(second, 'close')
  first.writeHead(204).end()
  t.equal((await call).status, 204)
  await left
  t.match(upstream.snapshot(), { outcomes: { success: 1, excluded: 1 }, inFlight: 0 })
})

t.test('a bad answer waits for a better one', async (t) => {
  const { upstream, arrived } = await scene(t)
  const call = upstream.fetch('/')
  const [first, second] = [await arrived(1), await arrived(2)]
  first.writeHead(503).end('no')
  await once(first, 'close')
  await pause(50)
  second.end('yes')
  t.equal(await (await call).text(), 'yes')
  t.match(upstream.snapshot(), { outcomes: { success: 1, failure: 1 }, inFlight: 0 })
})

t.test('of bad answers the last counts, and is tried again as any other', async (t) => {
  const { upstream, arrived } = await scene(t, { retries: 2 })
  const call = upstream.fetch('/')
  const [first, second] = [await arrived(1), await arrived(2)]
  first.req.socket.destroy()
  second.writeHead(503).end()
  const third = await arrived(3)
  t.equal(third.req.headers['x-envoy-attempt-count'], '3')
  third.end('at last')
  t.equal(await (await call).text(), 'at last')
  t.match(upstream.snapshot(), { tries: 3, hedges: 1, retries: { scheduled: 1 } })
})

/** Where no second try is made: the first runs on, and its answer counts. */
const alone: Record<string, { options?: Partial<UpstreamOptions>; init?: RequestInit }> = {
  'the budget has nothing left': { options: { budget: { ratio: 0, minimum: 0 } } },
  'as many tries run as maxConcurrent allows': { options: { maxConcurrent: 1 } },
  'the method is another': { init: { method: 'DELETE' } },
  'too little is known for the p95': { options: { hedge: { after: 'p95' } } },
  'it is turned off': { options: { hedge: false } }
}
for (const [why, { options, init }] of Object.entries(alone)) {
  t.test(`there is no second try when ${why}`, async (t) => {
    const { upstream, arrived, requests } = await scene(t, options)
    const call = upstream.fetch('/', init)
    const first = await arrived(1)
    await pause(100)
    first.end('alone')
    t.equal(await (await call).text(), 'alone')
    t.equal(requests.length, 1)
    const budget = options?.budget === undefined ? 10 : 0
    t.match(upstream.snapshot(), { tries: 1, hedges: 0, budgetLeft: budget })
  })
}

t.test('there is no second try while the breaker is not closed', async (t) => {
  const { app, upstream, arrived, requests } = await scene(t)
  const call = upstream.fetch('/')
  const first = await arrived(1)
  const isolation = app.circuitBreakers.isolate('catalog')
  await pause(100)
  isolation.release()
  first.end('alone')
  t.equal((await call).status, 200)
  t.equal(requests.length, 1)
})

t.test('there is no second try for a request that is a retry itself', async (t) => {
  const { app, upstream, arrived, requests } = await scene(t)
  app.get('/', async (request) => {
    factsOf(request).attempt = 2
    return (await upstream.for(request).fetch('/')).status
  })
  const answer = app.inject('/')
  const first = await arrived(1)
  await pause(100)
  first.end()
  t.equal((await answer).body, '200')
  t.equal(requests.length, 1)
})

t.test(
  'the slowest twentieth is hedged once enough is known, and stays known as slow',
  async (t) => {
    const { upstream, arrived, requests } = await scene(t, { hedge: { after: 'p95' } })
    for (let number = 1; number <= 20; number++) {
      const call = upstream.fetch('/')
      ;(await arrived(number)).end()
      await (await call).text()
    }
    t.equal(requests.length, 20)
    const call = upstream.fetch('/')
    const hedge = await arrived(22)
    hedge.end('hedge')
    t.equal(await (await call).text(), 'hedge')
    t.equal(upstream.snapshot().hedges, 1)
  }
)
