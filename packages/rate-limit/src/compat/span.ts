/**
 * Spans of time as text, `'1 minute'`: how @fastify/rate-limit reads and writes them.
 */

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const WEEK = 7 * DAY
const YEAR = 365.25 * DAY

const UNITS: readonly (readonly [spelling: RegExp, milliseconds: number])[] = [
  [/^(ms|msecs?|milliseconds?)?$/, 1],
  [/^s(ecs?|econds?)?$/, SECOND],
  [/^m(ins?|inutes?)?$/, MINUTE],
  [/^h(rs?|ours?)?$/, HOUR],
  [/^d(ays?)?$/, DAY],
  [/^w(ks?|eeks?)?$/, WEEK],
  [/^y(rs?|ears?)?$/, YEAR]
]

/** The milliseconds of a number and a unit, from `ms` to `years`; NaN for any other text. */
export function parseSpan(text: string): number {
  const [, amount = '', unit = ''] = /^(-?\d*\.?\d+) *([a-z]*)$/.exec(text.toLowerCase()) ?? []
  const factor = UNITS.find(([spelling]) => spelling.test(unit))?.[1]
  return amount === '' || factor === undefined ? NaN : Number(amount) * factor
}

const SPOKEN: readonly (readonly [name: string, milliseconds: number])[] = [
  ['year', YEAR],
  ['day', DAY],
  ['hour', HOUR],
  ['minute', MINUTE],
  ['second', SECOND]
]

/** Milliseconds as text, in the largest unit that they fill, rounded: `'2 seconds'`. */
export function spokenSpan(milliseconds: number): string {
  const length = Math.abs(milliseconds)
  const [name, unit] = SPOKEN.find(([, unit]) => length >= unit) ?? []
  if (unit === undefined) return `${milliseconds} ms`
  const amount = Math.round(length / unit)
  return `${milliseconds < 0 ? '-' : ''}${amount} ${name}${amount === 1 ? '' : 's'}`
}

/** A number or text as whole milliseconds; `undefined` where it is less than 1 ms, or no span. */
export function spanOf(value: unknown): number | undefined {
  const milliseconds = typeof value === 'string' ? parseSpan(value) : value
  if (typeof milliseconds !== 'number' || !Number.isFinite(milliseconds)) return undefined
  return milliseconds >= 1 ? Math.trunc(milliseconds) : undefined
}
