/**
 * The budget of retries, beside a model that remembers everything.
 */
import fc from 'fast-check'
import t from 'tap'
import { RetryBudget } from '../dist/budget.js'

const SECOND = 1000

/** Remembers every first try and every retry, and counts those of the last ten seconds. */
class Model {
  readonly #ratio: number
  readonly #minimum: number
  #firsts: number[] = []
  #retries: number[] = []

  constructor(ratio: number, minimum: number) {
    this.#ratio = ratio
    this.#minimum = minimum
  }

  countFirst(now: number): void {
    this.#firsts.push(secondOf(now))
  }

  take(now: number): boolean {
    if (this.left(now) < 1) return false
    this.#retries.push(secondOf(now))
    return true
  }

  giveBack(takenAt: number): void {
    const index = this.#retries.indexOf(secondOf(takenAt))
    if (index !== -1) this.#retries.splice(index, 1)
  }

  left(now: number): number {
    const isRecent = (second: number): boolean => second > secondOf(now) - 10
    this.#firsts = this.#firsts.filter(isRecent)
    this.#retries = this.#retries.filter(isRecent)
    const allowed = this.#ratio * this.#firsts.length + this.#minimum * 10
    return Math.max(0, Math.floor(allowed - this.#retries.length))
  }
}

function secondOf(time: number): number {
  return Math.floor(time / SECOND)
}

const step = fc.record({
  pass: fc.oneof(fc.integer({ min: 0, max: 3 * SECOND }), fc.constant(60 * SECOND)),
  firsts: fc.integer({ min: 0, max: 20 }),
  takes: fc.integer({ min: 0, max: 10 }),
  givesBack: fc.boolean()
})

t.test('the budget is what the model says it is, whatever happens', async () => {
  const rules = fc.record({
    ratio: fc.constantFrom(0, 0.25, 0.5, 1),
    minimum: fc.constantFrom(0, 0.5, 1, 5)
  })
  fc.assert(
    fc.property(rules, fc.array(step, { maxLength: 60 }), ({ ratio, minimum }, steps) => {
      const budget = new RetryBudget({ ratio, minimum })
      const model = new Model(ratio, minimum)
      let now = 0
      let takenAt: number | undefined
      for (const { pass, firsts, takes, givesBack } of steps) {
        now += pass
        for (let first = 0; first < firsts; first++) {
          budget.countFirst(now)
          model.countFirst(now)
        }
        for (let retry = 0; retry < takes; retry++) {
          const isTaken = budget.take(now)
          if (isTaken !== model.take(now)) return false
          if (isTaken) takenAt = now
        }
        if (givesBack && takenAt !== undefined) {
          budget.giveBack(takenAt, now)
          model.giveBack(takenAt)
          takenAt = undefined
        }
        if (budget.left(now) !== model.left(now)) return false
      }
      return true
    }),
    { numRuns: 2000 }
  )
})

t.test('a thousand failures at one instant spend the budget, and no more', async (t) => {
  const budget = new RetryBudget({ ratio: 0.2, minimum: 1 })
  const failures = Array.from({ length: 1000 })
  for (const _ of failures) budget.countFirst(0)
  t.equal(failures.filter(() => budget.take(0)).length, 210)
  t.equal(budget.left(0), 0)
})

t.test('an upstream that fails everything is sent a fifth more than it is asked for', async (t) => {
  const budget = new RetryBudget({ ratio: 0.2, minimum: 1 })
  let tries = 0
  for (let now = 0; now < 60 * SECOND; now += 10) {
    budget.countFirst(now)
    tries++
    // Each call would like two retries.
    for (let retry = 0; retry < 2; retry++) if (budget.take(now)) tries++
  }
  t.ok(tries <= 1.25 * 6000, String(tries))
})

t.test('a clock that is set back does not give anything back', async (t) => {
  const budget = new RetryBudget({ ratio: 0, minimum: 0.1 })
  t.equal(budget.take(60 * SECOND), true)
  t.equal(budget.take(50 * SECOND), false)
  budget.giveBack(10 * SECOND, 60 * SECOND)
  t.equal(budget.left(60 * SECOND), 0, 'too old to matter')
  budget.giveBack(55 * SECOND, 60 * SECOND)
  t.equal(budget.left(60 * SECOND), 0, 'nothing was taken then')
})
