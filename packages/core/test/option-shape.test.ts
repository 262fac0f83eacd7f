/**
 * The options of a plugin and their first mistake, by the entry `options.ts`.
 */
import { check, checkOptions } from '@holdfast/core/options'
import * as fc from 'fast-check'
import t from 'tap'

t.test('a message names the path to the option', async (t) => {
  const shape = {
    allow: check.listOf(check.text),
    window: check.shape({ duration: check.duration() })
  }
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
  const shape = { inner: check.shape({ a: check.boolean }) }
  t.doesNotThrow(() => checkOptions('rateLimit', handed, shape))
  t.throws(() => checkOptions('rateLimit', { inner: handed }, shape), {
    code: 'HOLDFAST_ERR_OPTION_UNKNOWN'
  })
})

t.test('undefined means "not given"', async (t) => {
  t.doesNotThrow(() => checkOptions('rateLimit', { max: undefined }, { max: check.integer() }))
  t.throws(() => checkOptions('rateLimit', { mux: undefined }, { max: check.integer() }), {
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
    max: check.integer({ min: 0 }),
    after: check.duration(),
    list: check.listOf(check.text),
    mode: check.oneOf('a', 'b'),
    nested: check.shape({ deep: check.boolean }),
    key: check.either('text or a function', check.text, check.func)
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

t.test('a misspelt option is told the name that was meant', async (t) => {
  const shape = { max: check.integer(), inner: check.shape({ cacheFor: check.duration() }) }
  t.throws(() => checkOptions('rateLimit', { maxx: 5 }, shape), {
    message:
      'rateLimit: the option "maxx" does not exist. Did you mean "max"? If not, use one of: max, inner.'
  })
  t.throws(() => checkOptions('rateLimit', { inner: { cachefor: 5 } }, shape), {
    message: /^rateLimit\.inner: the option "cachefor" does not exist\. Did you mean "cacheFor"\?/
  })
})

t.test('the name that another package has for it is told what to write instead', async (t) => {
  const foreign = { limit: 'Write max.' }
  const shape = {
    max: check.integer(),
    inner: check.shape({ cacheFor: check.duration() }, { ttl: 'Write cacheFor.' })
  }
  t.throws(() => checkOptions('rateLimit', { limit: 5 }, shape, foreign), {
    message: 'rateLimit: the option "limit" does not exist. Write max.'
  })
  t.throws(() => checkOptions('rateLimit', { inner: { ttl: 5 } }, shape, foreign), {
    message: 'rateLimit.inner: the option "ttl" does not exist. Write cacheFor.'
  })
  t.throws(() => checkOptions('rateLimit', { toString: 5 }, shape, foreign), {
    message: /does not exist\. Remove it/
  })
})
