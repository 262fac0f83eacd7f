import fc from 'fast-check'
import t from 'tap'
import { TurnWait } from '../dist/turn-wait.js'

t.test('requests of a turn wait for each other', async (t) => {
  const turn = new TurnWait(100)
  turn.begin(1000, 0)
  t.ok(turn.isBegun)
  t.equal(turn.at(1000), 0)
  t.equal(turn.at(1050), 50)
  t.equal(turn.meet(1050, false, true), 0.5)
  turn.end(1060)
  t.notOk(turn.isBegun)
  t.equal(turn.at(1070), 0, 'outside of a turn nobody waits')
})

t.test('those of the next turn have waited for half of the one before', async (t) => {
  const turn = new TurnWait(100)
  turn.begin(1000, 0)
  turn.end(1080)
  turn.begin(1080, 0.2)
  t.equal(turn.at(1080), 40)
  t.equal(turn.at(1100), 60)
})

t.test('they have not waited where the loop has slept between', async (t) => {
  const turn = new TurnWait(100)
  turn.begin(1000, 0)
  turn.end(1080)
  turn.begin(1082, 2)
  t.equal(turn.at(1082), 0)
})

t.test('a loop that slept a moment ago may catch up, until requests are refused', async (t) => {
  const turn = new TurnWait(100)
  turn.begin(1000, 5)
  for (let now = 1000; now < 1260; now += 10) turn.meet(now, false, false)
  t.equal(turn.meet(1260, false, false), 1)
  t.equal(turn.meet(1260, false, true), 2.6)
  t.equal(turn.meet(3010, false, false), 2.6, 'not for longer than two seconds')
  t.equal(turn.meet(3010, true, false), 2.6 / 2.5, 'critical ones as ever')
})

t.test(
  'the longest step of a turn is a pause, and no wait while the loop catches up',
  async (t) => {
    const turn = new TurnWait(100)
    turn.begin(1000, 5)
    turn.meet(1010, false, false)
    t.equal(turn.meet(1510, false, false), 10 / 500, 'between two requests')
    t.equal(turn.at(1510), 510, 'but it is told')
    turn.end(1520)
    turn.begin(1520, 5)
    t.equal(turn.meet(1520, false, false), 10 / 500, 'nor in the turn that follows')
    t.equal(turn.meet(1520, false, true), 2.6, 'it counts once requests are refused')
  }
)

t.test('a pause after the last request of a turn is one, too', async (t) => {
  const turn = new TurnWait(100)
  turn.begin(1000, 5)
  turn.meet(1000, false, false)
  turn.end(1500)
  turn.begin(1500, 5)
  t.equal(turn.meet(1500, false, false), 0)
})

t.test('critical requests may wait two and a half times as long', async (t) => {
  const turn = new TurnWait(100)
  turn.begin(1000, 0)
  t.equal(turn.meet(1250, true, true), 1)
})

t.test('a clock that is read out of order makes no negative wait', async (t) => {
  const turn = new TurnWait(100)
  turn.begin(1000, 0)
  t.equal(turn.at(990), 0)
})

t.test('the length of turns converges where each is cut at the bound', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 500 }), (first) => {
      const turn = new TurnWait(100)
      let now = 0
      turn.begin(now, 0)
      now += first
      turn.end(now)
      for (let count = 0; count < 20; count++) {
        turn.begin(now, 0)
        while (turn.meet(now, false, true) <= 1) now++
        turn.end(now)
      }
      turn.begin(now, 0)
      // T = L + L / 2, and half of L is 33 ms.
      return Math.abs(turn.at(now) - 100 / 3) < 3
    })
  )
})
