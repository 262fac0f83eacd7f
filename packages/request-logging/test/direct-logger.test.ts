/**
 * Lines written past pino's own way: `edges/direct-logger.ts`, with the members of `formats/json.ts`.
 */
import { tracingChannel } from 'node:diagnostics_channel'
import fc from 'fast-check'
import { type LoggerOptions, multistream, pino, symbols } from 'pino'
import t from 'tap'
import { directLogger } from '../dist/edges/direct-logger.js'
import { AddedFields } from '../dist/fields.js'
import { type Format, LineEntry, sharedTextOf } from '../dist/formats/format.js'
import { nativeFormat } from '../dist/formats/native.js'
import { otelFormat } from '../dist/formats/otel.js'
import type { Line, RequestLogger } from '../dist/index.js'

const NATIVE = nativeFormat('reqId')
const FORMATS: Record<string, Format> = {
  native: NATIVE,
  'native with another name of the id': nativeFormat('request_id'),
  otel: otelFormat('reqId')
}

/** A stream that keeps what was written. */
function keeper(): { text: string; write(chunk: string): void } {
  return {
    text: '',
    write(chunk) {
      this.text += chunk
    }
  }
}

/** Two loggers that write the same, and the one that is derived from the second. */
function both(options: LoggerOptions, format: Format = NATIVE) {
  const [usual, quick] = [keeper(), keeper()]
  const still: LoggerOptions = { timestamp: () => ',"time":1', ...options }
  const base = pino(still, quick)
  return { usual, quick, slow: pino(still, usual), base, direct: directLogger(base, format) }
}

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ minLength: 90, maxLength: 130 })
)
const maybeText = fc.option(anyText, { nil: undefined })
const maybeNumber = fc.option(fc.double(), { nil: undefined })

const anyLine = fc.record(
  {
    reqId: maybeText,
    method: fc.constantFrom('GET', 'PROPFIND', undefined),
    route: maybeText,
    path: maybeText,
    status: fc.constantFrom(200, 404, 500, undefined),
    outcome: fc.constantFrom('ok', 'client-error', 'server-error', 'aborted', 'cut', 'malformed'),
    duration: maybeNumber,
    ttfb: maybeNumber,
    bytesIn: maybeNumber,
    bytesOut: maybeNumber,
    client: maybeText,
    userAgent: maybeText,
    eventLoopDelay: maybeNumber,
    query: anyText,
    sentStatus: fc.integer(),
    slow: fc.constant(true),
    sampleRate: fc.double(),
    traceId: anyText,
    spanId: anyText,
    refusedBy: anyText,
    shed: anyText,
    rateLimit: anyText,
    rateLimitRemaining: fc.double(),
    breaker: anyText,
    breakerState: fc.oneof(anyText, fc.constant('closed')),
    breakerOutcome: fc.oneof(anyText, fc.constant('success')),
    breakerFallback: anyText,
    upstreamName: anyText,
    upstreamTime: fc.double(),
    upstreamCalls: fc.nat(),
    upstreamTries: fc.nat(),
    shutdownPhase: anyText,
    error: fc.record(
      { type: anyText, message: anyText, code: maybeText },
      { requiredKeys: ['type'] }
    ),
    headers: fc.dictionary(anyText, anyText, { noNullPrototype: true }),
    droppedFields: fc.nat()
  },
  { requiredKeys: ['outcome'] }
) as fc.Arbitrary<Line>

const anyTrace = fc.option(
  fc.record({ traceId: anyText, spanId: anyText, flags: fc.nat(1), state: fc.constant(undefined) }),
  { nil: undefined }
)

const anyFields = fc.option(
  fc
    .dictionary(
      fc.oneof(fc.constantFrom('err', 'user'), fc.string()),
      fc.oneof(
        anyText,
        fc.double(),
        fc.boolean(),
        fc.anything({ withBigInt: true, withDate: true })
      ),
      { noNullPrototype: true }
    )
    .map((fields) => {
      const added = new AddedFields()
      added.add(fields, NATIVE.reserved)
      return added.values
    }),
  { nil: undefined }
)

function entryOf(path: string): LineEntry {
  return new LineEntry({ path, outcome: 'ok' }, undefined, undefined)
}

/** Every way in which a logger may write, as long as it does nothing to the fields. */
const PLAIN: Record<string, LoggerOptions> = {
  'as it comes': {},
  'without a base': { base: null },
  'level labels': { formatters: { level: (label) => ({ level: label }) } },
  'bindings of its own': { formatters: { bindings: () => ({ service: 'a "b"' }) } },
  'time in ISO': { timestamp: () => ',"time":"2026-01-01"' },
  'another message key': { messageKey: 'message' },
  'lines that end as on Windows': { crlf: true },
  'a prefix of messages': { msgPrefix: '[api] ' },
  'a hook behind': { hooks: { streamWrite: (line) => line.replaceAll('"msg"', '"text"') } },
  'serializers for other fields': { serializers: { user: () => 'a user' } },
  'another key of errors': { errorKey: 'user' }
}

for (const [name, options] of Object.entries(PLAIN)) {
  for (const [names, format] of Object.entries(FORMATS)) {
    t.test(`a line is the same as pino's own: ${name}, ${names}`, async (t) => {
      const { usual, quick, slow, direct } = both(options, format)
      const property = fc.property(
        fc.tuple(anyLine, anyTrace, anyFields, anyText, fc.boolean()),
        ([line, trace, added, text, isKept]) => {
          usual.text = ''
          quick.text = ''
          // What was kept of an earlier line, of a route that ended so.
          const { method, route, path, status, outcome } = line
          const earlier = { method, route, path: path && '/earlier', status, outcome }
          const shared = isKept ? sharedTextOf(format, earlier) : undefined
          const entry = new LineEntry(line, trace, added, shared)
          const message = shared?.message ?? text
          slow.info(entry.shaped(format), message)
          direct?.info(entry, message)
          if (usual.text === quick.text) return
          // A half of a surrogate pair may be written as it is or escaped.
          t.strictSame(JSON.parse(quick.text), JSON.parse(usual.text))
        }
      )
      t.doesNotThrow(() => fc.assert(property, { numRuns: 100 }))
    })
  }
}

t.test('what is done to the logger later counts', async (t) => {
  const { usual, quick, slow, base, direct } = both({ level: 'warn' })
  for (const logger of [slow, base]) {
    logger.setBindings({ later: true })
    logger.level = 'debug'
  }
  const child = slow.child({}, { level: 'trace' })
  const entry = entryOf('/')
  slow.debug(entry.shaped(NATIVE), 'one')
  direct?.debug(entry, 'one')
  child.trace(entry.shaped(NATIVE), 'two')
  direct?.child?.({}, { level: 'trace' }).trace(entry, 'two')
  t.match(usual.text, /"level":20.*"later":true.*"one".*\n.*"two"/)
  t.equal(quick.text, usual.text)
})

t.test('what is no line is written by pino', async (t) => {
  const { usual, quick, slow, direct } = both({})
  for (const logger of [slow, direct as RequestLogger]) {
    logger.info({ user: 'ada' }, 'other')
  }
  t.match(usual.text, /"user":"ada"/)
  t.equal(quick.text, usual.text)
})

t.test('whoever watches how pino makes lines sees them', async (t) => {
  const seen: unknown[] = []
  const channel = tracingChannel('pino_asJson')
  const watchers = { start: (message: object) => seen.push(message), end() {}, error() {} }
  const subscribers = watchers as unknown as Parameters<typeof channel.subscribe>[0]
  const { quick, direct } = both({})
  channel.subscribe(subscribers)
  direct?.info(entryOf('/'), 'seen')
  channel.unsubscribe(subscribers)
  direct?.info(entryOf('/'), 'unseen')
  t.equal(seen.length, 1)
  t.match(quick.text, /"path":"\/".*"seen"[\s\S]*"path":"\/".*"unseen"/)
})

/** Where code of the application's sees fields, they are left to pino. */
const NOT_PLAIN: Record<string, LoggerOptions> = {
  'a mixin': { mixin: () => ({ mixed: 1 }) },
  'a hook before': { hooks: { logMethod: (args, method) => method.apply(pino(), args) } },
  redaction: { redact: ['path'] },
  'redaction by wildcard': { redact: ['*.password'] },
  'a formatter': { formatters: { log: (fields) => ({ all: fields }) } },
  'a serializer for a field': { serializers: { path: () => 'hidden' } },
  'a serializer for the message': { serializers: { msg: () => 'hidden' } },
  'a key to nest fields under': { nestedKey: 'payload' },
  'errors under the name of a field': { errorKey: 'error' }
}

for (const [name, options] of Object.entries(NOT_PLAIN)) {
  t.test(`pino writes itself: ${name}`, async (t) => {
    t.equal(both(options).direct, undefined)
  })
}

t.test('streams that want to know more are told by pino', async (t) => {
  const streams = multistream([{ level: 'info', stream: keeper() }])
  t.equal(directLogger(pino({}, streams), NATIVE), undefined)
})

t.test('a logger whose way to make lines was replaced keeps it', async (t) => {
  const { base } = both({})
  const asJson: unknown = Reflect.get(base, symbols.asJsonSym)
  const wrapped = Object.assign(base, { [symbols.asJsonSym]: asJson })
  t.equal(directLogger(wrapped, NATIVE), undefined)
})

t.test('a pino that makes lines in another way keeps it', async (t) => {
  const { base } = both({})
  for (const asJson of [
    () => '{}\n',
    () => {
      throw new Error('unknown')
    }
  ]) {
    const prototype = Object.assign(Object.create(Object.getPrototypeOf(base)), {
      setBindings() {},
      [symbols.asJsonSym]: asJson
    })
    const other = Object.setPrototypeOf({ ...base }, prototype)
    t.equal(directLogger(other, NATIVE), undefined)
  }
})

t.test('what is not pino is given fields', async (t) => {
  const nothing = (): void => {}
  const logger = {
    trace: nothing,
    debug: nothing,
    info: nothing,
    warn: nothing,
    error: nothing,
    fatal: nothing
  }
  t.equal(directLogger(logger, NATIVE), undefined)
})
