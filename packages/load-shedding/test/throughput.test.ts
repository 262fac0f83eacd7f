/** Covers `usual.ts`, too. */
import fc from 'fast-check'
import t from 'tap'
import { Throughput } from '../dist/throughput.js'
import { Usual } from '../dist/usual.js'

t.test('it counts over the last second, and forgets bucket by bucket', async (t) => {
  const work = new Throughput()
  t.equal(work.finishedRate, 0)
  t.equal(work.inHand, 0)
  work.advance(5000)
  work.offer(3)
  work.finish(40)
  work.abandon()
  t.same([work.offered, work.finished, work.abandoned, work.inHand], [1, 1, 1, 3])
  t.notOk(work.advance(5099))
  t.ok(work.advance(5100))
  t.equal(work.finishedRate, 10, 'by the one bucket that has ended')
  t.equal(work.latencyIn(1), 40)
  t.equal(work.latencyIn(1, 1), 0)
  t.same([work.offeredIn(1), work.finishedIn(1), work.finishedIn(1, 1)], [1, 1, 0])
  work.advance(5999)
  t.equal(work.finished, 1)
  work.advance(6000)
  t.same([work.offered, work.finished, work.abandoned, work.finishedRate], [0, 0, 0, 0])
})

t.test('it agrees with a list of all that happened', async () => {
  const step = fc.record({ elapsed: fc.nat({ max: 700 }), finishes: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const work = new Throughput()
      const offered: number[] = []
      const finished: number[] = []
      let now = 0
      for (const { elapsed, finishes } of steps) {
        now += elapsed
        work.advance(now)
        work.offer(0)
        offered.push(now)
        if (finishes) {
          work.finish(1)
          finished.push(now)
        }
        const from = (Math.floor(now / 100) - 9) * 100
        const inWindow = (times: number[]): number => times.filter((time) => time >= from).length
        if (work.offered !== inWindow(offered) || work.finished !== inWindow(finished)) return false
      }
      return true
    })
  )
})

t.test('what is usual begins with the first lesson and follows slowly', async (t) => {
  const usual = new Usual()
  t.same([usual.latency, usual.finished], [0, 0])
  usual.learn(10, 200)
  t.same([usual.latency, usual.finished], [50, 200])
  for (let lesson = 0; lesson < 10; lesson++) usual.learn(10, 200)
  usual.learn(100, 200)
  t.ok(usual.latency > 50 && usual.latency < 150, String(usual.latency))
})
