import { InvalidOptionError, NotAtRootError, RegisteredTwiceError } from '@holdfast/core'
import { type CodedError, defineError, UnknownOptionError } from '@holdfast/core/options'
import t from 'tap'
import { startNode } from '../../../test/support/process.ts'

const BusyError = defineError('TEST_ERR_BUSY', 'Busy for %s s', 503)

/** What a process prints that runs this code, and its exit code. */
async function run(code: string): Promise<{ output: string; code: number | null }> {
  const child = startNode(['--input-type=module', '-e', code], { cwd: import.meta.dirname })
  t.teardown(() => child.stop())
  const { code: exit } = await child.exited
  return { output: child.output(), code: exit }
}

t.test('a mistake of the program has a message, a code and a stack', async (t) => {
  class NarrowError extends InvalidOptionError {}
  function mistaken(): CodedError[] {
    return [
      new UnknownOptionError('rateLimit', 'maxx', 'Did you mean "max"?'),
      new RegisteredTwiceError('rateLimit', 'A scope may have its own.'),
      new NotAtRootError('rateLimit', 'orders'),
      new NarrowError('max', 'a number', 'the text "5"')
    ]
  }
  for (const error of mistaken()) {
    const [first, second] = String(error.stack).split('\n')
    t.equal(first, `FastifyError: ${error.message}`)
    t.match(second, /at mistaken /, 'it begins where the mistake was found')
    t.match(error, { statusCode: 500, status: 500, expose: false })
  }
})

t.test('a refusal has a message and a code, and no stack', async (t) => {
  const error = new BusyError(7)
  t.match(error, {
    message: 'Busy for 7 s',
    code: 'TEST_ERR_BUSY',
    statusCode: 503,
    status: 503,
    expose: true
  })
  t.equal(error.stack, '')
  t.ok(error instanceof Error && error instanceof BusyError)
  t.notOk(error instanceof UnknownOptionError)
  t.strictSame(Object.keys(error).sort(), ['code', 'message', 'name', 'stack', 'statusCode'])
})

t.test('an option that nobody catches is named where the process ends', async (t) => {
  const { output, code } = await run(`
    import { checkOptions } from '@holdfast/core/options'
    async function main() { checkOptions('rateLimit', { maxx: 5 }, {}) }
    main()
  `)
  t.equal(code, 1)
  t.match(
    output,
    /FastifyError \[Error\]: rateLimit: the option "maxx" does not exist\. .*\n\s+at /
  )
  t.match(output, /HOLDFAST_ERR_OPTION_UNKNOWN/)
  t.match(output, /at main \(/)
})

t.test('a refusal that nobody catches keeps its sentence', async (t) => {
  const { output, code } = await run(`
    import { defineError } from '@holdfast/core/options'
    const BusyError = defineError('TEST_ERR_BUSY', 'Busy for %s s', 503)
    async function main() { throw new BusyError(7) }
    main()
  `)
  t.equal(code, 1)
  t.match(output, /Busy for 7 s/)
  t.match(output, /TEST_ERR_BUSY/)
  t.notMatch(output, /\[object Error\]/)
})
