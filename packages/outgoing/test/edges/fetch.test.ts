/**
 * Calls by `fetch`, to real servers: when they are made again, and how they end. Covers
 * `edges/fetch-call.ts`, `edges/fetch-try.ts`, `edges/decision.ts`, `edges/pause.ts`, `edges/try-plan.ts`,
 * `edges/try-dispatcher.ts`, `edges/global-dispatcher.ts` and `counts.ts`, too.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { Readable } from 'node:stream'
import { subscribe } from '@holdfast/core'
import type { OutgoingRetry, OutgoingTry } from '@holdfast/outgoing'
import t, { type Test } from 'tap'
import { GLOBAL_DISPATCHERS, globalDispatcherFor } from '../../dist/edges/global-dispatcher.js'
import { listen, serve } from '../support/serve.ts'
import { payments } from '../support/upstream.ts'

// The timers of calls keep no process alive, and here nothing else may.
const alive = setInterval(() => {}, 60_000)
t.teardown(() => clearInterval(alive))

/** What the channel of retries tells until the test is over. */
function decisions(t: Test): OutgoingRetry['reason'][] {
  const seen: OutgoingRetry['reason'][] = []
  t.teardown(subscribe('holdfast:outgoing:retry', ({ reason }) => void seen.push(reason)))
  return seen
}

/** An origin where nobody listens. */
async function closedOrigin(): Promise<string> {
  const server = createServer()
  const origin = await listen(server)
  server.close()
  return origin
}

t.test('a POST is made again when no connection took it, and never after a reset', async (t) => {
  let hits = 0
  const origin = await serve(t, (request) => {
    hits++
    request.socket.destroy()
  })
  const reset = await payments(t, { origin })
  const unsent = await payments(t, { origin: await closedOrigin() })
  const post = { method: 'POST', body: '{}' }
  await t.rejects(reset.upstream.fetch('/', post), { name: 'TypeError', message: 'fetch failed' })
  t.equal(hits, 1)
  t.match(reset.upstream.snapshot(), { tries: 1, retries: { method: 1 } })
  await t.rejects(unsent.upstream.fetch('/', post), { cause: { code: 'ECONNREFUSED' } })
  t.match(unsent.upstream.snapshot(), { tries: 3, retries: { scheduled: 2 } })
})

t.test('a POST with an Idempotency-Key is made again', async (t) => {
  let hits = 0
  const origin = await serve(t, (_request, response) => {
    response.statusCode = ++hits < 3 ? 503 : 201
    response.end()
  })
  const { upstream } = await payments(t, { origin })
  const headers = { 'Idempotency-Key': '7' }
  const response = await upstream.fetch('/', { method: 'POST', body: 'pay', headers })
  t.equal(response.status, 201)
  t.equal(hits, 3)
})

t.test('a stream is sent once, and nothing of it is kept', async (t) => {
  let hits = 0
  const origin = await serve(t, (request, response) => {
    hits++
    response.statusCode = 503
    request.resume().on('end', () => response.end())
  })
  const { upstream } = await payments(t, { origin })
  const seen = decisions(t)
  const body = Readable.toWeb(Readable.from([Buffer.from('a'), Buffer.from('b')]))
  const response = await upstream.fetch('/', {
    method: 'PUT',
    body: body as ReadableStream,
    duplex: 'half'
  })
  t.equal(response.status, 503)
  t.equal(hits, 1)
  t.strictSame(seen, ['body'])
})

t.test('an early hint before a failure is one failure', async (t) => {
  const origin = await serve(t, (_request, response) => {
    response.writeEarlyHints({ link: '</style.css>; rel=preload' })
    response.writeHead(503).end()
  })
  const { upstream } = await payments(t, { origin, retries: 0 })
  t.equal((await upstream.fetch('/')).status, 503)
  t.match(upstream.snapshot(), { outcomes: { failure: 1, success: 0 } })
})

t.test('a Retry-After beyond the time that is left ends the call at once', async (t) => {
  let hits = 0
  const origin = await serve(t, (_request, response) => {
    hits++
    response.writeHead(503, { 'retry-after': '5' }).end('busy')
  })
  const { upstream } = await payments(t, { origin, timeout: '2s' })
  const seen = decisions(t)
  const response = await upstream.fetch('/')
  t.equal(await response.text(), 'busy', 'with the answer as it is')
  t.equal(hits, 1)
  t.strictSame(seen, ['retry-after'])
})

t.test('a Retry-After within it is waited for, and never shortened', async (t) => {
  const times: number[] = []
  const origin = await serve(t, (_request, response) => {
    times.push(performance.now())
    if (times.length === 1) response.writeHead(429, { 'retry-after': '1' }).end()
    else response.end('ok')
  })
  const { upstream } = await payments(t, { origin })
  t.equal(await (await upstream.fetch('/')).text(), 'ok')
  const [first = 0, second = 0] = times
  t.ok(second - first >= 1000)
})

t.test(
  'a call that is aborted while it waits rejects at once, and gives its retry back',
  async (t) => {
    const origin = await serve(t, (_request, response) => {
      response.writeHead(503, { 'retry-after': '5' }).end()
    })
    const { upstream } = await payments(t, { origin })
    const controller = new AbortController()
    const scheduled = new Promise<void>((resolve) => {
      t.teardown(subscribe('holdfast:outgoing:retry', () => resolve()))
    })
    const call = upstream.fetch('/', { signal: controller.signal })
    await scheduled
    const before = upstream.snapshot().budgetLeft
    const started = performance.now()
    const reason = new Error('the user left')
    controller.abort(reason)
    await t.rejects(call, reason)
    t.ok(performance.now() - started < 5000, 'long before its time')
    t.equal(upstream.snapshot().budgetLeft, before + 1)
    t.equal(upstream.snapshot().tries, 1)
  }
)

t.test('two hundred failures at one instant spend the budget, and no more', async (t) => {
  let hits = 0
  const origin = await serve(t, (_request, response) => {
    hits++
    response.writeHead(503).end()
  })
  const budget = { ratio: 0.1, minimum: 1 }
  // On a busy machine as many connections take their time.
  const { upstream } = await payments(t, { origin, budget, timeout: false })
  const calls = Array.from({ length: 200 }, () => upstream.fetch('/'))
  for (const response of await Promise.all(calls)) if (response.status !== 503) t.fail()
  t.ok(hits > 200 && hits < 300, `${hits} hits`)
  t.equal(hits, upstream.snapshot().tries)
})

t.test('the bodies of failed tries are got rid of: no socket stays open for one', async (t) => {
  const big = Buffer.alloc(1 << 20)
  let open = 0
  const server = createServer((_request, response) => {
    response.writeHead(503).end(big)
  })
  server.on('connection', (socket) => {
    open++
    socket.on('close', () => open--)
  })
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const origin = await listen(server)
  const { upstream } = await payments(t, { origin, retries: 5, timeout: false })
  for (let call = 0; call < 2; call++) await (await upstream.fetch('/')).arrayBuffer()
  t.equal(upstream.snapshot().tries, 12)
  for (let turn = 0; turn < 500 && open > 2; turn++)
    await new Promise((next) => setTimeout(next, 10))
  t.ok(open <= 2, `${open} are open`)
})

t.test('an open breaker refuses, and ends the tries of a call', async (t) => {
  let hits = 0
  const origin = await serve(t, (_request, response) => {
    hits++
    response.writeHead(503).end()
  })
  const { app, upstream } = await payments(t, { origin, breaker: { threshold: 2 } })
  t.equal((await upstream.fetch('/')).status, 503)
  t.equal(hits, 2)
  t.match(upstream.snapshot(), { retries: { scheduled: 1, breaker: 1 } })
  await t.rejects(upstream.fetch('/'), {
    code: 'HOLDFAST_ERR_CIRCUIT_BREAKER_OPEN',
    breaker: 'payments'
  })
  t.equal(hits, 2)
  t.match(upstream.snapshot(), { calls: 2, tries: 2, refused: 1 })
  t.equal(app.circuitBreaker('payments').state, 'open')
})

t.test('without a breaker nothing is refused, and no breaker is needed', async (t) => {
  const origin = await serve(t, (_request, response) => response.writeHead(500).end())
  const { app, upstream } = await payments(t, { origin, breaker: false, retries: 0 })
  for (let call = 0; call < 10; call++) t.equal((await upstream.fetch('/')).status, 500)
  t.match(upstream.snapshot(), { outcomes: { failure: 10 } })
  t.strictSame(app.circuitBreakers.snapshots(), [])
})

t.test('maxConcurrent counts the tries that wait for their answers to begin', async (t) => {
  const waiting: (() => void)[] = []
  const origin = await serve(t, (_request, response) => {
    waiting.push(() => response.write('head'))
  })
  const { app, upstream } = await payments(t, { origin, maxConcurrent: 2 })
  const calls = [upstream.fetch('/'), upstream.fetch('/')]
  await t.rejects(upstream.fetch('/'), { code: 'HOLDFAST_ERR_OUTGOING_FULL', statusCode: 503 })
  t.equal(upstream.snapshot().inFlight, 2)
  while (waiting.length < 2) await new Promise((next) => setTimeout(next, 5))
  for (const answer of waiting) answer()
  await Promise.all(calls)
  t.equal(upstream.snapshot().inFlight, 0, 'bodies do not count')
  t.match(app.circuitBreaker('payments').snapshot(), { inFlight: 2, failures: 0 })
})

t.test('a try that takes too long is made again, a call that does is not', async (t) => {
  let hits = 0
  const origin = await serve(t, (_request, response) => {
    if (++hits === 2) response.end('at last')
  })
  const tries = await payments(t, { origin, tryTimeout: 300 })
  t.equal(await (await tries.upstream.fetch('/')).text(), 'at last')
  t.match(tries.upstream.snapshot(), { outcomes: { failure: 1, success: 1 } })
  const calls = await payments(t, { origin, timeout: 300 })
  await t.rejects(calls.upstream.fetch('/'), {
    code: 'HOLDFAST_ERR_OUTGOING_DEADLINE',
    message: /timeout of 300 ms/,
    statusCode: 504
  })
  t.match(calls.upstream.snapshot(), { tries: 1, outcomes: { failure: 1 } })
  const last = await payments(t, { origin, tryTimeout: 100, retries: 0 })
  await t.rejects(last.upstream.fetch('/'), {
    code: 'HOLDFAST_ERR_OUTGOING_TRY_TIMEOUT',
    statusCode: 504
  })
})

t.test('the time of a call bounds the reading of its answer', async (t) => {
  const origin = await serve(t, (_request, response) => void response.writeHead(200).write('first'))
  const { app, upstream } = await payments(t, { origin, timeout: 300 })
  const response = await upstream.fetch('/')
  await t.rejects(response.text(), { cause: { code: 'HOLDFAST_ERR_OUTGOING_DEADLINE' } })
  t.match(upstream.snapshot(), { outcomes: { excluded: 1 } })
  t.match(app.circuitBreaker('payments').snapshot(), { inFlight: 0 })
})

t.test(
  "a caller's abort rejects with its own reason, before the head and in the body",
  async (t) => {
    const origin = await serve(t, (request, response) => {
      if (request.url === '/body') response.write('first')
    })
    const { upstream } = await payments(t, { origin })
    const reason = new Error('the user left')
    await t.rejects(upstream.fetch('/', { signal: AbortSignal.abort(reason) }), reason)
    t.equal(upstream.snapshot().calls, 0)
    const early = new AbortController()
    const call = upstream.fetch('/', { signal: early.signal })
    setTimeout(() => early.abort(reason), 50)
    await t.rejects(call, reason)
    const late = new AbortController()
    const response = await upstream.fetch('/body', { signal: late.signal })
    late.abort()
    await t.rejects(response.text(), { name: 'AbortError' })
    t.match(upstream.snapshot(), { tries: 2, outcomes: { excluded: 1, success: 1 } })
  }
)

t.test('what is wrong with a call says nothing about the upstream', async (t) => {
  const origin = await serve(t, (_request, response) => response.end())
  const { app, upstream } = await payments(t, { origin })
  await t.rejects(upstream.fetch('/', { method: 'GET', body: 'x' }), TypeError)
  await t.rejects(upstream.fetch('//evil.example/'), {
    code: 'HOLDFAST_ERR_OUTGOING_FOREIGN_PATH'
  })
  t.match(upstream.snapshot(), { outcomes: { excluded: 1, failure: 0 }, inFlight: 0 })
  t.match(app.circuitBreaker('payments').snapshot(), { inFlight: 0, failures: 0 })
})

t.test('a fetch that knows no dispatchers, as in tests, is judged by its answer', async (t) => {
  const { upstream } = await payments(t, { origin: 'http://payments.test', retries: 1 })
  const original = globalThis.fetch
  t.teardown(() => {
    globalThis.fetch = original
  })
  const answers = [new Response('', { status: 503 }), new Response('mocked')]
  globalThis.fetch = async () => answers.shift() as Response
  t.equal(await (await upstream.fetch('/')).text(), 'mocked')
  t.match(upstream.snapshot(), { tries: 2, outcomes: { failure: 1, success: 1 }, inFlight: 0 })
})

t.test('a fetch that throws, instead of rejecting, is judged as one that rejects', async (t) => {
  const { app, upstream } = await payments(t, { origin: 'http://payments.test' })
  const original = globalThis.fetch
  t.teardown(() => {
    globalThis.fetch = original
  })
  globalThis.fetch = () => {
    throw new TypeError('not like this')
  }
  await t.rejects(upstream.fetch('/'), { message: 'not like this' })
  t.match(upstream.snapshot(), { tries: 1, outcomes: { excluded: 1 }, inFlight: 0 })
  t.match(app.circuitBreaker('payments').snapshot(), { inFlight: 0 })
})

t.test('what is sent with the dispatcher of a call that has settled is no try of it', async (t) => {
  const { upstream } = await payments(t, {
    origin: await serve(t, (_, response) => response.end())
  })
  const original = globalThis.fetch
  t.teardown(() => {
    globalThis.fetch = original
  })
  const given: unknown[] = []
  globalThis.fetch = (input, init) => {
    given.push(init)
    return original(input, init)
  }
  await (await upstream.fetch('/')).text()
  const response = await original(`${upstream.origin}/`, given[0] as RequestInit)
  t.equal(response.status, 200)
  t.match(upstream.snapshot(), { calls: 1, tries: 1, outcomes: { success: 1 } })
})

t.test('a handler is sent with the dispatcher that its fetch would take', async (t) => {
  const places = globalThis as Record<symbol, unknown>
  const [first, second] = GLOBAL_DISPATCHERS as [symbol, symbol]
  const before = [places[first], places[second]]
  t.teardown(() => {
    ;[places[first], places[second]] = before
  })
  const ofSecond = { onRequestStart() {} }
  for (const [one, other, expected] of [
    ['one', undefined, ['one', 'one']],
    [undefined, 'other', ['other', 'other']],
    ['one', 'other', ['one', 'other']]
  ] as const) {
    ;[places[first], places[second]] = [one, other]
    t.strictSame([globalDispatcherFor({}), globalDispatcherFor(ofSecond)], expected)
  }
})

t.test('ten thousand hosts that a caller chooses make no breaker', async (t) => {
  const origin = await serve(t, (_request, response) => response.end())
  const { app, upstream } = await payments(t, { origin })
  const reached: unknown[] = []
  const dispatch = upstream.interceptor((options: { origin: string }, _handler: object) => {
    reached.push(options.origin)
    return true
  })
  for (let host = 0; host < 10_000; host++) {
    dispatch({ origin: `http://host-${host}.example` }, {})
  }
  t.equal(reached.length, 10_000)
  t.strictSame(
    app.circuitBreakers.snapshots().map(({ name }) => name),
    ['payments']
  )
  t.equal(upstream.snapshot().calls, 0)
})

t.test('each try is told on a channel, and a listener that throws harms nothing', async (t) => {
  let hits = 0
  const origin = await serve(t, (_request, response) => {
    response.statusCode = ++hits === 1 ? 503 : 200
    response.end('ok')
  })
  const { upstream } = await payments(t, { origin })
  const seen: OutgoingTry[] = []
  t.teardown(subscribe('holdfast:outgoing:try', (told) => void seen.push(told)))
  t.teardown(
    subscribe('holdfast:outgoing:try', () => {
      throw new Error('listener broke')
    })
  )
  const warned = once(process, 'warning')
  await (await upstream.fetch('/')).text()
  await warned
  t.match(seen, [
    {
      upstream: 'payments',
      method: 'GET',
      attempt: 1,
      hedge: false,
      status: 503,
      outcome: 'failure'
    },
    { upstream: 'payments', attempt: 2, hedge: false, status: 200, outcome: 'success' }
  ])
  for (const { queued, duration } of seen) t.ok(queued !== undefined && queued <= duration)
})

t.test('closing the app ends what is on its way, and refuses what comes', async (t) => {
  const origin = await serve(t, (request, response) => {
    if (request.url === '/busy') response.writeHead(503, { 'retry-after': '5' }).end()
  })
  const { app, upstream } = await payments(t, { origin })
  const waiting = upstream.fetch('/busy')
  const silent = upstream.fetch('/')
  const ends = [waiting, silent].map((call) =>
    t.rejects(call, { code: 'HOLDFAST_ERR_OUTGOING_CLOSED' })
  )
  while (upstream.snapshot().retries.scheduled === 0) {
    await new Promise((next) => setTimeout(next, 5))
  }
  await app.close()
  await Promise.all(ends)
  await t.rejects(upstream.fetch('/'), { code: 'HOLDFAST_ERR_OUTGOING_CLOSED' })
  t.equal(upstream.snapshot().inFlight, 0)
})
