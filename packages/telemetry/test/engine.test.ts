/**
 * What is counted and how it is written, without Fastify: `histogram.ts`, `exemplars.ts`, `duration-series.ts`,
 * `client-series.ts`, `known-names.ts`, `exposition.ts`, `accept.ts`, `metric.ts`, `metric-table.ts`,
 * `read-states.ts`, `runtime-reading.ts`, `error-type.ts`, `outcome.ts`, `request-counts.ts`, and of
 * `metrics/`: `circuit-breaker.ts`, `lifecycle.ts`, `load-shedding.ts`, `outgoing.ts`, `rate-limit.ts`,
 * `requests.ts`, `runtime.ts`.
 */
import { spawnSync } from 'node:child_process'
import * as conventions from '@opentelemetry/semantic-conventions/incubating'
import fc from 'fast-check'
import t from 'tap'
import { CONTENT_TYPES, formatOf } from '../dist/accept.js'
import { ClientSeries } from '../dist/client-series.js'
import { DurationSeries } from '../dist/duration-series.js'
import { errorTypeOf } from '../dist/error-type.js'
import { familyOf, type HistogramFamily, textOf } from '../dist/exposition.js'
import { DURATION_BOUNDS, Histogram } from '../dist/histogram.js'
import { KnownNames, OVERFLOW } from '../dist/known-names.js'
import type { MetricSource } from '../dist/metric.js'
import { CLIENT_DURATION, METRICS, REQUEST_DURATION } from '../dist/metric-table.js'
import { outcomeOf, refusalOf } from '../dist/outcome.js'
import { RequestCounts, totalOf } from '../dist/request-counts.js'
import { everything } from './support/everything.ts'

const NOTHING: MetricSource = { states: {}, breakerName: (name) => name }

const ANSWERED = {
  status: 200,
  error: undefined,
  outcome: 'success',
  duration: 20,
  method: 'GET'
} as const

const familyWith = (series: HistogramFamily['series']): HistogramFamily[] => [
  { description: REQUEST_DURATION, series }
]

t.test('every value is in one bucket, that of the least bound which is not below it', async (t) => {
  const seconds = fc.oneof(
    fc.constantFrom(...DURATION_BOUNDS),
    fc.double({ min: 0, max: 20, noNaN: true })
  )
  fc.assert(
    fc.property(fc.array(seconds), (values) => {
      const histogram = new Histogram()
      const expected = new Array<number>(DURATION_BOUNDS.length + 1).fill(0)
      for (const value of values) {
        const bucket = DURATION_BOUNDS.findIndex((bound) => value <= bound)
        const at = bucket === -1 ? DURATION_BOUNDS.length : bucket
        expected[at] = (expected[at] as number) + 1
        t.equal(histogram.record(value), at)
      }
      t.strictSame([...histogram.counts], expected)
      t.equal(histogram.count, values.length)
    }),
    { numRuns: 50 }
  )
})

t.test(
  'the same attributes are one series, and those that are too many are one more',
  async (t) => {
    const request = fc.tuple(
      fc.constantFrom('GET', 'POST', 'BREW', 'get'),
      fc.option(fc.constantFrom('/a', '/b', '/c'), { nil: undefined }),
      fc.constantFrom(0, 200, 404, 500),
      fc.option(fc.constantFrom('500', 'cut'), { nil: undefined }),
      fc.constantFrom('1.1', '2')
    )
    const max = fc.integer({ min: 1, max: 40 })
    fc.assert(
      fc.property(fc.array(request, { maxLength: 100 }), max, (requests, max) => {
        const table = new DurationSeries(max, 'http')
        const counts = new Map<string, number>()
        for (const [method, route, status, errorType, version] of requests) {
          const known = method === 'GET' || method === 'POST' ? method : '_OTHER'
          const key = [known, route, status, errorType, version].join()
          const isKnown = counts.has(key) || counts.size < max
          if (isKnown) counts.set(key, (counts.get(key) ?? 0) + 1)
          table.of(method, route, status, errorType, version).histogram.record(0.1)
        }
        const { all } = table
        const own = all.filter(({ attributes }) => !('otel.metric.overflow' in attributes))
        t.ok(all.length <= max + 1)
        t.strictSame(
          own.map(({ histogram }) => histogram.count),
          [...counts.values()]
        )
        t.equal(
          all.reduce((sum, { histogram }) => sum + histogram.count, 0),
          requests.length
        )
      }),
      { numRuns: 100 }
    )
  }
)

t.test('tries are told apart by upstream, method, status and error, and are bounded', async (t) => {
  const table = new ClientSeries(5)
  const ended = { upstream: 'bank', ...ANSWERED }
  const failed = { ...ended, status: undefined, outcome: 'failure' }
  table.record(ended, 'https://bank.example')
  table.record({ ...ended, duration: 9000 }, 'https://bank.example')
  table.record({ ...ended, status: 503, outcome: 'failure' }, 'https://bank.example')
  table.record({ ...failed, error: { code: 'ECONNREFUSED' } }, 'http://bank.example:81')
  table.record({ ...failed, method: 'BREW', error: 'text' }, 'http://bank.example')
  t.equal(table.all.length, 4, 'nothing is too much yet')
  table.record({ ...failed, error: 'text' }, 'http://bank.example')
  table.record({ ...failed, outcome: 'success', upstream: 'other' }, 'http://other.example')
  const bank = { 'holdfast.outgoing.upstream': 'bank', 'server.address': 'bank.example' }
  const get = { ...bank, 'http.request.method': 'GET' }
  t.strictSame(
    table.all.map(({ attributes, histogram }) => [attributes, histogram.count]),
    [
      [{ ...get, 'server.port': 443, 'http.response.status_code': 200 }, 2],
      [{ ...get, 'server.port': 443, 'http.response.status_code': 503, 'error.type': '503' }, 1],
      [{ ...get, 'server.port': 81, 'error.type': 'ECONNREFUSED' }, 1],
      [{ ...bank, 'http.request.method': '_OTHER', 'server.port': 80, 'error.type': '_OTHER' }, 1],
      [{ ...get, 'server.port': 80, 'error.type': '_OTHER' }, 1],
      [{ 'otel.metric.overflow': true }, 1]
    ]
  )
  const { bank: sums } = table.byUpstream
  t.equal(
    sums?.counts.reduce((sum, count) => sum + count, 0),
    6
  )
  t.equal(sums?.counts.length, DURATION_BOUNDS.length + 1)
  t.equal(sums?.sum.toFixed(3), '9.100')
})

t.test('the first names stay, and all others are one', async (t) => {
  const { bounded } = new KnownNames(2)
  t.strictSame(['a', 'b', 'c', 'a', 'd'].map(bounded), ['a', 'b', OVERFLOW, 'a', OVERFLOW])
})

t.test('OpenMetrics goes to whoever wants it at least as much', async (t) => {
  for (const accept of [
    // Prometheus 3.
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
    'application/openmetrics-text; version=1.0.0',
    'Application/OpenMetrics-Text',
    'text/plain;q=0.5, application/openmetrics-text;version=1.0.0'
  ]) {
    t.equal(formatOf(accept), 'openmetrics', accept)
  }
  for (const accept of [
    undefined,
    '',
    '*/*',
    'text/html',
    'application/openmetrics-text;version=2.0.0',
    'application/openmetrics-text;version=1.0.0;q=0',
    'application/openmetrics-text;q=nonsense',
    'text/plain, application/openmetrics-text;version=1.0.0;q=0.9'
  ]) {
    t.equal(formatOf(accept), 'prometheus', String(accept))
  }
  fc.assert(fc.property(fc.string(), (accept) => formatOf(accept) in CONTENT_TYPES))
})

t.test('labels are escaped: a route may have any character', async (t) => {
  const table = new DurationSeries(10, 'http')
  table.of('GET', '/a"b\\c\nd', 200, undefined, '1.1').histogram.record(0.003)
  const text = textOf(NOTHING, familyWith(table.all), 'prometheus')
  t.match(text, 'http_route="/a\\"b\\\\c\\nd"')
  t.notMatch(text, /\n[^#h]/, 'each line begins as a line should')
})

t.test('exemplars are in OpenMetrics only, the latest of each bucket', async (t) => {
  const table = new DurationSeries(10, 'https')
  const series = table.of('GET', '/a', 200, undefined, '2')
  const [first = '', second = '', slow = ''] = ['1', '2', '3'].map((digit) => digit.repeat(32))
  series.recordTraced(0.001, first, 1_700_000_000)
  series.recordTraced(0.002, second, 1_700_000_001.5)
  series.recordTraced(60, slow, 1_700_000_002)
  const text = textOf(NOTHING, familyWith(table.all), 'openmetrics')
  t.match(text, `le="0.005"} 2 # {trace_id="${second}"} 0.002 1700000001.500\n`)
  t.match(text, `le="+Inf"} 3 # {trace_id="${slow}"} 60 1700000002.000\n`)
  t.match(text, 'le="0.01"} 2\n')
  t.notMatch(text, first)
  t.match(text, '# UNIT http_server_request_duration_seconds seconds\n')
  t.ok(text.endsWith('# EOF\n'))
  const older = textOf(NOTHING, familyWith(table.all), 'prometheus')
  t.notMatch(older, 'trace_id')
  t.notMatch(older, '# EOF')
})

t.test('where there is nothing to tell the text is empty but whole', async (t) => {
  t.equal(textOf(NOTHING, familyWith([]), 'prometheus'), '')
  t.equal(textOf(NOTHING, familyWith([]), 'openmetrics'), '# EOF\n')
})

t.test(
  'names follow the rules of translation, and the conventions where there are any',
  async (t) => {
    const words: Record<string, string> = { s: '_seconds', By: '_bytes' }
    const semantic = new Set<unknown>(Object.values(conventions))
    const text = textOf(everything(), [], 'prometheus')
    for (const metric of METRICS) {
      const { name, unit, kind, attributes } = metric
      const ratio = unit === '1' && kind === 'gauge' ? '_ratio' : ''
      const family = `${name.replace(/\./g, '_')}${words[unit] ?? ''}${ratio}`
      t.equal(familyOf(metric), family)
      const line = kind === 'counter' ? `${family}_total counter` : `${family} gauge`
      t.match(text, `# TYPE ${line}\n`)
      const samples = [...metric.read(everything())]
      t.ok(samples.length > 0, `${name} has samples`)
      for (const sample of samples) {
        t.strictSame(Object.keys(sample.attributes).sort(), [...attributes].sort(), name)
      }
    }
    for (const { name, attributes } of [...METRICS, REQUEST_DURATION, CLIENT_DURATION]) {
      for (const word of [name, ...attributes]) {
        t.ok(word.startsWith('holdfast.') || semantic.has(word), word)
      }
    }
    t.equal(new Set(METRICS.map(({ name }) => name)).size, METRICS.length)
  }
)

t.test('what is not known has no sample', async (t) => {
  const { runtime, ...source } = everything()
  t.notMatch(textOf(source, [], 'prometheus'), 'nodejs_')
  const states = {
    ...source.states,
    '@holdfast/core': (source.states['@holdfast/core'] ?? []).map(({ state }) => ({
      state: { ...state, eventLoopDelay: undefined }
    })),
    '@holdfast/rate-limit': [{ state: { limits: [], table: undefined, store: undefined } }],
    '@holdfast/load-shedding': (source.states['@holdfast/load-shedding'] ?? []).map(
      ({ state }) => ({
        state: { ...state, shadow: true, limit: undefined }
      })
    ),
    '@holdfast/circuit-breaker': (source.states['@holdfast/circuit-breaker'] ?? []).map(
      ({ state }) => ({
        state: { breakers: state.breakers.map((one) => ({ ...one, shadow: true })) }
      })
    )
  }
  const text = textOf({ ...source, states, runtime }, [], 'prometheus')
  for (const none of [
    'eventloop_delay',
    'rate_limit',
    'load_shedding_limit',
    'mode="enforce"} 1'
  ]) {
    t.notMatch(text, none)
  }
  const lost = [
    { state: { limits: [], table: undefined, store: { available: false, outages: 1 } } }
  ]
  const outage = { ...source, states: { '@holdfast/rate-limit': lost } }
  t.match(textOf(outage, [], 'prometheus'), 'state="unavailable"} 1\n')
  t.match(text, 'holdfast_load_shedding_mode="shadow"')
  t.match(text, 'holdfast_circuit_breaker_mode="shadow"')
})

t.test('promtool has nothing to say against the text', async (t) => {
  const table = new DurationSeries(10, 'http')
  table.of('GET', '/a"b\\c\nd', 200, undefined, '1.1').histogram.record(0.003)
  const tries = new ClientSeries(10)
  tries.record({ upstream: 'bank', ...ANSWERED }, 'https://bank.example')
  const clients = { description: CLIENT_DURATION, series: tries.all }
  const input = textOf(everything(), [...familyWith(table.all), clients], 'prometheus')
  const { error, status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input })
  if (error !== undefined) {
    t.pass('promtool is not installed: apt-get install prometheus')
    return
  }
  // It ends with 3 where it has advice on names.
  t.equal(status, 0, `${stdout}${stderr}`)
})

t.test('error.type says whose fault it was', async (t) => {
  const routed = {}
  t.equal(errorTypeOf({ routed }, 'finished', 200), undefined)
  t.equal(errorTypeOf({ routed }, 'finished', 404), undefined)
  t.equal(errorTypeOf({ routed, refusedBy: 'rate-limit' }, 'finished', 429), undefined)
  t.equal(errorTypeOf({ clientError: {} }, 'finished', 400), undefined)
  t.equal(errorTypeOf({ routed }, 'finished', 502), '502')
  t.equal(errorTypeOf({ routed }, 'aborted', 200), 'aborted')
  t.equal(errorTypeOf({ routed }, 'cut', 200), 'cut')
  t.equal(errorTypeOf({}, 'finished', 503), 'draining')
  t.equal(errorTypeOf({}, 'finished', 500), '500')
  const refused = (refusedBy: string) => errorTypeOf({ routed, refusedBy }, 'finished', 503)
  t.equal(refused('circuit-breaker'), 'circuit_open')
  t.equal(refused('load-shedding'), 'shed')
  t.equal(refused('lifecycle'), 'pressure')
  t.equal(refused('outgoing'), 'deadline')
  t.equal(refused('third-party'), '503')
})

t.test('a request has one outcome, and a refusal one reason', async (t) => {
  const routed = {}
  t.equal(outcomeOf({ routed }, 'finished', 200, false), 'ok')
  t.equal(outcomeOf({ routed }, 'finished', 404, false), 'client-error')
  t.equal(outcomeOf({ routed }, 'finished', 500, false), 'server-error')
  t.equal(outcomeOf({ routed, refusedBy: 'rate-limit' }, 'finished', 429, false), 'refused')
  t.equal(outcomeOf({}, 'finished', 503, false), 'refused')
  t.equal(outcomeOf({ routed }, 'aborted', 200, false), 'aborted')
  t.equal(outcomeOf({ routed }, 'cut', 200, false), 'cut')
  t.equal(outcomeOf({ routed }, 'finished', 200, true), 'hijacked')
  t.equal(outcomeOf({ routed, clientError: {} }, 'finished', 400, false), 'malformed')
  t.strictSame(refusalOf({}), { refusedBy: 'lifecycle', reason: 'draining' })
  const limited = { refusedBy: 'rate-limit' }
  t.strictSame(refusalOf(limited), { ...limited, reason: 'exceeded' })
  const banned = { reason: 'banned' }
  t.strictSame(refusalOf({ ...limited, rateLimit: banned }), { ...limited, ...banned })
  t.strictSame(refusalOf({ refusedBy: 'x' }), { refusedBy: 'x', reason: 'other' })
})

t.test('counts and durations are added up', async (t) => {
  const counts = new RequestCounts()
  counts.count('ok')
  counts.count('ok')
  for (const reason of ['exceeded', 'exceeded', 'banned']) {
    counts.countRefusal({ refusedBy: 'rate-limit', reason })
  }
  t.match(counts.outcomes, { ok: 2, refused: 0 })
  t.strictSame(counts.refusals, [
    { refusedBy: 'rate-limit', reason: 'exceeded', count: 2 },
    { refusedBy: 'rate-limit', reason: 'banned', count: 1 }
  ])
  const table = new DurationSeries(10, 'http')
  table.of('GET', '/a', 200, undefined, '1.1').histogram.record(0.003)
  table.of('GET', '/b', 200, undefined, '1.1').histogram.record(11)
  const { bounds, counts: buckets, sum } = totalOf(table.all)
  t.equal(sum, 11.003)
  t.equal(bounds.length + 1, buckets.length)
  t.equal(buckets[0], 1)
  t.equal(buckets.at(-1), 1)
})
