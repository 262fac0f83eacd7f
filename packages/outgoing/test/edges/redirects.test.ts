/**
 * Redirects of `fetch`, and what may stand for its path: a call keeps its time, its signal and its
 * errors wherever it is led. Covers `edges/try-dispatcher.ts`,
 * `edges/global-dispatcher.ts` and `edges/linked-signal.ts`.
 */
import type { RequestListener } from 'node:http'
import t, { type Test } from 'tap'
import { GLOBAL_DISPATCHERS, globalDispatcherFor } from '../../dist/edges/global-dispatcher.js'
import { LinkedSignal } from '../../dist/edges/linked-signal.js'
import { serve } from '../support/serve.ts'
import { payments } from '../support/upstream.ts'

// The timers of calls keep no process alive, and here nothing else may.
const alive = setInterval(() => {}, 60_000)
t.teardown(() => clearInterval(alive))

const silent: RequestListener = () => {}
const endless: RequestListener = (_request, response) => void response.writeHead(200).write('a')

/** An origin that redirects `/` to a server that is nobody's upstream, and `/own` to itself. */
async function redirecting(t: Test, target: RequestListener): Promise<string> {
  const elsewhere = await serve(t, target)
  return serve(t, (request, response) => {
    if (request.url === '/target') target(request, response)
    else {
      const location = request.url === '/own' ? '/target' : elsewhere
      response.writeHead(302, { location }).end()
    }
  })
}

for (const path of ['/own', '/elsewhere']) {
  t.test(`a redirect to ${path} that is not answered ends with the time of its call`, async (t) => {
    const { upstream } = await payments(t, { origin: await redirecting(t, silent), timeout: 300 })
    await t.rejects(upstream.fetch(path), { code: 'HOLDFAST_ERR_OUTGOING_DEADLINE' })
    t.match(upstream.snapshot(), { inFlight: 0 })
  })

  t.test(`a redirect to ${path} has a body that ends with the time of its call`, async (t) => {
    const { upstream } = await payments(t, { origin: await redirecting(t, endless), timeout: 300 })
    const response = await upstream.fetch(path)
    await t.rejects(response.text())
  })

  t.test(`a redirect to ${path} ends when the signal of its call aborts`, async (t) => {
    const controller = new AbortController()
    const origin = await redirecting(t, () => controller.abort(new Error('enough')))
    const { upstream } = await payments(t, { origin, timeout: false })
    const call = upstream.fetch(path, { signal: controller.signal })
    await t.rejects(call, { message: 'enough' })
  })

  t.test(`a redirect to ${path} ends when the app closes`, async (t) => {
    let close = (): void => {}
    const origin = await redirecting(t, () => close())
    const { app, upstream } = await payments(t, { origin, timeout: false })
    close = () => void app.close()
    await t.rejects(upstream.fetch(path), { code: 'HOLDFAST_ERR_OUTGOING_CLOSED' })
  })
}

t.test('a redirect to a full upstream is refused with our own error', async (t) => {
  const origin = await redirecting(t, silent)
  const { app, upstream } = await payments(t, { origin })
  const elsewhere = await serve(t, silent)
  const full = app.upstream('full', { origin: elsewhere, maxConcurrent: 1, breaker: false })
  const waiting = full.fetch('/')
  const from = await serve(t, (_request, response) => {
    response.writeHead(302, { location: elsewhere }).end()
  })
  const other = app.upstream('other', { origin: from })
  await t.rejects(other.fetch('/'), { code: 'HOLDFAST_ERR_OUTGOING_FULL' })
  t.match(upstream.snapshot(), { calls: 0 })
  await app.close()
  await t.rejects(waiting, { code: 'HOLDFAST_ERR_OUTGOING_CLOSED' })
})

t.test('a refused call adds nothing to the budget of retries', async (t) => {
  const origin = await serve(t, silent)
  const { app, upstream } = await payments(t, { origin, maxConcurrent: 1, budget: { ratio: 1 } })
  const waiting = upstream.fetch('/')
  const before = upstream.snapshot().budgetLeft
  await t.rejects(upstream.fetch('/'), { code: 'HOLDFAST_ERR_OUTGOING_FULL' })
  t.match(upstream.snapshot(), { calls: 2, tries: 1, refused: 1, budgetLeft: before })
  await app.close()
  await t.rejects(waiting)
})

t.test('a Request is sent as it is, and without a body as often as any call', async (t) => {
  const seen: string[] = []
  const origin = await serve(t, async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    seen.push(`${request.method} ${request.url} ${request.headers['x-own']} ${body}`)
    response.writeHead(503).end()
  })
  const { upstream } = await payments(t, { origin, retries: 1 })
  const headers = { 'x-own': 'yes' }
  const put = new Request(`${origin}/put`, { method: 'PUT', body: 'pay', headers })
  t.equal((await upstream.fetch(put)).status, 503)
  t.equal((await upstream.fetch(new Request(`${origin}/get`, { headers }))).status, 503)
  t.strictSame(seen, ['PUT /put yes pay', 'GET /get yes ', 'GET /get yes '])
  const gone = AbortSignal.abort(new Error('gone'))
  const aborted = new Request(`${origin}/get`, { signal: gone })
  await t.rejects(upstream.fetch(aborted), { message: 'gone' })
  const foreign = new Request('http://127.0.0.1:1/')
  await t.rejects(upstream.fetch(foreign), { code: 'HOLDFAST_ERR_OUTGOING_FOREIGN_PATH' })
})

t.test('what is neither text, a URL nor a Request leads nowhere', async (t) => {
  const { upstream } = await payments(t, { origin: 'http://127.0.0.1:1' })
  for (const path of [undefined, {}, 7] as never[]) {
    await t.rejects(upstream.fetch(path), { code: 'HOLDFAST_ERR_OUTGOING_FOREIGN_PATH' })
  }
})

t.test('a signal that has aborted between two requests aborts the second one', async (t) => {
  const reason = new Error('enough')
  const link = new LinkedSignal(AbortSignal.abort(reason))
  link.follow().leave()
  t.equal(link.signal.reason, reason)
})

t.test(
  'a handler goes to the global dispatcher of its own shape, or else to the other',
  async (t) => {
    const [first = Symbol(), second = Symbol()] = GLOBAL_DISPATCHERS
    const places = globalThis as Record<symbol, unknown>
    const before = [places[first], places[second]]
    t.teardown(() => {
      ;[places[first], places[second]] = before
    })
    const older = { onConnect: () => {} }
    const newer = { onRequestStart: () => {} }
    ;[places[first], places[second]] = ['first', 'second']
    t.strictSame([globalDispatcherFor(older), globalDispatcherFor(newer)], ['first', 'second'])
    places[second] = undefined
    t.strictSame([globalDispatcherFor(older), globalDispatcherFor(newer)], ['first', 'first'])
  }
)
