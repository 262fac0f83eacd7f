import { UnknownOptionError } from '@holdfast/core'
import t from 'tap'
import {
  type DeadlineOption,
  deadlineCheck,
  resolveTrust,
  resolveWritten,
  writtenCheck
} from '../dist/deadline-options.js'

const KNOWN = ['x-envoy-expected-rq-timeout-ms', 'grpc-timeout', 'connect-timeout-ms']

const ENVOY = { write: true, header: ['x-envoy-expected-rq-timeout-ms'] }

t.test('the time is told in the header of Envoy, unless options say otherwise', async (t) => {
  t.strictSame(resolveWritten({}), ENVOY)
  t.strictSame(resolveWritten({ write: false }), { ...ENVOY, write: false })
  t.strictSame(resolveWritten({ header: ['Grpc-Timeout', 'X-Time', 'x-time'] }), {
    write: true,
    header: ['grpc-timeout', 'x-time']
  })
})

t.test('the option of an upstream is laid over that of the plugin', async (t) => {
  const base = { write: false, header: ['x-time'] }
  t.strictSame(resolveWritten({}, base), base)
  t.strictSame(resolveWritten({ write: true }, base), { ...base, write: true })
  t.strictSame(resolveWritten({ write: true, header: 'X-Other' }, base), {
    write: true,
    header: ['x-other']
  })
})

t.test('nobody is believed, unless options say so', async (t) => {
  t.strictSame(resolveTrust({}), { read: [], trust: false })
  t.strictSame(resolveTrust({ trust: true }), { read: [], trust: true })
  t.strictSame(resolveTrust({ read: true, trust: true }), { read: KNOWN, trust: true })
  t.strictSame(resolveTrust({ read: true, trust: true, header: ['X-Time', 'grpc-timeout'] }).read, [
    ...KNOWN,
    'x-time'
  ])
})

t.test('a wrong option is named, with the remedy', async (t) => {
  const check = (given: DeadlineOption): void => deadlineCheck(given, 'outgoing.deadline')
  t.doesNotThrow(() => check({ read: true, trust: () => true, header: ['a', 'b'], write: false }))
  for (const [given, message] of [
    [{ read: true }, /"outgoing.deadline.read" must be false, or stand beside .*trust/],
    [{ read: true, trust: false }, /"outgoing.deadline.read" must be false/],
    [{ trust: 'yes' }, /"outgoing.deadline.trust" must be true, false or a function/],
    [{ write: 1 }, /"outgoing.deadline.write" must be true or false, but it is 1/],
    [{ header: '' }, /"outgoing.deadline.header" must be the name of a header/],
    [{ header: 'x y' }, /"outgoing.deadline.header" must be the name of a header/],
    [{ header: [] }, /"outgoing.deadline.header" must be a list of at least one header/],
    [{ header: ['a', 1] }, /"outgoing.deadline.header\[1\]" must be the name of a header/],
    [true, /"outgoing.deadline" must be an object of options/]
  ] as const) {
    t.throws(() => check(given as DeadlineOption), { message })
  }
  t.throws(() => check({ reed: true } as DeadlineOption), UnknownOptionError)
  t.throws(() => writtenCheck({ trust: true }, 'upstream("prices").deadline'), {
    message: /"trust" does not exist.*into the options of the plugin/
  })
})
