import { tracingChannel } from 'node:diagnostics_channel'
import fc from 'fast-check'
import { type LoggerOptions, multistream, pino, symbols } from 'pino'
import t from 'tap'
import { onFastPath } from '../dist/edges/pino-fast-path.js'

const NAMES = ['reqId', 'path', 'status', 'duration', 'error', 'slow']

/** A stream that keeps what was written. */
function keeper(): { text: string; write(chunk: string): void } {
  return {
    text: '',
    write(chunk) {
      this.text += chunk
    }
  }
}

/** Loggers that write the same, but for the way the line is put together. */
function both(options: LoggerOptions) {
  const [usual, quick] = [keeper(), keeper()]
  const still: LoggerOptions = { timestamp: () => ',"time":1', ...options }
  const base = pino(still, quick)
  return { usual, quick, slow: pino(still, usual), base, fast: onFastPath(base, NAMES) }
}

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ minLength: 90, maxLength: 130 })
)
const anyValue = fc.oneof(
  anyText,
  fc.double(),
  fc.integer(),
  fc.boolean(),
  fc.constantFrom(undefined, null, Symbol('s'), () => 1, 12n, Number.NaN),
  fc.anything({ withBigInt: true, withDate: true, withMap: true })
)
const anyFields = fc.dictionary(
  fc.oneof(fc.constantFrom(...NAMES, 'err', 'user'), fc.string()),
  anyValue,
  { noNullPrototype: false }
)

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
  'a mixin': { mixin: () => ({ mixed: 1, status: 2 }) },
  'a mixin that merges itself': {
    mixin: () => ({ mixed: 1 }),
    mixinMergeStrategy: (fields, mixed) => Object.assign(Object.create(fields), mixed)
  },
  'a hook before': {
    hooks: {
      logMethod([fields, message], method) {
        method.apply(this, [{ ...Object(fields), hooked: true }, message])
      }
    }
  },
  'a hook that takes the message away': {
    hooks: {
      logMethod([fields], method) {
        method.apply(this, [Object(fields)])
      }
    }
  },
  'a hook behind': { hooks: { streamWrite: (line) => line.replaceAll('a', 'b') } },
  'serializers for other fields': { serializers: { user: () => 'a user' } },
  'another key of errors': { errorKey: 'user' }
}

for (const [name, options] of Object.entries(PLAIN)) {
  t.test(`a line is the same as pino's own: ${name}`, async (t) => {
    const { usual, quick, slow, base, fast } = both(options)
    t.not(fast, base)
    const property = fc.property(anyFields, anyText, (fields, message) => {
      usual.text = ''
      quick.text = ''
      slow.info(fields, message)
      fast.info(fields, message)
      if (usual.text === quick.text) return
      // A half of a surrogate pair may be written as it is or escaped.
      t.strictSame(JSON.parse(quick.text), JSON.parse(usual.text))
    })
    t.doesNotThrow(() => fc.assert(property, { numRuns: 300 }))
  })
}

t.test('what is done to the logger later counts', async (t) => {
  const { usual, quick, slow, base, fast } = both({ level: 'warn' })
  for (const logger of [slow, base]) {
    logger.setBindings({ later: true })
    logger.level = 'debug'
  }
  const child = slow.child({}, { level: 'trace' })
  slow.debug({ path: '/' }, 'one')
  fast.debug({ path: '/' }, 'one')
  child.trace({ path: '/' }, 'two')
  fast.child?.({}, { level: 'trace' }).trace({ path: '/' }, 'two')
  t.match(usual.text, /"level":20.*"later":true.*"one".*\n.*"two"/)
  t.equal(quick.text, usual.text)
})

t.test('streams that want to know more are told', async (t) => {
  const [info, error] = [keeper(), keeper()]
  const streams = multistream([
    { level: 'info', stream: info },
    { level: 'error', stream: error }
  ])
  const logger = onFastPath(pino({}, streams), NAMES)
  logger.info({ path: '/one' }, 'one')
  logger.error({ path: '/two' }, 'two')
  t.match(info.text, /one[\s\S]*two/)
  t.match(error.text, /^(?!.*one).*two/)
})

t.test('whoever watches how pino makes lines sees them', async (t) => {
  const seen: unknown[] = []
  const channel = tracingChannel('pino_asJson')
  const watchers = { start: (message: object) => seen.push(message), end() {}, error() {} }
  const subscribers = watchers as unknown as Parameters<typeof channel.subscribe>[0]
  const { quick, fast } = both({})
  channel.subscribe(subscribers)
  fast.info({ path: '/' }, 'seen')
  channel.unsubscribe(subscribers)
  fast.info({ path: '/' }, 'unseen')
  t.equal(seen.length, 1)
  t.match(quick.text, /"seen"[\s\S]*"unseen"/)
})

/** What is done to fields is left to pino. */
const NOT_PLAIN: Record<string, LoggerOptions> = {
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
    const { base, fast } = both(options)
    t.equal(fast, base)
  })
}

t.test('a logger whose way to make lines was replaced keeps it', async (t) => {
  const { base } = both({})
  const asJson: unknown = Reflect.get(base, symbols.asJsonSym)
  const wrapped = Object.assign(base, { [symbols.asJsonSym]: asJson })
  t.equal(onFastPath(wrapped, NAMES), wrapped)
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
    t.equal(onFastPath(other, NAMES), other)
  }
})

t.test('what is not pino is left as it is', async (t) => {
  const nothing = (): void => {}
  const logger = {
    trace: nothing,
    debug: nothing,
    info: nothing,
    warn: nothing,
    error: nothing,
    fatal: nothing
  }
  t.equal(onFastPath(logger, NAMES), logger)
})
