import { monotonicClock } from '@holdfast/core'
import t from 'tap'
import { Turns } from '../../dist/edges/turns.js'
import { Shedder } from '../../dist/shedder.js'

t.test('the first request begins a turn, and the loop ends it', async (t) => {
  const shedder = new Shedder({ maxQueueDelay: 100, maxInFlight: Infinity })
  const turns = new Turns(shedder)
  const begun = turns.meet(monotonicClock())
  t.ok(shedder.isInTurn)
  t.equal(turns.meet(begun + 1), begun + 1, 'the clock is not read again')
  t.ok(turns.meet(begun - 50) >= begun, 'except for a request that was held up elsewhere')
  await new Promise((resolve) => setImmediate(resolve))
  t.notOk(shedder.isInTurn)
})
