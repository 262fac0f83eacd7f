import fc from 'fast-check'
import t from 'tap'
import { levelOf, PRIORITIES, placeOf, rankOf } from '../dist/priority.js'

t.test('priorities have an order, and nothing else is one', async (t) => {
  t.same(PRIORITIES.map(rankOf), [0, 1, 2, 3])
  t.equal(rankOf('urgent'), undefined)
  t.equal(rankOf(undefined), undefined)
})

t.test('no cohort of a lower priority stands above one of a higher', async (t) => {
  const place = fc.maxSafeNat().map((number) => (number % 2 ** 32) / 2 ** 32)
  fc.assert(
    fc.property(place, place, (one, other) => {
      return levelOf(0, one) < levelOf(1, other) && levelOf(2, one) < levelOf(3, other)
    })
  )
  t.equal(levelOf(3, 0), 0.75)
})

t.test('a cohort keeps its place for an epoch, and has another one in the next', async (t) => {
  t.equal(placeOf('203.0.113.7', 12), placeOf('203.0.113.7', 12))
  t.not(placeOf('203.0.113.7', 12), placeOf('203.0.113.7', 13))
  t.equal(placeOf('', 0) < 1, true)
})

t.test('cohorts are spread evenly, also where their names are alike', async (t) => {
  const tenths = new Array(10).fill(0)
  for (let client = 0; client < 10_000; client++) {
    tenths[Math.floor(placeOf(`10.0.${client >> 8}.${client & 255}`, 1) * 10)]++
  }
  t.ok(Math.min(...tenths) > 850 && Math.max(...tenths) < 1150, tenths.join())
})
