import { reportOnce } from '@holdfast/core'
import t from 'tap'
import { eventually } from '../../../test/support/http.ts'
import { warningsOf } from './warnings.ts'

t.test('a report names the place and what was thrown, and ends after a hundred', async (t) => {
  const warnings = warningsOf(t)
  const stackless = new Error('no stack')
  delete stackless.stack
  const hostile = Object.defineProperty(new Error(), 'stack', {
    get() {
      throw new Error('from the getter')
    }
  })
  reportOnce({}, 'a listener of a test', stackless)
  reportOnce({}, 'a listener of a test', 'just text')
  reportOnce({}, 'a listener of a test', hostile)
  reportOnce({}, 'a listener of a test', Object.create(null))
  for (let count = 0; count < 200; count++) reportOnce({}, 'a listener of a test', count)
  await eventually(() => warnings.length > 90)
  t.match(warnings.slice(0, 4), [
    {
      name: 'HoldfastWarning',
      code: 'HOLDFAST_CALLBACK_FAILED',
      message: 'Caught an error of a listener of a test; it is reported only once. no stack'
    },
    { message: /just text$/ },
    { message: /The error cannot be shown\.$/ },
    { message: /The error cannot be shown\.$/ }
  ])
  t.equal(warnings.length, 100, 'a callback made for each request cannot flood the log')
})
