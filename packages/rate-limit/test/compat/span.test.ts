import { format, parse } from '@lukeed/ms'
import fc from 'fast-check'
import t from 'tap'
import { parseSpan, spokenSpan } from '../../dist/compat/span.js'

const UNITS = [
  ...['', 'ms', 'msec', 'msecs', 'millisecond', 'milliseconds', 's', 'sec', 'secs', 'second'],
  ...['seconds', 'm', 'min', 'mins', 'minute', 'minutes', 'h', 'hr', 'hrs', 'hour', 'hours'],
  ...['d', 'day', 'days', 'w', 'wk', 'wks', 'week', 'weeks', 'y', 'yr', 'yrs', 'year', 'YEARS'],
  ...['mi', 'banana', 'month', 'x']
]

t.test('spans are read as users of the original write them', async () => {
  const amount = fc.oneof(fc.integer(), fc.double({ noNaN: true, min: -1e6, max: 1e6 }))
  fc.assert(
    fc.property(
      amount,
      fc.constantFrom('', ' '),
      fc.constantFrom(...UNITS),
      (number, gap, unit) => {
        const text = `${number}${gap}${unit}`
        const expected = parse(text)
        // The original knows no zero.
        const actual = parseSpan(text)
        if (expected === undefined) return Number.isNaN(actual) || actual === 0
        return Math.abs(actual - expected) <= 1e-12 * Math.abs(expected)
      }
    ),
    { numRuns: 5000 }
  )
})

t.test('no other text is a span', async (t) => {
  for (const text of [
    '',
    ' ',
    's',
    '1 1',
    '1s 1s',
    '--1s',
    '1.s',
    '1,5s',
    'Infinity',
    '0x10',
    '1e3'
  ]) {
    t.ok(Number.isNaN(parseSpan(text)), text)
  }
})

t.test('spans are said as clients of the original hear them', async () => {
  const milliseconds = fc.oneof(fc.integer({ min: -1e7, max: 1e7 }), fc.maxSafeInteger())
  fc.assert(
    fc.property(milliseconds, (milliseconds) => {
      const seconds = 1000 * Math.ceil(milliseconds / 1000)
      return (
        spokenSpan(milliseconds) === format(milliseconds, true) &&
        spokenSpan(seconds) === format(seconds, true)
      )
    }),
    { numRuns: 5000 }
  )
})
