import t from 'tap'
import type { SettledRequest } from '../dist/level.js'
import { Silence, type SilentFunction } from '../dist/silence.js'

const settled: SettledRequest = {
  outcome: 'ok',
  status: 200,
  duration: 1,
  slow: false,
  error: undefined,
  request: undefined,
  reply: undefined
}

t.test('a path means itself, with a star all that begins so', async (t) => {
  const silence = new Silence(['/metrics', '/assets/*'])
  t.ok(silence.hasPaths)
  for (const path of ['/metrics', '/assets/', '/assets/a/b.js'])
    t.ok(silence.coversPath(path), path)
  for (const path of ['/', '/metrics/', '/assets', '/a']) t.notOk(silence.coversPath(path), path)
  t.notOk(silence.probes)
})

t.test('a function decides by itself; one that throws or rejects silences nothing', async (t) => {
  const seen: Error[] = []
  const keep = (warning: Error): void => {
    seen.push(warning)
  }
  process.on('warning', keep)
  t.teardown(() => process.off('warning', keep))
  const throwing = (): boolean => {
    throw new Error('no idea')
  }
  // @ts-expect-error a promise is no answer
  const rejecting: SilentFunction = async () => {
    throw new Error('too late')
  }
  const silence = new Silence([throwing, rejecting, ({ status }) => status === 204])
  t.ok(silence.hasFunctions)
  for (let n = 0; n < 2; n++) {
    t.notOk(silence.covers(settled))
    t.ok(silence.covers({ ...settled, status: 204 }))
  }
  await new Promise(setImmediate)
  t.equal(seen.length, 2, 'each is told once')
  t.match(seen[0]?.message, /requestLogging\.silent.*no idea/)
  t.match(seen[1]?.message, /requestLogging\.silent.*promise/)
})

t.test('without rules nothing is asked', async (t) => {
  const silence = new Silence([])
  t.notOk(silence.probes || silence.hasPaths || silence.hasFunctions)
})
