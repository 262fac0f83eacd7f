import { check, type OptionCheck } from '@holdfast/core/options'
import t from 'tap'

t.test('a check takes what it describes and refuses the rest:', async (t) => {
  const cases: { passes: OptionCheck; good: unknown[]; bad: unknown[]; expected: string }[] = [
    {
      passes: check.number(),
      good: [0, -1.5],
      bad: [NaN, Infinity, '1'],
      expected: 'a finite number'
    },
    {
      passes: check.number({ min: 0, max: 1 }),
      good: [0, 0.5, 1],
      bad: [-0.1, 1.1],
      expected: 'a finite number of at least 0 and at most 1'
    },
    {
      passes: check.number({ max: 1 }),
      good: [1, -5],
      bad: [2],
      expected: 'a finite number of at most 1'
    },
    {
      passes: check.integer(),
      good: [0, -3],
      bad: [1.5, 2 ** 53, NaN],
      expected: 'a whole number'
    },
    {
      passes: check.integer({ min: 1 }),
      good: [1, 2 ** 53 - 1],
      bad: [0, '1'],
      expected: 'a whole number of at least 1'
    },
    {
      passes: check.integer({ min: 1, max: 9 }),
      good: [1, 9],
      bad: [10],
      expected: 'a whole number of at least 1 and at most 9'
    },
    {
      passes: check.duration(),
      good: [0, '1s', 5],
      bad: [-1, 'soon', null, {}],
      expected:
        "a duration: milliseconds as a number of at least 0, or text such as '30s' or '1 minute' (ms, s, m, h, d or their names)"
    },
    {
      passes: check.duration({ min: 1000 }),
      good: [1000, '1 minute'],
      bad: [999, '999ms'],
      expected: 'a duration of at least 1000 ms'
    },
    {
      passes: check.duration({ max: 1000 }),
      good: [1000, '1s'],
      bad: [1001, '2s'],
      expected: 'a duration of at least 0 and at most 1000 ms'
    },
    {
      passes: check.boolean,
      good: [true, false],
      bad: [0, 'true', null],
      expected: 'true or false'
    },
    { passes: check.func, good: [() => {}, class {}], bad: [{}, 'f'], expected: 'a function' },
    {
      passes: check.text,
      good: ['a', ' '],
      bad: ['', 1, null],
      expected: 'text that is not empty'
    },
    { passes: check.object, good: [{}, new Map()], bad: [null, [], 'a'], expected: 'an object' },
    {
      passes: check.oneOf('draft', 'legacy', false),
      good: ['draft', 'legacy', false],
      bad: ['Draft', true, 0],
      expected: 'one of "draft", "legacy", false'
    },
    { passes: check.listOf(check.text), good: [[], ['a']], bad: ['a', {}], expected: 'an array' },
    {
      passes: check.either('text, or a function', check.text, check.func),
      good: ['a', () => {}],
      bad: ['', 1],
      expected: 'text, or a function'
    }
  ]
  for (const { passes, good, bad, expected } of cases) {
    for (const value of good) t.doesNotThrow(() => passes(value, 'it'), expected)
    for (const value of bad) {
      t.throws(() => passes(value, 'it'), {
        code: 'HOLDFAST_ERR_OPTION_INVALID',
        message: `The option "it" must be ${expected}, but it is `
      })
    }
  }
})
