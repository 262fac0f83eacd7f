import type { IncomingMessage } from 'node:http'
import t from 'tap'
import { DEFAULT_LEVELS, type SettledRequest } from '../dist/level.js'
import {
  decideLevel,
  type LineRules,
  type RequestOrigin,
  sampleRateOf
} from '../dist/line-decision.js'
import { Silence } from '../dist/silence.js'

const rules: LineRules = {
  silent: false,
  silence: new Silence(['probes', '/metrics', ({ status }) => status === 204]),
  probe: false,
  levels: DEFAULT_LEVELS,
  slow: 1000,
  sample: 1,
  semicolons: false
}

const settled: SettledRequest = {
  outcome: 'ok',
  status: 200,
  duration: 1,
  slow: false,
  error: undefined,
  request: undefined,
  reply: undefined
}

const failed: SettledRequest = { ...settled, outcome: 'server-error', status: 500 }

function origin(
  target: string,
  traceId?: string,
  facts: RequestOrigin['facts'] = {}
): RequestOrigin {
  const headers = traceId === undefined ? {} : { traceparent: `00-${traceId}-${'1'.repeat(16)}-01` }
  return { target, facts, raw: { headers } as IncomingMessage }
}

t.test('a line has the level of its outcome', async (t) => {
  t.equal(decideLevel(rules, settled, origin('/')), 'info')
  t.equal(decideLevel(rules, { ...settled, slow: true }, origin('/')), 'warn')
  t.equal(decideLevel(rules, failed, origin('/')), 'error')
  const levels = { ...DEFAULT_LEVELS, choose: () => 'debug' as const }
  t.equal(decideLevel({ ...rules, levels }, failed, origin('/')), 'debug')
})

t.test('a function is given what is documented, and no more', async (t) => {
  const given: object[] = []
  const keep = (settled: SettledRequest) => {
    given.push(settled)
    return false
  }
  const record = Object.assign({}, settled, { target: '/', secrets: () => [] })
  decideLevel({ ...rules, silence: new Silence([keep]) }, record, origin('/'))
  t.strictSame(given, [settled])
})

t.test('what its route silences has no line, whatever happened', async (t) => {
  t.equal(decideLevel({ ...rules, silent: true }, failed, origin('/')), 'silent')
})

t.test('probes and paths have no line, unless an error was thrown', async (t) => {
  const thrown = { ...failed, error: new Error('no database') }
  for (const [of, at] of [
    [{ ...rules, probe: true }, '/livez'],
    [rules, '/metrics?a=b']
  ] as const) {
    t.equal(decideLevel(of, settled, origin(at)), 'silent')
    t.equal(decideLevel(of, failed, origin(at)), 'silent')
    t.equal(decideLevel(of, thrown, origin(at)), 'error')
  }
  t.equal(decideLevel(rules, settled, origin('/', undefined, { probe: true })), 'silent')
})

t.test('a function silences by itself, and also what never became a request', async (t) => {
  t.equal(decideLevel(rules, { ...settled, status: 204 }, origin('/')), 'silent')
  t.equal(decideLevel(rules, { ...settled, status: 204 }, undefined), 'silent')
  t.equal(decideLevel(rules, { ...settled, outcome: 'malformed' }, undefined), 'warn')
})

t.test('only routine is sampled, by the trace where there is one', async (t) => {
  const half = { ...rules, sample: 0.5 }
  const kept = `${'1'.repeat(18)}ff${'0'.repeat(12)}`
  const left = `${'1'.repeat(18)}00${'0'.repeat(12)}`
  t.equal(decideLevel(half, settled, origin('/', kept)), 'info')
  t.equal(decideLevel(half, settled, origin('/', left)), 'sampled-out')
  t.equal(decideLevel(half, { ...settled, slow: true }, origin('/', left)), 'warn')
  t.equal(decideLevel(half, failed, origin('/', left)), 'error')
  t.equal(decideLevel({ ...rules, sample: 0 }, settled, origin('/', kept)), 'sampled-out')
  t.equal(sampleRateOf(half, settled), 0.5)
  t.equal(sampleRateOf(half, failed), 1)
})
