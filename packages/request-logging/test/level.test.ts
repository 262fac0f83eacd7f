import t from 'tap'
import {
  chosenLevel,
  DEFAULT_LEVELS,
  type LevelFunction,
  type LogLevel,
  levelInTable,
  levelsOf,
  type SettledRequest
} from '../dist/level.js'
import type { RequestOutcome } from '../dist/outcome.js'

const end = (outcome: RequestOutcome, slow = false): SettledRequest => ({
  outcome,
  status: 200,
  duration: 1,
  slow,
  error: undefined,
  request: undefined,
  reply: undefined
})

t.test('every outcome has a level', async (t) => {
  const levels: Record<RequestOutcome, LogLevel> = {
    ok: 'info',
    'client-error': 'info',
    'server-error': 'error',
    refused: 'warn',
    aborted: 'warn',
    cut: 'error',
    hijacked: 'info',
    malformed: 'warn'
  }
  for (const [outcome, level] of Object.entries(levels)) {
    t.equal(levelInTable(DEFAULT_LEVELS.table, outcome as RequestOutcome, false), level, outcome)
  }
})

t.test('slowness counts where all else is well', async (t) => {
  t.equal(levelInTable(DEFAULT_LEVELS.table, 'ok', true), 'warn')
  t.equal(levelInTable(DEFAULT_LEVELS.table, 'client-error', true), 'info')
  t.equal(levelInTable(DEFAULT_LEVELS.table, 'cut', true), 'error')
})

t.test('a table changes the outcomes it names and leaves the others', async (t) => {
  const given = { ok: 'debug' as LogLevel, cut: undefined }
  const { table } = levelsOf(given, DEFAULT_LEVELS)
  given.ok = 'fatal'
  t.equal(levelInTable(table, 'ok', false), 'debug', 'as it was when it was given')
  t.equal(levelInTable(table, 'ok', true), 'warn')
  t.equal(levelInTable(table, 'cut', false), 'error')
  t.equal(levelsOf(undefined, DEFAULT_LEVELS), DEFAULT_LEVELS)
})

t.test('what a table of a route leaves out is decided by the function of the plugin', async (t) => {
  const plugin = levelsOf(({ status }) => (status === 200 ? 'trace' : 'fatal'), DEFAULT_LEVELS)
  const { choose, table } = levelsOf({ ok: 'debug', slow: 'error' }, plugin)
  const level = (settled: SettledRequest): LogLevel =>
    chosenLevel(choose as LevelFunction, settled, table)
  t.equal(level(end('ok')), 'debug')
  t.equal(level(end('ok', true)), 'error')
  t.equal(level(end('aborted')), 'trace')
})

t.test('a function that throws, rejects or returns no level is reported once', async (t) => {
  const seen: Error[] = []
  const keep = (warning: Error): void => {
    seen.push(warning)
  }
  process.on('warning', keep)
  t.teardown(() => process.off('warning', keep))
  const throwing: LevelFunction = () => {
    throw new Error('no idea')
  }
  // @ts-expect-error no level
  const wrong: LevelFunction = () => 'loud'
  // @ts-expect-error no level
  const late: LevelFunction = async () => 'debug'
  // @ts-expect-error no level
  const rejecting: LevelFunction = async () => {
    throw new Error('too late')
  }
  // @ts-expect-error no level
  const nothing: LevelFunction = () => {}
  for (const choose of [throwing, wrong, late, rejecting, nothing]) {
    t.equal(chosenLevel(choose, end('cut'), DEFAULT_LEVELS.table), 'error')
    t.equal(chosenLevel(choose, end('ok'), DEFAULT_LEVELS.table), 'info')
  }
  await new Promise(setImmediate)
  const messages = seen.map(({ message }) => message)
  t.equal(messages.length, 5)
  t.ok(messages.every((message) => message.includes('requestLogging.level')))
  t.match(messages[0], /no idea/)
  t.match(messages[1], /must return trace.*silent, but returned the text "loud"/)
  t.match(messages[2], /promise/)
  t.match(messages[3], /promise/)
  t.match(messages[4], /returned undefined/)
})
