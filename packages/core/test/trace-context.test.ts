import type { IncomingMessage } from 'node:http'
import {
  beginTrace,
  flagsText,
  parseTraceparent,
  setTrace,
  traceHeaders,
  traceOf
} from '@holdfast/core'
import fc from 'fast-check'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { fetch } from 'undici'
import { listen } from '../../../test/support/http.ts'
import { randomHex } from '../dist/random-hex.js'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const PARENT = 'b7ad6b7169203331'

/** As much of a request as a trace hangs on. */
function withHeaders(headers: Record<string, string>): IncomingMessage {
  return { headers } as unknown as IncomingMessage
}

t.test('a traceparent is read by the rules of W3C Trace Context', async (t) => {
  const good = { traceId: TRACE, parentId: PARENT, flags: 1 }
  const cases: [unknown, object | undefined][] = [
    [`00-${TRACE}-${PARENT}-01`, good],
    [`00-${TRACE}-${PARENT}-00`, { ...good, flags: 0 }],
    [`00-${TRACE}-${PARENT}-ff`, { ...good, flags: 3 }],
    [`cc-${TRACE}-${PARENT}-01`, good],
    [`cc-${TRACE}-${PARENT}-01-what-the-future-will-be-like`, good],
    [`cc-${TRACE}-${PARENT}-01.what`, undefined],
    [`00-${TRACE}-${PARENT}-01-more`, undefined],
    [`ff-${TRACE}-${PARENT}-01`, undefined],
    [`00-${'0'.repeat(32)}-${PARENT}-01`, undefined],
    [`00-${TRACE}-${'0'.repeat(16)}-01`, undefined],
    [`00-${TRACE.toUpperCase()}-${PARENT}-01`, undefined],
    [`00-${TRACE}-${PARENT}`, undefined],
    [` 00-${TRACE}-${PARENT}-01`, undefined],
    ['', undefined],
    [['00'], undefined],
    [undefined, undefined]
  ]
  for (const [header, parent] of cases) t.same(parseTraceparent(header), parent, String(header))
})

t.test('whatever is sent, what comes of it can be sent on and read again', async (t) => {
  const hex = (digits: number): fc.Arbitrary<string> =>
    fc.stringMatching(new RegExp(`^[\\da-f]{${digits}}$`))
  const header = fc.oneof(
    fc.string(),
    fc.tuple(hex(2), hex(32), hex(16), hex(2)).map((parts) => parts.join('-'))
  )
  const property = fc.property(header, fc.string(), (traceparent, tracestate) => {
    const sent = traceHeaders(withHeaders({ traceparent, tracestate }))
    const parent = parseTraceparent(traceparent)
    const next = parseTraceparent(sent.traceparent)
    if (parent === undefined) return next === undefined && sent.tracestate === undefined
    return next?.traceId === parent.traceId && next.flags === parent.flags
  })
  t.doesNotThrow(() => fc.assert(property))
})

t.test('without an SDK the headers of the caller are handed on unchanged', async (t) => {
  const traceparent = `00-${TRACE}-${PARENT}-01`
  const request = withHeaders({ traceparent, tracestate: 'a=1,b=2' })
  const trace = traceOf(request)
  t.match(trace, { traceId: TRACE, spanId: /^[\da-f]{16}$/, flags: 1, state: 'a=1,b=2' })
  t.not(trace?.spanId, PARENT)
  t.equal(traceOf(request), trace)
  t.same(traceHeaders(request), {
    traceparent,
    tracestate: 'a=1,b=2'
  })
  for (const tracestate of ['a=\u001b', '']) {
    t.notOk('tracestate' in traceHeaders(withHeaders({ traceparent, tracestate })), tracestate)
  }
})

t.test('the service that is called sees the headers of the first caller', async (t) => {
  const services: FastifyInstance[] = [Fastify(), Fastify()]
  t.teardown(() => Promise.all(services.map((service) => service.close())))
  const [front, back] = services as [FastifyInstance, FastifyInstance]
  back.get('/', async ({ headers }) => [headers['traceparent'], headers['tracestate']])
  const backUrl = `http://127.0.0.1:${await listen(back)}/`
  front.get('/', async (request) => {
    return (await fetch(backUrl, { headers: { ...traceHeaders(request) } })).json()
  })
  const traceparent = `00-${TRACE}-${PARENT}-01`
  const headers = { traceparent, tracestate: 'vendor=opaque' }
  const answer = await fetch(`http://127.0.0.1:${await listen(front)}/`, { headers })
  t.same(await answer.json(), [traceparent, 'vendor=opaque'])
})

t.test('headers of a later version, and a long state, are handed on as they came', async (t) => {
  const headers = {
    traceparent: `cc-${TRACE}-${PARENT}-ff-what-the-future-will-be-like`,
    tracestate: `a=${'x'.repeat(1000)}`
  }
  const request = withHeaders(headers)
  const trace = traceOf(request)
  t.match(trace, { traceId: TRACE, flags: 3 })
  if (trace !== undefined) setTrace(request, trace)
  t.same(traceHeaders(request), headers, 'set again as it is, it is still the trace of the caller')
})

t.test('in the trace of an SDK its span is the parent of every call', async (t) => {
  const request = withHeaders({ traceparent: `00-${TRACE}-${PARENT}-01`, tracestate: 'a=1' })
  const span = { traceId: TRACE, spanId: '00f067aa0ba902b7', flags: 1, state: 'a=1' }
  setTrace(request, span)
  t.same(traceHeaders(request), {
    traceparent: `00-${TRACE}-00f067aa0ba902b7-01`,
    tracestate: 'a=1'
  })
})

t.test('without a trace, or with one that is wrong, nothing is sent on', async (t) => {
  t.same(traceHeaders(withHeaders({})), {})
  const wrong = withHeaders({ traceparent: 'yes' })
  t.equal(traceOf(wrong), undefined)
  t.equal(traceOf(wrong), undefined)
})

t.test('a trace can begin here', async (t) => {
  const request = withHeaders({ traceparent: `00-${TRACE}-${PARENT}-01` })
  const trace = beginTrace((traceId) => traceId.length === 32)
  setTrace(request, trace)
  t.equal(traceOf(request), trace)
  t.equal(flagsText(trace), '03', 'sampled, and of a random id')
  t.equal(flagsText(beginTrace(() => false)), '02')
  t.equal(traceHeaders(request).traceparent, `00-${trace.traceId}-${trace.spanId}-03`)
  t.ok(parseTraceparent(traceHeaders(request).traceparent))
})

t.test('the raw request and that of Fastify have the same trace', async (t) => {
  const raw = withHeaders({})
  const trace = beginTrace(() => true)
  const request = { raw } as unknown as Parameters<typeof traceOf>[0]
  setTrace(request, trace)
  t.equal(traceOf(raw), trace)
  t.equal(traceOf(request), trace)
})

t.test('random digits are as many as asked for, and different', async (t) => {
  const seen = new Set(Array.from({ length: 10_000 }, () => randomHex(16)))
  t.equal(seen.size, 10_000)
  for (const id of seen) if (!/^[\da-f]{16}$/.test(id)) t.fail(id)
})
