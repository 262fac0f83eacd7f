import t from 'tap'
import { type LogLevel, levelByOutcome, levelFunction, type SettledRequest } from '../dist/level.js'
import type { Outcome } from '../dist/outcome.js'

const end = (outcome: Outcome): SettledRequest => ({ outcome, status: 200, duration: 1 })

t.test('every outcome has a level', async (t) => {
  const levels: Record<Outcome, LogLevel> = {
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
    t.equal(levelByOutcome(end(outcome as Outcome)), level, outcome)
  }
})

t.test('a table changes the outcomes it names and leaves the others', async (t) => {
  const given = { ok: 'debug' as LogLevel, cut: undefined }
  const level = levelFunction(given, levelByOutcome)
  given.ok = 'fatal'
  t.equal(level(end('ok')), 'debug', 'as it was when it was given')
  t.equal(level(end('cut')), 'error')
  t.equal(level(end('aborted')), 'warn')
  t.equal(levelFunction(undefined, levelByOutcome), levelByOutcome)
})

t.test('a function is asked with what decides', async (t) => {
  const level = levelFunction((settled) => {
    t.same(settled, { outcome: 'ok', status: 200, duration: 1 })
    return 'silent'
  }, levelByOutcome)
  t.equal(level(end('ok')), 'silent')
})

t.test('a function that throws or returns no level is reported once', async (t) => {
  const warnings: Error[] = []
  const keep = (warning: Error): void => {
    warnings.push(warning)
  }
  process.on('warning', keep)
  t.teardown(() => process.off('warning', keep))
  const throwing = levelFunction(() => {
    throw new Error('no idea')
  }, levelByOutcome)
  // @ts-expect-error no level
  const wrong = levelFunction(() => 'loud', levelByOutcome)
  for (const level of [throwing, throwing, wrong, wrong]) t.equal(level(end('cut')), 'error')
  await new Promise(setImmediate)
  t.equal(warnings.length, 2)
  t.match(warnings[0]?.message, /requestLogging\.level.*no idea/)
  t.match(
    warnings[1]?.message,
    /returns one of trace.*silent, but it is one that returned .*"loud"/
  )
})
