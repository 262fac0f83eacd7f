import {
  boolean,
  checkOptions,
  duration,
  either,
  func,
  integer,
  listOf,
  number,
  type OptionCheck,
  object,
  oneOf,
  shapeOf,
  text
} from '@holdfast/core'
import * as fc from 'fast-check'
import t from 'tap'

t.test('a check takes what it describes and refuses the rest:', async (t) => {
  const cases: { check: OptionCheck; good: unknown[]; bad: unknown[]; expected: string }[] = [
    { check: number(), good: [0, -1.5], bad: [NaN, Infinity, '1'], expected: 'a finite number' },
    {
      check: number({ min: 0, max: 1 }),
      good: [0, 0.5, 1],
      bad: [-0.1, 1.1],
      expected: 'a finite number of at least 0 and at most 1'
    },
    {
      check: number({ max: 1 }),
      good: [1, -5],
      bad: [2],
      expected: 'a finite number of at most 1'
    },
    { check: integer(), good: [0, -3], bad: [1.5, 2 ** 53, NaN], expected: 'a whole number' },
    {
      check: integer({ min: 1 }),
      good: [1, 2 ** 53 - 1],
      bad: [0, '1'],
      expected: 'a whole number of at least 1'
    },
    {
      check: integer({ min: 1, max: 9 }),
      good: [1, 9],
      bad: [10],
      expected: 'a whole number of at least 1 and at most 9'
    },
    {
      check: duration(),
      good: [0, '1s', 5],
      bad: [-1, 'soon', null, {}],
      expected:
        "a duration: milliseconds as a number of at least 0, or text such as '30s' or '1 minute' (ms, s, m, h, d or their names)"
    },
    {
      check: duration({ min: 1000 }),
      good: [1000, '1 minute'],
      bad: [999, '999ms'],
      expected: 'a duration of at least 1000 ms'
    },
    {
      check: duration({ max: 1000 }),
      good: [1000, '1s'],
      bad: [1001, '2s'],
      expected: 'a duration of at least 0 and at most 1000 ms'
    },
    { check: boolean, good: [true, false], bad: [0, 'true', null], expected: 'true or false' },
    { check: func, good: [() => {}, class {}], bad: [{}, 'f'], expected: 'a function' },
    { check: text, good: ['a', ' '], bad: ['', 1, null], expected: 'text that is not empty' },
    { check: object, good: [{}, new Map()], bad: [null, [], 'a'], expected: 'an object' },
    {
      check: oneOf('draft', 'legacy', false),
      good: ['draft', 'legacy', false],
      bad: ['Draft', true, 0],
      expected: 'one of "draft", "legacy", false'
    },
    { check: listOf(text), good: [[], ['a']], bad: ['a', {}], expected: 'an array' },
    {
      check: either('text, or a function', text, func),
      good: ['a', () => {}],
      bad: ['', 1],
      expected: 'text, or a function'
    }
  ]
  for (const { check, good, bad, expected } of cases) {
    for (const value of good) t.doesNotThrow(() => check(value, 'it'), expected)
    for (const value of bad) {
      t.throws(() => check(value, 'it'), {
        code: 'HOLDFAST_ERR_OPTION_INVALID',
        message: `The option "it" must be ${expected}, but it is `
      })
    }
  }
})

t.test('a message names the path to the option', async (t) => {
  const shape = { allow: listOf(text), window: shapeOf({ duration: duration() }) }
  const refuses = (given: object, message: RegExp): void => {
    t.throws(() => checkOptions('rateLimit', given, shape), { message })
  }
  refuses({ allow: ['a', 5] }, /^The option "rateLimit\.allow\[1\]" must be text/)
  refuses({ window: { duration: 'soon' } }, /^The option "rateLimit\.window\.duration" must be/)
  refuses({ window: { length: 1 } }, /^rateLimit\.window: the option "length" does not exist\./)
  refuses(
    { window: 5 },
    /^The option "rateLimit\.window" must be an object of options, but it is 5/
  )
  refuses(
    { max: 1 },
    /^rateLimit: the option "max" does not exist\. Remove it, or use one of: allow, window\.$/
  )
})

t.test('what Fastify hands along passes, at the top only', async (t) => {
  const handed = { prefix: '/v1', logLevel: 'warn', logSerializers: {} }
  const shape = { inner: shapeOf({ a: boolean }) }
  t.doesNotThrow(() => checkOptions('rateLimit', handed, shape))
  t.throws(() => checkOptions('rateLimit', { inner: handed }, shape), {
    code: 'HOLDFAST_ERR_OPTION_UNKNOWN'
  })
})

t.test('undefined means "not given"', async (t) => {
  t.doesNotThrow(() => checkOptions('rateLimit', { max: undefined }, { max: integer() }))
  t.throws(() => checkOptions('rateLimit', { mux: undefined }, { max: integer() }), {
    code: 'HOLDFAST_ERR_OPTION_UNKNOWN'
  })
})

t.test('only an object can be options', async (t) => {
  for (const given of [null, undefined, [], 'a', 5, () => {}]) {
    t.throws(() => checkOptions('rateLimit', given, {}), { code: 'HOLDFAST_ERR_OPTION_INVALID' })
  }
})

t.test('whatever is given, the answer is yes or a coded error', async () => {
  const shape = {
    max: integer({ min: 0 }),
    after: duration(),
    list: listOf(text),
    mode: oneOf('a', 'b'),
    nested: shapeOf({ deep: boolean }),
    key: either('text or a function', text, func)
  }
  const names = fc.oneof(
    fc.constantFrom(...Object.keys(shape), '__proto__', 'toString'),
    fc.string()
  )
  fc.assert(
    fc.property(fc.oneof(fc.anything(), fc.dictionary(names, fc.anything())), (given) => {
      try {
        checkOptions('it', given, shape)
        return Object.keys(given as object).every(
          (name) =>
            Object.hasOwn(shape, name) || ['prefix', 'logLevel', 'logSerializers'].includes(name)
        )
      } catch (error) {
        return /^HOLDFAST_ERR_OPTION_(UNKNOWN|INVALID)$/.test((error as { code: string }).code)
      }
    })
  )
})
