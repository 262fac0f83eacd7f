/**
 * The steps of a shutdown: `steps.ts`, `step-options.ts` and `attempt.ts`.
 */
import fc from 'fast-check'
import t from 'tap'
import { type Step, Steps } from '../dist/steps.js'
import { FakeTime, settle } from './fixtures/fake-time.ts'

function setUp() {
  const time = new FakeTime()
  const steps = new Steps()
  const seen: string[] = []
  const add = (name: string, given: Partial<Step> = {}): void => {
    const run = given.run ?? (() => {})
    steps.add({
      name,
      after: [],
      timeout: undefined,
      ...given,
      run: (call) => {
        seen.push(`${time.now} ${name}`)
        return run(call)
      }
    })
  }
  let problems: string[] | undefined
  const run = (timeout: number): void => {
    steps.run(timeout, time.pause, time.clock).then((result) => {
      problems = result
    })
  }
  return { time, steps, seen, add, run, problems: () => problems }
}

const hangs = (): Promise<void> => new Promise(() => {})

t.test('they run one after the other, as added, but behind those they come after', async (t) => {
  const { seen, add, run, time, problems } = setUp()
  add('pool', { after: ['queue', 'cache'] })
  add('queue', { run: () => time.pause(300, hangs()) })
  add('cache', { after: ['queue'] })
  add('log')
  run(5000)
  await time.advance(1000)
  t.same(seen, ['0 queue', '300 cache', '300 pool', '300 log'])
  t.same(problems(), [])
})

t.test('one that fails or hangs is named, its signal aborts, and the rest run', async (t) => {
  const { seen, add, run, time, problems } = setUp()
  let aborted = false
  add('throws', {
    run: () => {
      throw new Error('no use')
    }
  })
  add('rejects', { run: async () => Promise.reject(Object.create(null)) })
  add('hangs', {
    run: ({ signal }) => {
      signal.addEventListener('abort', () => {
        aborted = true
      })
      return hangs()
    }
  })
  add('last')
  run(3000)
  await time.advance(3000)
  t.same(seen, ['0 throws', '0 rejects', '0 hangs', '1000 last'], 'of two shares and one kept')
  t.same(problems(), [
    'the step "throws" failed: no use',
    'the step "rejects" failed: an object was thrown',
    'the step "hangs" was not done within 1000 ms'
  ])
  t.equal(aborted, true)
})

t.test('a step is begun even when no time is left, and one added meanwhile runs too', async (t) => {
  const { steps, seen, add, run, time, problems } = setUp()
  add('greedy', {
    timeout: 60_000,
    run: () => {
      add('added late')
      return hangs()
    }
  })
  t.equal(steps.demanded, 60_000)
  add('quick')
  run(2000)
  await time.advance(2000)
  t.same(seen, ['0 greedy', '2000 quick', '2000 added late'])
  t.same(problems(), ['the step "greedy" was not done within 2000 ms'])
})

t.test('added while the last one ends, a step runs or is told to be too late', async (t) => {
  for (let turns = 0; turns < 12; turns++) {
    const { steps, seen, add, run } = setUp()
    let tooLate: boolean | undefined
    const addLater = async (): Promise<void> => {
      for (let turn = 0; turn < turns; turn++) await undefined
      tooLate = steps.over
      add('added late')
    }
    add('last', { run: () => void addLater() })
    run(1000)
    await settle()
    t.equal(seen.includes('0 added late'), tooLate === false, `after ${turns} turns`)
  }
})

t.test('an order that cannot be is found, and yet every step runs', async (t) => {
  const { steps, seen, add, run, time } = setUp()
  add('a', { after: ['b'] })
  t.same(steps.missing(), { step: 'a', after: 'b' })
  t.same(steps.circle(), [])
  add('b', { after: ['c'] })
  add('c', { after: ['a'] })
  add('d', { after: ['d'] })
  add('e')
  t.equal(steps.missing(), undefined)
  t.same(steps.circle(), ['a', 'b', 'c', 'd'])
  run(1000)
  await time.advance(0)
  await settle()
  t.same(
    seen.map((step) => step.slice(2)),
    ['e', 'a', 'c', 'b', 'd']
  )
})

t.test('for any order each runs once, behind those it comes after, within the time', async (t) => {
  const arbitrary = fc.array(
    fc.record({
      after: fc.array(fc.nat(7), { maxLength: 3 }),
      takes: fc.integer({ min: 0, max: 3000 }),
      timeout: fc.option(fc.integer({ min: 1, max: 3000 }), { nil: undefined })
    }),
    { minLength: 1, maxLength: 8 }
  )
  await fc.assert(
    fc.asyncProperty(arbitrary, async (given) => {
      const { seen, add, run, time, problems } = setUp()
      // Only of those with a lower number, in any order of adding: there is no circle.
      const all = given.map((step, index) => ({
        ...step,
        name: `${index}`,
        after: step.after.filter((other) => other < index).map(String)
      }))
      for (const { name, after, takes, timeout } of [...all].reverse()) {
        add(name, { after, timeout, run: () => time.pause(takes, hangs()) })
      }
      run(5000)
      await time.advance(5000)
      t.type(problems(), Array)
      const names = seen.map((step) => step.split(' ')[1])
      t.equal(names.length, all.length)
      for (const { name, after } of all) {
        for (const other of after) t.ok(names.indexOf(other) < names.indexOf(name))
      }
    }),
    { numRuns: 200 }
  )
})
