import { type GuardedLog, guardedLog } from '@holdfast/core'
import Fastify, { type FastifyBaseLogger } from 'fastify'
import t from 'tap'
import { eventually } from '../../../test/support/http.ts'
import { warningsOf } from './warnings.ts'

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const

/** A line of each level, with fields and without. */
function writeAll(log: GuardedLog): void {
  for (const level of LEVELS) {
    log[level](`a ${level}`)
    log[level]({ number: 1 }, `a ${level} with a field`)
  }
}

t.test('a guarded logger writes what the logger itself writes', async (t) => {
  const lines: string[] = []
  const app = Fastify({
    logger: { level: 'trace', stream: { write: (line) => lines.push(JSON.parse(line).msg) } }
  })
  t.teardown(() => app.close())
  writeAll(guardedLog(app.log))
  t.strictSame(
    lines,
    LEVELS.flatMap((level) => [`a ${level}`, `a ${level} with a field`])
  )
  t.doesNotThrow(() => writeAll(guardedLog(Fastify().log)), 'no logger at all')
})

t.test('a stream that throws loses the line, and is told once', async (t) => {
  const warnings = warningsOf(t)
  const app = Fastify({
    logger: {
      level: 'trace',
      stream: {
        write() {
          throw new Error('disk full')
        }
      }
    }
  })
  t.teardown(() => app.close())
  t.throws(() => app.log.info('unguarded'), { message: 'disk full' })
  const log = guardedLog(app.log)
  t.doesNotThrow(() => writeAll(log))
  t.doesNotThrow(() => writeAll(guardedLog(app.log)))
  await eventually(() => warnings.length > 0)
  t.match(warnings, [
    { code: 'HOLDFAST_CALLBACK_FAILED', message: /^Caught an error of the logger;.*disk full/ }
  ])
  t.equal(warnings.length, 1)
})

t.test('a method that is missing or rejects harms nothing', async (t) => {
  const warnings = warningsOf(t)
  const rejects = async (): Promise<never> => {
    throw new Error('no connection')
  }
  const missing = {} as FastifyBaseLogger
  const rejecting = Object.fromEntries(LEVELS.map((level) => [level, rejects]))
  t.doesNotThrow(() => writeAll(guardedLog(missing)))
  t.doesNotThrow(() => writeAll(guardedLog(rejecting as unknown as FastifyBaseLogger)))
  await eventually(() => warnings.length === 2)
  t.match(warnings, [{ message: /is not a function/ }, { message: /no connection/ }])
})
