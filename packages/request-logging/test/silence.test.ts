import t from 'tap'
import type { SettledRequest } from '../dist/level.js'
import { Silence } from '../dist/silence.js'

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

t.test(
  'a function decides by itself; one that throws silences nothing and is told once',
  async (t) => {
    const seen: Error[] = []
    const keep = (warning: Error): void => {
      seen.push(warning)
    }
    process.on('warning', keep)
    t.teardown(() => process.off('warning', keep))
    const throwing = (): boolean => {
      throw new Error('no idea')
    }
    const silence = new Silence([throwing, ({ status }) => status === 204])
    t.ok(silence.hasFunctions)
    t.notOk(silence.covers(settled))
    t.ok(silence.covers({ ...settled, status: 204 }))
    await new Promise(setImmediate)
    t.equal(seen.length, 1)
    t.match(seen[0]?.message, /requestLogging\.silent.*no idea/)
  }
)

t.test('without rules nothing is asked', async (t) => {
  const silence = new Silence([])
  t.notOk(silence.probes || silence.hasPaths || silence.hasFunctions)
})
