/**
 * A real Prometheus collects from a service with the whole suite, and is asked everything that the dashboard and
 * the rules ask.
 */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import Fastify from 'fastify'
import holdfast, { serverOptions } from 'holdfast'
import t from 'tap'
import { startPrometheus } from '../../examples/observability/prometheus.js'
import { questions } from '../../examples/observability/questions.js'
import { dashboardQueries } from '../support/observe/dashboard.ts'
import { metrics, unknownIn } from '../support/observe/metrics.ts'
import { root } from '../support/pack.js'

t.setTimeout(120_000)

const PACKAGE = join(root, 'packages', 'telemetry')
const TRACE = '0af7651916cd43dd8448eb211c80319c'
/** What needs a store, or an overload. */
const ABSENT = [
  'holdfast_load_shedding_limit',
  'holdfast_rate_limit_store_outages_total',
  'holdfast_rate_limit_store_status'
]

function promtool(args: readonly string[], input?: string) {
  return spawnSync('promtool', args, { cwd: PACKAGE, input, encoding: 'utf8' })
}

/** Asks until the answer is not empty. */
async function answer(ask: () => Promise<unknown[]>): Promise<unknown[]> {
  for (let attempts = 0; attempts < 100; attempts++) {
    const found = await ask()
    if (found.length > 0) return found
    await wait(200)
  }
  return []
}

const other = createServer((_, response) => response.end('done'))
other.listen(0, '127.0.0.1')
await once(other, 'listening')
t.teardown(() => other.close())

const app = Fastify(serverOptions({ logger: { level: 'silent' } }))
await app.register(holdfast, {
  lifecycle: { signals: false, drainDelay: 0 },
  rateLimit: { max: 5, timeWindow: '1 minute' },
  outgoing: {},
  telemetry: {}
})
const upstream = app.upstream('other', {
  origin: `http://127.0.0.1:${(other.address() as AddressInfo).port}`
})
app.lifecycle.addCheck('other', async () => undefined)
app.get('/orders/:id', { config: { circuitBreaker: true } }, async (request) => {
  const response = await upstream.for(request).fetch('/')
  return response.text()
})
const url = await app.listen({ port: 0, host: '127.0.0.1' })
t.teardown(() => app.close())

for (let id = 0; id < 8; id++) {
  const response = await fetch(`${url}/orders/${id}`, {
    headers: { traceparent: `00-${TRACE}-b7ad6b7169203331-01` }
  })
  await response.arrayBuffer()
}
// Something that is no HTTP.
const socket = connect(Number(new URL(url).port), '127.0.0.1')
socket.end('no HTTP\r\n\r\n')
await once(socket.resume(), 'close')

const prometheus = await startPrometheus(new URL(url).host)
t.teardown(() => prometheus.stop())

t.test('promtool finds nothing to say against the text', async (t) => {
  const { status, stdout, stderr } = promtool(['check', 'metrics'], app.telemetry.text())
  t.equal(status, 0, stdout + stderr)
  t.equal(stdout + stderr, '')
})

t.test('the rules are right, and raise the alerts that they should', async (t) => {
  const checked = promtool(['check', 'rules', 'rules.yml'])
  t.equal(checked.status, 0, checked.stdout + checked.stderr)
  const tested = promtool(['test', 'rules', join('test', 'rules.promtool.yml')])
  t.equal(tested.status, 0, tested.stdout + tested.stderr)
})

t.test('Prometheus collects every metric', async (t) => {
  const expected = metrics
    .flatMap(({ samples }) => samples)
    .filter((name) => !ABSENT.includes(name))
  await answer(async () => {
    const { result } = await prometheus.ask('query', { query: 'holdfast_refusals_total' })
    return result
  })
  const names: string[] = await prometheus.ask('label/__name__/values')
  t.strictSame(
    expected.filter((name) => !names.includes(name)),
    []
  )
})

t.test('what it collected is what happened', async (t) => {
  const value = async (query: string): Promise<unknown> => {
    const { result } = await prometheus.ask('query', { query })
    return result[0]?.value[1]
  }
  const count = 'http_server_request_duration_seconds_count'
  t.equal(await value(`sum(${count}{http_route="/orders/:id"})`), '8')
  t.equal(
    await value(`sum(${count}{http_route="/orders/:id", http_response_status_code="200"})`),
    '5'
  )
  t.equal(await value('sum(holdfast_refusals_total{holdfast_refused_by="rate-limit"})'), '3')
  t.equal(await value('sum(holdfast_malformed_requests_total)'), '1')
  t.equal(await value('holdfast_outgoing_calls_total{holdfast_outgoing_upstream="other"}'), '5')
  t.equal(await value('holdfast_lifecycle_status{holdfast_lifecycle_state="ready"}'), '1')
})

t.test('the trace of a request is found by its exemplar', async (t) => {
  const now = Date.now() / 1000
  const found = await answer(() =>
    prometheus.ask('query_exemplars', {
      query: 'http_server_request_duration_seconds_bucket',
      start: String(now - 300),
      end: String(now + 60)
    })
  )
  t.match(JSON.stringify(found), `"trace_id":"${TRACE}"`)
})

t.test('Prometheus understands every query of the dashboard and of the example', async (t) => {
  const queries = [...dashboardQueries(), ...questions.map(({ query }) => query)]
  t.ok(queries.length > 40)
  for (const query of queries) {
    t.strictSame(unknownIn(query), [], query)
    await t.resolves(prometheus.ask('query', { query }), query)
  }
})

t.test('it has loaded the rules, and finds no fault with them', async (t) => {
  const { groups } = (await prometheus.ask('rules')) as {
    groups: { rules: { name: string; health: string }[] }[]
  }
  const rules = groups.flatMap(({ rules }) => rules)
  t.equal(rules.length, 19)
  for (const { name, health } of rules) t.not(health, 'err', name)
})
