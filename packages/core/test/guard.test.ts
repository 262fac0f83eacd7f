import { contain, guardedCall } from '@holdfast/core'
import t from 'tap'
import { eventually } from '../../../test/support/http.ts'
import { warningsOf } from './warnings.ts'

t.test('a callback is called with its arguments, and its result is returned', async (t) => {
  t.equal(
    guardedCall((one: number, two: number) => one + two, 'a test', 1, 2),
    3
  )
  t.equal(
    guardedCall(() => null, 'a test'),
    null
  )
})

t.test('a callback that throws is reported once, and has no result', async (t) => {
  const warnings = warningsOf(t)
  const broken = (what: string): string => {
    throw new Error(what)
  }
  t.equal(guardedCall(broken, 'the option test.broken', 'first'), undefined)
  t.equal(guardedCall(broken, 'the option test.broken', 'second'), undefined)
  await eventually(() => warnings.length > 0)
  t.match(warnings, [
    {
      code: 'HOLDFAST_CALLBACK_FAILED',
      message: /^Caught an error of the option test\.broken.*first/
    }
  ])
  t.equal(warnings.length, 1)
})

t.test('a promise is no answer, and what it rejects with ends nothing', async (t) => {
  const warnings = warningsOf(t)
  const late = async (): Promise<never> => {
    throw new Error('too late')
  }
  t.equal(guardedCall(late, 'the option test.late'), undefined)
  t.equal(guardedCall(late, 'the option test.late'), undefined)
  await eventually(() => warnings.length > 0)
  t.match(warnings, [{ message: /the option test\.late.*must answer synchronously/ }])
  t.equal(warnings.length, 1)
})

t.test('what nobody waits for is contained', async (t) => {
  const warnings = warningsOf(t)
  const listener = (): void => {}
  contain(undefined, listener, 'a test')
  contain(null, listener, 'a test')
  contain('text', listener, 'a test')
  contain({}, listener, 'a test')
  contain(Promise.resolve('fine'), listener, 'a test')
  contain(Promise.reject(new Error('rejected')), listener, 'the first test')
  contain(Promise.reject(new Error('again')), listener, 'the first test')
  const hostile = {
    // biome-ignore lint/suspicious/noThenProperty: what only looks like a promise
    then() {
      throw new Error('from then')
    }
  }
  contain(hostile, hostile, 'the second test')
  await eventually(() => warnings.length === 2)
  t.match(warnings, [
    { message: /the first test.*rejected/ },
    { message: /the second test.*from then/ }
  ])
})
