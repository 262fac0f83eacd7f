/**
 * Writes lines with less work than pino, which prepares for everything that a logger may have been
 * told to do with each field. All else (levels, time, bindings, the stream) stays pino's. Where the
 * line would not be the same, pino writes it.
 */
import { type Channel, tracingChannel } from 'node:diagnostics_channel'
import type { LogFields } from '../fields.ts'
import { type Format, LineEntry, sharedTextOf } from '../formats/format.ts'
import { keyOf, quoted, withNumber, withText } from '../formats/json.ts'
import type { Line } from '../line.ts'
import type { RequestLogger } from '../options.ts'
import { hasStringifiers, type PinoState, symbolsOf } from './pino-symbols.ts'

/** Pino's way to write a line: `this` is the logger, `level` the number, `time` ready JSON. */
type AsJson = (
  this: PinoState,
  fields: object,
  message: unknown,
  level: number,
  time: string
) => string
type Levels = Readonly<Record<number, string>>
type Stringify = (value: object | null, safe: unknown) => string | undefined

/** What is read of a logger, by the descriptions of its symbols. Each copy of pino has its own. */
const SYMBOLS = {
  asJson: 'pino.asJson',
  levels: 'pino.lsCache',
  bindings: 'pino.chindings',
  end: 'pino.end',
  stringify: 'pino.stringify',
  stringifySafe: 'pino.stringifySafe',
  stringifiers: 'pino.stringifiers',
  serializers: 'pino.serializers',
  formatters: 'pino.formatters',
  mixin: 'pino.mixin',
  hooks: 'pino.hooks',
  stream: 'pino.stream',
  messageKey: 'pino.messageKey',
  errorKey: 'pino.errorKey',
  nestedKey: 'pino.nestedKey'
} as const

type Symbols = { readonly [name in keyof typeof SYMBOLS]: symbol }

/** Set on a stream that wants to see the fields of each line (pino's multistream). */
const WANTS_METADATA = Symbol.for('pino.metadata')

/**
 * Returns a logger, derived from `logger` as a child is, that takes a {@link LineEntry} in place of
 * fields and writes what `logger` writes for them. Returns `undefined` when the logger is not pino,
 * or something of the application's sees the fields of a line: serializers for one of the format's
 * names, redaction, a formatter, a mixin, a hook before, a stream that asks for them, a wrapper.
 */
export function directLogger(logger: RequestLogger, format: Format): RequestLogger | undefined {
  const symbols = knownSymbolsOf(logger)
  if (symbols === undefined) return undefined
  const state = logger as unknown as PinoState
  if (!isPlain(state, symbols, format.reserved)) return undefined
  const direct = directAsJson(state, symbols, format)
  // Another version of pino may do it differently.
  if (!isSame(state, state[symbols.asJson] as AsJson, direct, format)) return undefined
  return Object.create(logger, { [symbols.asJson]: { value: direct } })
}

/**
 * Returns `undefined` for what is not pino, and for a pino whose way to write lines was replaced.
 */
function knownSymbolsOf(logger: RequestLogger): Symbols | undefined {
  const found = symbolsOf(logger)
  const symbols = Object.entries(SYMBOLS).map(([name, key]) => [name, found.get(key)])
  if (symbols.some(([, symbol]) => symbol === undefined)) return undefined
  const { asJson } = Object.fromEntries(symbols) as Symbols
  let holder: object = logger
  while (!Object.hasOwn(holder, asJson)) holder = Object.getPrototypeOf(holder)
  // An instrumentation of pino puts a function of the same description on the logger itself.
  return Object.hasOwn(holder, 'setBindings') ? (Object.fromEntries(symbols) as Symbols) : undefined
}

/** Whether the logger does nothing to fields but write them as JSON. */
function isPlain(state: PinoState, symbols: Symbols, names: ReadonlySet<string>): boolean {
  const { log } = state[symbols.formatters] as { readonly log?: unknown }
  const { logMethod } = state[symbols.hooks] as { readonly logMethod?: unknown }
  const serializers = state[symbols.serializers] as object
  const stream = state[symbols.stream] as { readonly [WANTS_METADATA]?: unknown }
  return (
    log === undefined &&
    logMethod === undefined &&
    state[symbols.mixin] === undefined &&
    stream[WANTS_METADATA] !== true &&
    !state[symbols.nestedKey] &&
    !hasStringifiers(state, symbols.stringifiers) &&
    !names.has(state[symbols.errorKey] as string) &&
    ![...names, state[symbols.messageKey] as string].some((name) =>
      Object.hasOwn(serializers, name)
    )
  )
}

/** A line with all members, as awkward as they can be. */
const SAMPLE: Line = {
  reqId: '"\\\n',
  method: 'GET',
  route: '/:id',
  path: '/1',
  status: 200,
  outcome: 'ok',
  duration: 1.5,
  ttfb: 0,
  bytesIn: Number.NaN,
  bytesOut: undefined,
  client: '::1',
  userAgent: 'ü "curl"',
  eventLoopDelay: 1,
  query: 'a=b',
  sentStatus: 200,
  slow: true,
  sampleRate: 0.5,
  traceId: 'a',
  spanId: 'b',
  refusedBy: 'c',
  shed: 'm',
  rateLimit: 'd',
  rateLimitRemaining: 1,
  breaker: 'e',
  breakerState: 'f',
  breakerOutcome: 'g',
  breakerFallback: 'h',
  upstreamName: 'l',
  upstreamTime: 1.5,
  upstreamCalls: 2,
  upstreamTries: 3,
  shutdownPhase: 'i',
  error: { type: 'j', message: '"', code: undefined },
  headers: { k: 'l' },
  droppedFields: 1
}

const SAMPLE_ENTRY = new LineEntry(
  SAMPLE,
  { traceId: 'a', spanId: 'b', flags: 1, state: undefined },
  { m: 'text', n: '"\\\n', o: Number.NaN, p: true, q: { r: [null] }, s: null }
)

function isSame(state: PinoState, usual: AsJson, direct: AsJson, format: Format): boolean {
  const time = ',"time":0'
  const level = 30
  try {
    return (
      usual.call(state, SAMPLE_ENTRY.shaped(format), 'message', level, time) ===
      direct.call(state, SAMPLE_ENTRY, 'message', level, time)
    )
  } catch {
    return false
  }
}

function directAsJson(state: PinoState, symbols: Symbols, format: Format): AsJson {
  // Constants of the closure: read from an object each time they would cost as much as the rest.
  const { levels, bindings } = symbols
  const usual = state[symbols.asJson] as AsJson
  const serializers = state[symbols.serializers] as object
  const errorKey = state[symbols.errorKey] as string
  const stringify = state[symbols.stringify] as Stringify
  const stringifySafe = state[symbols.stringifySafe]
  const beforeMessage = `,"${state[symbols.messageKey]}":`
  const end = state[symbols.end]
  const watchers = tracingChannel('pino_asJson')

  /** Adds the application's fields; `undefined` when pino writes one of them in a way of its own. */
  function withAdded(json: string, added: LogFields): string | undefined {
    let text = json
    for (const [name, value] of Object.entries(added)) {
      if (name in serializers || name === errorKey) return undefined
      const key = keyOf(name)
      if (typeof value === 'string') text = withText(text, key, value)
      else if (typeof value === 'number') text = withNumber(text, key, value)
      else text = text + key + stringify(value as object | null, stringifySafe)
    }
    return text
  }

  return function asJson(entry, message, level, time) {
    if (!(entry instanceof LineEntry)) return usual.call(this, entry, message, level, time)
    const { line, trace, added, shared = sharedTextOf(format, line) } = entry
    let json: string | undefined
    if (typeof message === 'string' && !isWatched(watchers)) {
      const head = (this[levels] as Levels)[level] + time + this[bindings]
      json = format.append(head, line, trace, shared)
      if (added !== undefined) json = withAdded(json, added)
      if (json !== undefined) {
        // A logger may have put a prefix in front of it.
        const text = message === shared.message ? shared.quotedMessage : quoted(message)
        return json + beforeMessage + text + end
      }
    }
    return usual.call(this, entry.shaped(format), message, level, time)
  }
}

interface Watchers {
  readonly start: Channel
  readonly end: Channel
  readonly error: Channel
}

/** Whether anybody has subscribed to pino's writing of lines. */
function isWatched({ start, end, error }: Watchers): boolean {
  return start.hasSubscribers || end.hasSubscribers || error.hasSubscribers
}
