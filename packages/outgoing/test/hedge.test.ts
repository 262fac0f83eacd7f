import fc from 'fast-check'
import t from 'tap'
import { type Contender, HedgeRace, hedgeDelay } from '../dist/hedge.js'
import { Latencies } from '../dist/latencies.js'

/** A try whose end the test decides. */
class Entrant implements Contender {
  readonly isGood: boolean
  readonly #ended: Promise<void>
  lost = 0
  end!: () => void

  constructor(isGood: boolean) {
    this.isGood = isGood
    this.#ended = new Promise((resolve) => {
      this.end = resolve
    })
  }

  wait(): Promise<void> {
    return this.#ended
  }

  lose(): void {
    this.lost++
    this.end()
  }
}

t.test(
  'a second try begins after the given time, or after that of the slowest twentieth',
  async (t) => {
    const latencies = new Latencies()
    t.equal(hedgeDelay(50, latencies), 50)
    t.equal(hedgeDelay('p95', latencies), undefined, 'nothing is known')
    for (let ms = 0; ms < 1000; ms++) latencies.record(ms)
    t.equal(hedgeDelay('p95', latencies), 950)
  }
)

t.test('a second try by p95 never begins sooner than after 10 ms', async (t) => {
  const latencies = new Latencies()
  for (let n = 0; n < 100; n++) latencies.record(2)
  t.equal(hedgeDelay('p95', latencies), 10)
})

t.test('one try alone counts, however it ends', async (t) => {
  for (const isGood of [true, false]) {
    const only = new Entrant(isGood)
    const race = new HedgeRace(only)
    only.end()
    t.equal(await race.winner, only)
    t.equal(only.lost, 0)
  }
})

t.test(
  'the first good answer wins, whatever ends before and after it, and all others lose once',
  async () => {
    const ends = fc.array(fc.boolean(), { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(ends, async (ends) => {
        const entrants = ends.map((isGood) => new Entrant(isGood))
        const race = new HedgeRace(entrants[0] as Entrant)
        for (const further of entrants.slice(1)) race.enter(further)
        for (const entrant of entrants) {
          entrant.end()
          await new Promise(setImmediate)
        }
        const winner = ends.includes(true) ? ends.indexOf(true) : ends.length - 1
        return (
          (await race.winner) === entrants[winner] &&
          entrants.every((entrant, index) => entrant.lost === (index === winner ? 0 : 1))
        )
      })
    )
  }
)
