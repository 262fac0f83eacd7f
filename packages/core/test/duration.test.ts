/**
 * Spans of time, and how a wrong value is shown: `describe.ts`.
 */
import { type Duration, describe, InvalidOptionError, parseDuration } from '@holdfast/core/options'
import * as fc from 'fast-check'
import t from 'tap'

const MILLISECONDS: Readonly<Record<string, number>> = {
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
}

t.test('a number is milliseconds, as it stands', async () => {
  fc.assert(
    fc.property(fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }), (value) => {
      return parseDuration(value, 'after') === value
    })
  )
})

t.test('text is an amount and a unit, whatever the spaces and the case', async () => {
  const unit = fc.constantFrom(...Object.keys(MILLISECONDS))
  const amount = fc.oneof(
    fc.nat(),
    fc.tuple(fc.nat(9999), fc.nat(999)).map(([whole, part]) => Number(`${whole}.${part}`))
  )
  const space = fc.constantFrom('', ' ', '  ')
  fc.assert(
    fc.property(amount, unit, space, fc.boolean(), (amount, unit, space, upper) => {
      const text = `${space}${amount}${space}${upper ? unit.toUpperCase() : unit}${space}`
      return parseDuration(text, 'after') === amount * (MILLISECONDS[unit] as number)
    })
  )
})

t.test('text without a unit is milliseconds', async (t) => {
  t.equal(parseDuration('250', 'after'), 250)
  t.equal(parseDuration('0', 'after'), 0)
})

t.test('every text is a finite span or an error that names the option', async () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^\d{1,400}\.?\d*[dhms]?$/)), (text) => {
      try {
        const span = parseDuration(text, 'after')
        return Number.isFinite(span) && span >= 0
      } catch (error) {
        return error instanceof InvalidOptionError && error.message.includes('"after"')
      }
    })
  )
})

t.test('what is no duration is refused with its value', async (t) => {
  const wrong: [unknown, string][] = [
    [NaN, 'NaN'],
    [Infinity, 'Infinity'],
    [-1, '-1'],
    ['-1s', 'the text "-1s"'],
    ['1 fortnight', 'the text "1 fortnight"'],
    ['1.s', 'the text "1.s"'],
    ['', 'the text ""'],
    ['soon', 'the text "soon"'],
    [`${'9'.repeat(400)}d`, `the text "${'9'.repeat(100)}"`],
    [null, 'null'],
    [undefined, 'undefined'],
    [true, 'true'],
    [5n, '5'],
    [[], 'an array'],
    [{}, 'an object'],
    [() => 5, 'a function']
  ]
  for (const [value, shown] of wrong) {
    t.throws(() => parseDuration(value as Duration, 'after'), {
      code: 'HOLDFAST_ERR_OPTION_INVALID',
      message: `The option "after" must be a duration: milliseconds as a number of at least 0, or text such as '30s' or '1 minute' (ms, s, m, h, d or their names), but it is ${shown}.`
    })
    t.equal(
      typeof value === 'string' ? `the text ${JSON.stringify(value.slice(0, 100))}` : shown,
      describe(value)
    )
  }
})
