/**
 * Writes flat lines with less work than pino, which prepares for everything that a logger may have
 * been told to do with each field. All else (levels, time, hooks, mixins, the stream) stays pino's.
 * What is not known to give the same line is left to pino.
 */
import { type Channel, tracingChannel } from 'node:diagnostics_channel'
import type { RequestLogger } from '../options.ts'
import { hasStringifiers, type PinoState, symbolsOf } from './pino-symbols.ts'

/** Pino's way to write a line: `this` is the logger, `level` the number, `time` ready JSON. */
type AsJson = (
  this: PinoState,
  fields: Fields,
  message: unknown,
  level: number,
  time: string
) => string
type Fields = Readonly<Record<string, unknown>>
type Levels = Readonly<Record<number, string>>
type Stringify = (value: object | symbol | bigint | null, safe: unknown) => string | undefined

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
  messageKey: 'pino.messageKey',
  errorKey: 'pino.errorKey',
  nestedKey: 'pino.nestedKey'
} as const

type Symbols = { readonly [name in keyof typeof SYMBOLS]: symbol }

/**
 * Returns a logger that writes what `logger` writes, derived from it as a child is. Returns
 * `logger` itself when it is not pino, or does something with the fields of a line: serializers for
 * one of `names`, redaction, a formatter, a key to nest them under, a wrapper around it all.
 *
 * @param names the names of the fields that lines have
 */
export function onFastPath(logger: RequestLogger, names: Iterable<string>): RequestLogger {
  const symbols = knownSymbolsOf(logger)
  if (symbols === undefined) return logger
  const state = logger as unknown as PinoState
  const known = new Map([...names].map((name) => [name, keyOf(name)]))
  if (!isPlain(state, symbols, known)) return logger
  const quick = quickAsJson(state, symbols, known)
  // Another version of pino may do it differently.
  if (!isSame(state, state[symbols.asJson] as AsJson, quick)) return logger
  return Object.create(logger, { [symbols.asJson]: { value: quick } })
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
function isPlain(state: PinoState, symbols: Symbols, known: ReadonlyMap<string, Key>): boolean {
  const { log } = state[symbols.formatters] as { readonly log?: unknown }
  const serializers = state[symbols.serializers] as Fields
  const messageKey = state[symbols.messageKey] as string
  return (
    log === undefined &&
    !state[symbols.nestedKey] &&
    !hasStringifiers(state, symbols.stringifiers) &&
    !known.has(state[symbols.errorKey] as string) &&
    ![...known.keys(), messageKey].some((name) => name in serializers)
  )
}

const SAMPLE = {
  a: 'text',
  b: '"\\\n',
  c: 1.5,
  d: Number.NaN,
  e: true,
  f: undefined,
  g: { h: [null] }
}

function isSame(state: PinoState, usual: AsJson, quick: AsJson): boolean {
  const time = ',"time":0'
  const level = 30
  try {
    return (
      usual.call(state, SAMPLE, 'message', level, time) ===
      quick.call(state, SAMPLE, 'message', level, time)
    )
  } catch {
    return false
  }
}

function quickAsJson(state: PinoState, symbols: Symbols, known: ReadonlyMap<string, Key>): AsJson {
  // Constants of the closure: read from an object each time they would cost as much as the rest.
  const { levels, bindings, serializers, errorKey, stringify, stringifySafe } = symbols
  const usual = state[symbols.asJson] as AsJson
  const beforeMessage = `,"${state[symbols.messageKey]}":`
  const end = state[symbols.end]
  const watchers = tracingChannel('pino_asJson')
  return function asJson(fields, message, level, time) {
    if (typeof message !== 'string' || isWatched(watchers)) {
      return usual.call(this, fields, message, level, time)
    }
    let json = (this[levels] as Levels)[level] + time + this[bindings]
    for (const name in fields) {
      const value = fields[name]
      if (value === undefined || !Object.hasOwn(fields, name)) continue
      let key = known.get(name)
      if (key === undefined) {
        if (name in (this[serializers] as Fields) || name === this[errorKey]) {
          return usual.call(this, fields, message, level, time)
        }
        key = keyOf(name)
      }
      // Each piece joined to all before it: a string so made is the cheapest to make flat.
      switch (typeof value) {
        case 'string':
          json = isClean(value)
            ? `${json}${key.ofText}${value}"`
            : json + key.ofAny + JSON.stringify(value)
          break
        case 'number':
          json = json + key.ofAny + (Number.isFinite(value) ? value : 'null')
          break
        case 'boolean':
          json = json + key.ofAny + value
          break
        case 'function':
          break
        default: {
          const text = (this[stringify] as Stringify)(value, this[stringifySafe])
          if (text !== undefined) json = json + key.ofAny + text
        }
      }
    }
    return (
      json + beforeMessage + (isClean(message) ? `"${message}"` : JSON.stringify(message)) + end
    )
  }
}

/** The name of a field as JSON. */
interface Key {
  readonly ofAny: string
  /** With the quote that begins a text. */
  readonly ofText: string
}

function keyOf(name: string): Key {
  const key = `,${JSON.stringify(name)}:`
  return { ofAny: key, ofText: `${key}"` }
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

// What JSON escapes: quotes, backslashes, controls, and halves of surrogate pairs, or all of them.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const ESCAPED = /["\\\x00-\x1f\ud800-\udfff]/

function isClean(text: string): boolean {
  return !ESCAPED.test(text)
}
