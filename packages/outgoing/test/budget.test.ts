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
  #hedges: number[] = []

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

  takeHedge(now: number): boolean {
    const left = this.left(now)
    const allowed = Math.max(this.#ratio * this.#firsts.length, this.#minimum * 10) / 3
    if (left < 1 || allowed - this.#hedges.length < 1) return false
    this.#retries.push(secondOf(now))
    this.#hedges.push(secondOf(now))
    return true
  }

  giveBack(takenAt: number): void {
    forgetOne(this.#retries, secondOf(takenAt))
  }

  giveBackHedge(now: number): void {
    forgetOne(this.#retries, secondOf(now))
    forgetOne(this.#hedges, secondOf(now))
  }

  left(now: number): number {
    const isRecent = (second: number): boolean => second > secondOf(now) - 10
    this.#firsts = this.#firsts.filter(isRecent)
    this.#retries = this.#retries.filter(isRecent)
    this.#hedges = this.#hedges.filter(isRecent)
    const allowed = this.#ratio * this.#firsts.length + this.#minimum * 10
    return Math.max(0, Math.floor(allowed - this.#retries.length))
  }
}

function forgetOne(seconds: number[], second: number): void {
  const index = seconds.indexOf(second)
  if (index !== -1) seconds.splice(index, 1)
}

function secondOf(time: number): number {
  return Math.floor(time / SECOND)
}

const step = fc.record({
  pass: fc.oneof(fc.integer({ min: 0, max: 3 * SECOND }), fc.constant(60 * SECOND)),
  firsts: fc.integer({ min: 0, max: 20 }),
  takes: fc.integer({ min: 0, max: 10 }),
  hedges: fc.integer({ min: 0, max: 10 }),
  hedgeGivesBack: fc.boolean(),
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
      for (const { pass, firsts, takes, hedges, hedgeGivesBack, givesBack } of steps) {
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
        for (let hedge = 0; hedge < hedges; hedge++) {
          const isTaken = budget.takeHedge(now)
          if (isTaken !== model.takeHedge(now)) return false
          if (isTaken && hedgeGivesBack) {
            budget.giveBackHedge(now)
            model.giveBackHedge(now)
          }
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

t.test('an upstream whose answers are all late is sent a fifteenth more', async (t) => {
  const budget = new RetryBudget({ ratio: 0.2, minimum: 1 })
  let hedges = 0
  for (let now = 0; now < 60 * SECOND; now += 10) {
    budget.countFirst(now)
    if (budget.takeHedge(now)) hedges++
  }
  t.ok(hedges <= 6000 / 15, String(hedges))
  t.ok(hedges > 6000 / 16, String(hedges))
  t.ok(budget.left(60 * SECOND) > 100, 'the rest is for retries')
})

t.test('retries may take what hedges have not, and leave nothing for them', async (t) => {
  const budget = new RetryBudget({ ratio: 0, minimum: 0.6 })
  t.same(
    [1, 2, 3].map(() => budget.takeHedge(0)),
    [true, true, false]
  )
  t.same(
    [1, 2, 3, 4, 5].map(() => budget.take(0)),
    [true, true, true, true, false]
  )
  const spent = new RetryBudget({ ratio: 0, minimum: 0.3 })
  t.same(
    [1, 2, 3].map(() => spent.take(0)),
    [true, true, true]
  )
  t.equal(spent.takeHedge(0), false)
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
