import { describe } from './describe.ts'
import { InvalidOptionError } from './errors.ts'

/**
 * A span of time: a number of milliseconds, or text of a number and a unit such as `'250ms'`,
 * `'30s'`, `'1.5h'`, `'1 minute'` or `'2 days'`; text without a unit is milliseconds too. Zero is a
 * duration; negative spans are not.
 */
export type Duration = number | string

const MILLISECONDS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    ms: 1,
    millisecond: 1,
    milliseconds: 1,
    s: 1000,
    sec: 1000,
    second: 1000,
    seconds: 1000,
    m: 60_000,
    min: 60_000,
    minute: 60_000,
    minutes: 60_000,
    h: 3_600_000,
    hour: 3_600_000,
    hours: 3_600_000,
    d: 86_400_000,
    day: 86_400_000,
    days: 86_400_000
  })
)

/**
 * Turns a {@link Duration} into milliseconds.
 *
 * @param option the name of the option, for the error
 * @throws InvalidOptionError for NaN, Infinity, negative numbers, unknown units and other types
 */
export function parseDuration(value: Duration, option: string): number {
  const milliseconds = typeof value === 'string' ? parseText(value) : value
  if (Number.isFinite(milliseconds) && milliseconds >= 0) return milliseconds
  throw new InvalidOptionError(
    option,
    "a duration: milliseconds as a number of at least 0, or text such as '30s' or '1 minute' (ms, s, m, h, d or their names)",
    describe(value)
  )
}

function parseText(text: string): number {
  const [, amount = '', unit = 'ms'] = /^(\d+(?:\.\d+)?)\s*([a-z]+)?$/i.exec(text.trim()) ?? []
  const factor = MILLISECONDS.get(unit.toLowerCase())
  return amount === '' || factor === undefined ? NaN : Number(amount) * factor
}
