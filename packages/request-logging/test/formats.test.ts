/**
 * The formats (`formats/format.ts`, `formats/native.ts` and `formats/otel.ts`, with the facts of `read-facts.ts`), written over
 * real sockets and compared with golden files. To accept a change, run
 * this file with WRITE_GOLDEN=1 and read the difference.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import type { BreakerFact } from '@holdfast/circuit-breaker'
import { factsOf } from '@holdfast/core'
import type { RateLimitFact } from '@holdfast/rate-limit'
import * as stable from '@opentelemetry/semantic-conventions'
import * as incubating from '@opentelemetry/semantic-conventions/incubating'
import t from 'tap'
import { head, listen, rawConnection } from '../../../test/support/http.ts'
import { nativeFormat } from '../dist/formats/native.js'
import { otelFormat } from '../dist/formats/otel.js'
import type { OutgoingFact } from '../dist/read-facts.js'
import { loggedApp, type WrittenLine } from './support/log.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const close = { Connection: 'close' }

const rateLimit: RateLimitFact = {
  allowed: false,
  policy: 'default',
  limit: 1,
  remaining: 0,
  retryAfter: 1000,
  reason: 'exceeded'
}
const outgoing: OutgoingFact = { calls: 2, tries: 3, slowest: { name: 'payments', time: 120.5 } }
const circuitBreaker: BreakerFact = { name: 'payments', state: 'closed', outcome: 'success' }

/** One request of each kind that shows fields of its own. */
async function written(format: 'native' | 'otel'): Promise<WrittenLine[]> {
  const { app, log } = loggedApp({
    format,
    headers: ['X-Tenant'],
    query: { show: ['page'] },
    slow: false,
    requestId: { header: 'x-request-id' }
  })
  app.post('/orders/:id', async (request) => {
    Object.assign(factsOf(request), { circuitBreaker, breakerFallback: 'stock', outgoing })
    request.addLogFields({ user: 'ada', cart: { items: 2 } })
    return { fine: true }
  })
  app.get('/limited', async (request, reply) => {
    Object.assign(factsOf(request), {
      refusedBy: 'rate-limit',
      rateLimit,
      outgoing: { calls: 0, tries: 0, slowest: undefined },
      lifecycle: { phase: 'running' }
    })
    return reply.code(429).send('no')
  })
  app.get('/throws', async () => {
    throw Object.assign(new RangeError('out of stock'), { code: 'E_STOCK' })
  })
  app.get('/fails', async (request, reply) => {
    Object.assign(factsOf(request), { outgoing: { ...outgoing, calls: 1, tries: 1 } })
    return reply.code(502).send('no')
  })
  app.get('/dies', (_request, reply) => {
    reply.raw.writeHead(200).write('first')
    setTimeout(() => reply.raw.destroy(), 10)
    reply.hijack()
  })
  app.get('/streams', (_request, reply) => {
    reply.raw.writeHead(206, { 'Content-Type': 'text/plain' })
    reply.raw.write('first')
  })
  app.addHttpMethod('PROPFIND')
  const port = await listen(app)
  const ask = async (text: string): Promise<void> => {
    const connection = await rawConnection(port)
    connection.write(text)
    await connection.ended()
  }
  const named = (id: string): Record<string, string> => ({ 'X-Request-Id': id, ...close })
  await ask(
    `${head('POST /orders/7?page=2&token=hunter2', {
      ...named('one'),
      'X-Tenant': 'acme',
      'User-Agent': 'curl/8',
      'Content-Type': 'text/plain',
      'Content-Length': '5',
      traceparent: `00-${TRACE}-b7ad6b7169203331-01`
    })}hello`
  )
  await ask(head('GET /limited', named('two')))
  await ask(head('GET /throws', named('three')))
  await ask(head('GET /fails', named('four')))
  await ask(head('GET /dies', named('five')))
  await ask(head('PROPFIND /nowhere', named('six')))
  await ask('garbage\r\n\r\n')
  const leaving = await rawConnection(port)
  leaving.write(head('GET /streams', named('seven')))
  await leaving.until(/first/)
  leaving.destroy()
  const lines = await log.lines(8)
  await app.close()
  return lines.map(withoutChance)
}

const VARYING: Record<string, unknown> = {
  time: 0,
  pid: 0,
  hostname: 'host',
  duration: 0,
  ttfb: 0,
  eventLoopDelay: 0,
  spanId: 'span',
  span_id: 'span',
  'http.server.request.duration': 0,
  'holdfast.time_to_first_byte': 0,
  'holdfast.event_loop_delay': 0,
  'exception.stacktrace': 'stack'
}

/** What differs from run to run is replaced, but only by what has the same type. */
function withoutChance(line: WrittenLine): WrittenLine {
  return JSON.parse(JSON.stringify(line), (name, value: unknown) => {
    if (name === 'stack') return 'stack'
    const constant = VARYING[name]
    return typeof value === typeof constant ? constant : value
  }) as WrittenLine
}

for (const format of ['native', 'otel'] as const) {
  t.test(`the format ${format} is as its golden file`, async (t) => {
    const lines = await written(format)
    const golden = new URL(`golden/${format}.json`, import.meta.url)
    /* c8 ignore next 3 -- by hand only */
    if (process.env['WRITE_GOLDEN']) {
      writeFileSync(golden, `${JSON.stringify(lines, null, 2)}\n`)
    }
    const expected = JSON.parse(readFileSync(golden, 'utf8')) as WrittenLine[]
    t.same(lines, expected)
    t.same(lines.map(Object.keys), expected.map(Object.keys), 'in this order')
    t.notMatch(JSON.stringify(lines), 'hunter2')
  })
}

/** The names of the conventions, by how firm they are. */
function namesIn(conventions: object): Set<unknown> {
  return new Set(Object.values(conventions).filter((value) => typeof value === 'string'))
}

t.test('the names of otel are those of the semantic conventions', async (t) => {
  const lines = JSON.parse(
    readFileSync(new URL('golden/otel.json', import.meta.url), 'utf8')
  ) as WrittenLine[]
  const known = namesIn(stable)
  const developing = namesIn(incubating)
  const used = new Set(lines.flatMap(Object.keys))
  const own =
    /^holdfast\.|^(level|time|pid|hostname|msg|reqId|user|cart)$|^(trace_id|span_id|trace_flags)$/
  const unknown = [...used].filter(
    (name) => !known.has(name) && !own.test(name) && !name.startsWith('http.request.header.')
  )
  // No stable name for these yet.
  t.same(unknown.sort(), ['http.request.body.size', 'http.response.body.size'])
  for (const name of unknown) t.ok(developing.has(name), name)
  t.equal(stable.ATTR_HTTP_REQUEST_HEADER('x-tenant'), 'http.request.header.x-tenant')
  t.ok(used.has('http.request.header.x-tenant'))
})

t.test('units are those of the conventions', async (t) => {
  const { shape } = otelFormat('reqId')
  const line = {
    outcome: 'ok',
    status: 200,
    duration: 1234.567,
    ttfb: 0.3,
    eventLoopDelay: 7
  } as const
  t.match(shape(line, undefined), {
    'http.server.request.duration': 1.234567,
    'holdfast.time_to_first_byte': 0.0003,
    'holdfast.event_loop_delay': 0.007
  })
})

t.test('the type of an error is its class, its status, or how it broke off', async (t) => {
  const { shape } = otelFormat('reqId')
  const cases = [
    [{ outcome: 'ok', status: 200 }, undefined],
    [{ outcome: 'client-error', status: 404, error: { type: 'NotFound' } }, undefined],
    [{ outcome: 'server-error', status: 503 }, '503'],
    [{ outcome: 'server-error', status: 500, error: { type: 'RangeError' } }, 'RangeError'],
    [{ outcome: 'refused', status: 429 }, undefined],
    [{ outcome: 'refused', status: 503 }, '503'],
    [{ outcome: 'aborted', status: 499 }, 'aborted'],
    [{ outcome: 'cut', error: { type: 'EPIPE' } }, 'EPIPE'],
    [{ outcome: 'malformed', status: 400, error: { type: 'HPE_INVALID' } }, 'HPE_INVALID']
  ] as const
  for (const [line, type] of cases) {
    const attributes: { 'error.type'?: unknown } = shape(line, undefined)
    t.equal(attributes['error.type'], type, line.outcome)
  }
})

t.test("the id stands under the name Fastify gives it on the application's lines", async (t) => {
  for (const format of [nativeFormat, otelFormat]) {
    const { shape, reserved } = format('request_id')
    const line: WrittenLine = { ...shape({ reqId: '7', outcome: 'ok' }, undefined) }
    t.equal(line['request_id'], '7')
    t.notOk('reqId' in line)
    t.ok(reserved.has('request_id'))
  }
})
