import fc from 'fast-check'
import t from 'tap'
import { Ladder, type Period } from '../dist/ladder.js'

const CALM: Period = { offered: 100, admitted: 100, finished: 100, isFull: false, pressure: 0.1 }
const full = (served: number): Period => ({
  ...{ offered: 100, admitted: served, finished: served },
  ...{ isFull: true, pressure: 1.2 }
})

t.test('it begins with everybody admitted', async (t) => {
  const ladder = new Ladder()
  t.equal(ladder.share, 1)
  t.equal(ladder.lowest, 0)
})

t.test(
  'the share halves its distance to what could be served, and spends itself from the top',
  async (t) => {
    const ladder = new Ladder()
    for (let place = 0; place < 64; place++) ladder.count(place / 64)
    ladder.adjust(full(50))
    t.equal(ladder.share, 0.75)
    t.equal(ladder.lowest, 0.25)
  }
)

t.test('the level is where the requests are, not where they could be', async (t) => {
  const ladder = new Ladder()
  for (let count = 0; count < 100; count++) ladder.count(0.5)
  ladder.adjust(full(50))
  t.ok(ladder.lowest > 0.5 && ladder.lowest < 0.5 + 1 / 64, String(ladder.lowest))
})

t.test('without requests to learn from, levels are taken for evenly spread', async (t) => {
  const ladder = new Ladder()
  ladder.adjust(full(50))
  t.equal(ladder.lowest, 0.25)
})

t.test('work that runs down counts as served', async (t) => {
  const ladder = new Ladder()
  ladder.adjust({ ...full(0), finished: 50 })
  t.equal(ladder.share, 0.75)
})

t.test('a few requests change nothing', async (t) => {
  const ladder = new Ladder()
  ladder.adjust({ ...full(0), offered: 7 })
  t.equal(ladder.share, 1)
})

t.test(
  'with room to spare the share grows fast, and close to the bound it grows slowly',
  async (t) => {
    const [fast, slow] = [new Ladder(), new Ladder()]
    for (const ladder of [fast, slow])
      for (let count = 0; count < 20; count++) ladder.adjust(full(1))
    const before = fast.share
    fast.adjust(CALM)
    slow.adjust({ ...CALM, pressure: 0.9 })
    t.ok(fast.share > 1.5 * before)
    t.ok(slow.share > before && slow.share < 2.1 * before)
    for (let count = 0; count < 20; count++) fast.adjust(CALM)
    t.equal(fast.share, 1)
    t.equal(fast.lowest, 0)
  }
)

t.test('whatever happens, the share and the level stay in bounds, and order is kept', async () => {
  const period = fc.record({
    offered: fc.nat({ max: 1000 }),
    admitted: fc.nat({ max: 1000 }),
    finished: fc.nat({ max: 1000 }),
    isFull: fc.boolean(),
    pressure: fc.double({ min: 0, max: 50, noNaN: true })
  })
  const level = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  fc.assert(
    fc.property(fc.array(fc.tuple(period, fc.array(level)), { maxLength: 30 }), (steps) => {
      const ladder = new Ladder()
      for (const [happened, levels] of steps) {
        for (const one of levels) ladder.count(one)
        ladder.adjust(happened)
        if (!(ladder.share > 0 && ladder.share <= 1)) return false
        if (!(ladder.lowest >= 0 && ladder.lowest <= 1)) return false
        if (ladder.share === 1 && ladder.lowest !== 0) return false
      }
      return true
    })
  )
})
