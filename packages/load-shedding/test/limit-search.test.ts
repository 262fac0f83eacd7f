import t from 'tap'
import { LimitSearch } from '../dist/limit-search.js'
import { Throughput } from '../dist/throughput.js'

/** The search for the limit of a service that finishes as `finishes` says, by what is in hand. */
function searched(finishes: (inHand: number) => number, first: number, usual: number): number {
  const work = new Throughput()
  const search = new LimitSearch(first, 16, finishes(first), 0, () => 0.5)
  for (let now = 0; now < 60_000; now += 100) {
    const inHand = Math.floor(search.limit)
    work.advance(now)
    for (let count = 0; count < finishes(inHand) / 10; count++) work.finish(50)
    search.look(now, work, inHand, usual)
  }
  return search.limit
}

t.test('a limit that is too low rises to where no more is finished', async (t) => {
  const knee = searched((inHand) => Math.min(400, inHand * 4), 20, 250)
  t.ok(knee >= 80 && knee < 200, String(knee))
})

t.test('one that is too high falls, also where it is not known what is usual', async (t) => {
  const knee = searched((inHand) => Math.min(400, inHand * 20), 2000, 0)
  t.ok(knee >= 16 && knee < 400, String(knee))
})
