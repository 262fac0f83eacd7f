/** Covers `work-in-hand.ts` where `floods.test.ts` does not. */
import fc from 'fast-check'
import t from 'tap'
import { Shedder } from '../dist/shedder.js'
import { WorkInHand } from '../dist/work-in-hand.js'

const BULK = 0
const NORMAL = 2
const CRITICAL = 3

/** A shedder in a turn that is far too long already, after a while of refusals. */
function overloaded(): { shedder: Shedder; now: number } {
  const shedder = new Shedder({ maxQueueDelay: 100, maxInFlight: Infinity })
  let now = 10_000
  for (let turn = 0; turn < 5; turn++) {
    shedder.beginTurn(now, now)
    for (let count = 0; count < 50; count++) {
      now += 10
      if (shedder.decide(now, count % 2 === 0 ? BULK : NORMAL, (count % 10) / 10) === undefined) {
        shedder.finish(now)
      }
    }
    shedder.endTurn(now)
  }
  return { shedder, now }
}

t.test('who stands low is refused before who stands high', async (t) => {
  const { shedder, now } = overloaded()
  t.ok(shedder.isShedding)
  shedder.beginTurn(now, now + 1)
  t.equal(shedder.decide(now, BULK, 0), 'level')
  t.equal(shedder.decide(now, CRITICAL, 0), undefined)
})

t.test('what cannot be finished in time is refused, however high it stands', async (t) => {
  const { shedder, now } = overloaded()
  shedder.beginTurn(now, now + 1)
  t.equal(shedder.decide(now, CRITICAL, 0.9, 1), 'deadline')
  t.equal(shedder.decide(now, CRITICAL, 0.9, 10_000), undefined)
  const calm = new Shedder({ maxQueueDelay: 100, maxInFlight: undefined })
  calm.beginTurn(0, 0)
  t.equal(calm.decide(0, NORMAL, 0.5, 0), undefined, 'but not where all goes well')
})

t.test('a time without requests returns it to normal', async (t) => {
  const { shedder, now } = overloaded()
  shedder.forget(now + 500)
  t.ok(shedder.isShedding, 'not at once')
  shedder.forget(now + 10_000)
  t.notOk(shedder.isShedding)
})

t.test('it returns as fast where somebody asks all the time', async (t) => {
  const [asked, unasked] = [overloaded(), overloaded()]
  const end = asked.now + 2500
  for (let time = asked.now; time <= end; time += 700) asked.shedder.forget(time)
  asked.shedder.forget(end)
  unasked.shedder.forget(end)
  t.equal(asked.shedder.share, unasked.shedder.share)
})

t.test('a hundred thousand requests with all kinds of ends leave nothing in hand', async (t) => {
  const shedder = new Shedder({ maxQueueDelay: 100, maxInFlight: undefined }, () => 0.5)
  const inHand: number[] = []
  let state = 1
  let refused = 0
  let now = 0
  for (let count = 0; count < 100_000; count++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    now += state % 5
    // A loop that sleeps in the first half only, and work that piles up now and then.
    shedder.beginTurn(now, Math.min(now, 100_000))
    const rank = count % 10 === 0 ? CRITICAL : count % 2 === 0 ? NORMAL : BULK
    if (shedder.decide(now, rank, (state % 97) / 97) === undefined) inHand.push(now)
    else refused++
    while (inHand.length > (state >>> 16) % 400) {
      const begunAt = inHand.shift() as number
      if (state % 3 === 0) shedder.abandon()
      else shedder.finish(begunAt)
    }
    if (shedder.inHand !== inHand.length) break
    shedder.endTurn(now)
  }
  t.equal(shedder.inHand, inHand.length)
  for (const begunAt of inHand) shedder.finish(begunAt)
  t.equal(shedder.inHand, 0)
  t.ok(refused > 0, `${refused} were refused`)
})

t.test('cohorts are asked for only while there is pressure', async (t) => {
  const shedder = new Shedder({ maxQueueDelay: 100, maxInFlight: 10 })
  shedder.beginTurn(0, 0)
  for (let count = 0; count < 5; count++) shedder.decide(0, NORMAL, 0)
  t.notOk(shedder.isAlert)
  shedder.decide(0, NORMAL, 0)
  t.ok(shedder.isAlert)
})

t.test('work in hand agrees with a count, whatever happens', async () => {
  const step = fc.record({
    elapsed: fc.nat({ max: 300 }),
    rank: fc.constantFrom<0 | 2 | 3>(0, 2, 3),
    ends: fc.nat({ max: 3 }),
    isAnswered: fc.boolean()
  })
  const limits = fc.constantFrom(undefined, 1, 5, Infinity)
  fc.assert(
    fc.property(limits, fc.array(step, { maxLength: 200 }), (maxInFlight, steps) => {
      const shedder = new Shedder({ maxQueueDelay: 100, maxInFlight }, () => 0.5)
      const begun: number[] = []
      let now = 0
      for (const { elapsed, rank, ends, isAnswered } of steps) {
        now += elapsed
        shedder.beginTurn(now, now)
        if (shedder.decide(now, rank, 0.5) === undefined) begun.push(now)
        for (let end = 0; end < ends && begun.length > 0; end++) {
          if (isAnswered) shedder.finish(begun.shift() as number)
          else {
            begun.shift()
            shedder.abandon()
          }
        }
        shedder.endTurn(now)
        if (shedder.inHand !== begun.length || shedder.inHand > shedder.limit * 2) return false
      }
      return true
    })
  )
})

t.test('a fixed limit is never changed', async (t) => {
  const work = new WorkInHand(2)
  for (let now = 0; now < 5000; now += 10) {
    work.offer(now)
    if (work.pressure(false) <= 1) work.admit()
    else work.refuse()
  }
  t.equal(work.inHand, 2)
  t.equal(work.limit, 2)
})
