import t from 'tap'
import { describeError } from '../dist/error-field.js'

t.test('an error is told by class, message and code', async (t) => {
  const error = Object.assign(new TypeError('no such \u001b[31morder'), { code: 'E_ORDER' })
  t.same(describeError(error, false), {
    type: 'TypeError',
    message: 'no such \ufffd[31morder',
    code: 'E_ORDER',
    stack: undefined
  })
})

t.test('the stack holds those of the causes, but not without end', async (t) => {
  const error = new Error('outer', { cause: new RangeError('inner') })
  t.match(describeError(error, true).stack, /^Error: outer\n.*\ncaused by: RangeError: inner\n/s)
  // A short stack: the whole has an end as well, which long paths would reach first.
  const loop = Object.assign(new Error('loop'), { stack: 'Error: loop' })
  loop.cause = loop
  t.equal(describeError(loop, true).stack?.split('caused by').length, 6)
  const bare = new Error('bare')
  Reflect.deleteProperty(bare, 'stack')
  t.equal(describeError(Object.assign(bare, { stack: undefined }), true).stack, 'bare')
})

t.test('an AggregateError is told with its members and their causes', async (t) => {
  const first = Object.assign(new Error('first', { cause: 'no route' }), { stack: 'Error: first' })
  const error = new AggregateError([first, 'second', null], 'all failed')
  error.stack = 'AggregateError: all failed'
  error.cause = { message: 'no network' }
  const { message, stack } = describeError(error, true)
  t.equal(message, 'all failed')
  t.same(stack?.split('\n'), [
    'AggregateError: all failed',
    'one of: Error: first',
    'caused by: no route',
    'one of: second',
    'one of: null',
    'caused by: no network'
  ])
  const many = new AggregateError(Array.from({ length: 1000 }, (_, n) => `error ${n}`))
  t.equal(describeError(many, true).stack?.split('one of').length, 6)
  t.equal(describeError(many, false).message, 'error 0; error 1; error 2; error 3; error 4')
  const connection = new AggregateError([new Error('ECONNREFUSED ::1'), new Error('127.0.0.1')])
  t.equal(describeError(connection, false).message, 'ECONNREFUSED ::1; 127.0.0.1')
  class FailoverError extends AggregateError {
    override readonly name = 'FailoverError'
  }
  const failover = new FailoverError(['node a', 'node b'], 'no node answered')
  failover.stack = 'FailoverError: no node answered'
  t.equal(
    describeError(failover, true).stack,
    'FailoverError: no node answered\none of: node a\none of: node b',
    'of a class of its own'
  )
  const other = Object.assign(new Error('invalid'), {
    errors: ['hunter2'],
    stack: 'Error: invalid'
  })
  t.equal(describeError(other, true).stack, 'Error: invalid', 'only of an AggregateError')
})

t.test('whatever is thrown can be described', async (t) => {
  t.same(describeError('just text', true), { type: 'string', message: 'just text' })
  t.same(describeError(null, true), { type: 'null', message: 'null' })
  t.same(describeError(undefined, true), { type: 'undefined', message: 'undefined' })
  t.match(describeError({ reason: 1 }, true), { type: 'Object', message: '', stack: undefined })
  const unreadable = Object.defineProperty({}, 'message', {
    get() {
      throw new Error('mine')
    }
  })
  t.same(describeError(unreadable, true), { type: 'unreadable' })
})

t.test('an error has an end, and does not repeat the query', async (t) => {
  const error = new Error(`GET /a?token=secret ${'x'.repeat(5000)}`)
  error.stack = `Error: /a?token=secret\n${'y'.repeat(50_000)}`
  const { message, stack } = describeError(error, true, ['?token=secret'])
  t.match(message, /^GET \/a x{1016}…$/)
  t.equal(stack?.length, 8192)
  t.ok(stack?.startsWith('Error: /a\nyyy') && stack.endsWith('y…'))
  const named = Object.assign(new Error('no'), {
    name: 'GET /a?token=secret failed',
    code: 'E /a?token=secret'
  })
  t.match(describeError(named, false, ['?token=secret']), { type: 'GET /a failed', code: 'E /a' })
})
