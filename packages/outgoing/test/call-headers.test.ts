import t from 'tap'
import { addCallHeaders, type CallFacts } from '../dist/call-headers.js'
import { ENVOY_TIMEOUT } from '../dist/deadline-header.js'

const FACTS: CallFacts = { written: [ENVOY_TIMEOUT], left: 1000, attempt: 1, trace: undefined }
const TRACE = { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' }

/** The headers of a call, with those that a try adds. */
function sent(facts: Partial<CallFacts>, given: Record<string, string> = {}): object {
  const fields = new Map(Object.entries(given))
  addCallHeaders(fields, { ...FACTS, ...facts })
  return Object.fromEntries(fields)
}

t.test('the time is told in each header that is asked for', async (t) => {
  t.strictSame(sent({}), { [ENVOY_TIMEOUT]: '995' })
  t.strictSame(sent({ written: [ENVOY_TIMEOUT, 'grpc-timeout'] }), {
    [ENVOY_TIMEOUT]: '995',
    'grpc-timeout': '995m'
  })
  t.strictSame(sent({ written: [] }), {})
  t.strictSame(sent({ left: Infinity }), {})
  t.strictSame(sent({ left: 0 }), {})
})

t.test('a shorter time of the call stays, a longer one does not', async (t) => {
  t.strictSame(sent({}, { [ENVOY_TIMEOUT]: '100' }), { [ENVOY_TIMEOUT]: '100' })
  t.strictSame(sent({}, { [ENVOY_TIMEOUT]: '5000' }), { [ENVOY_TIMEOUT]: '995' })
})

t.test('the first try has no number', async (t) => {
  t.strictSame(sent({ written: [], attempt: 2 }), { 'x-envoy-attempt-count': '2' })
  t.strictSame(sent({ written: [], attempt: 2 }, { 'x-envoy-attempt-count': '7' }), {
    'x-envoy-attempt-count': '7'
  })
})

t.test('a call with a trace of its own keeps it', async (t) => {
  const trace = { ...TRACE, tracestate: 'vendor=1' }
  t.strictSame(sent({ written: [], trace }), trace)
  t.strictSame(sent({ written: [], trace: TRACE }), TRACE)
  t.strictSame(sent({ written: [], trace: {} }), {})
  t.strictSame(sent({ written: [], trace }, { traceparent: 'mine' }), { traceparent: 'mine' })
})
