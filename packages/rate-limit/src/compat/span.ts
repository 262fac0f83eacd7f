/**
 * Spans of time as this layer's users write and read them: `'1 minute'`.
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

/** The milliseconds of a text of a number and a unit, from `ms` to `years`; NaN where it is none. */
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

/** Milliseconds in the largest unit they fill, rounded: `'2 seconds'`. */
export function spokenSpan(milliseconds: number): string {
  const length = Math.abs(milliseconds)
  const [name, unit] = SPOKEN.find(([, unit]) => length >= unit) ?? []
  if (unit === undefined) return `${milliseconds} ms`
  const amount = Math.round(length / unit)
  return `${milliseconds < 0 ? '-' : ''}${amount} ${name}${amount === 1 ? '' : 's'}`
}
