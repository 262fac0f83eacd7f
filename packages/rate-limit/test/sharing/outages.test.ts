import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { Outages } from '../../dist/sharing/outages.js'

t.test('a store that never failed has answered since it was made', async (t) => {
  const outages = new Outages(1000)
  outages.ended(1500)
  t.strictSame(outages.read(4000), {
    available: true,
    duration: 3000,
    outages: 0,
    outageTime: 0
  })
})

t.test('outages and their time are counted, the present one too', async (t) => {
  const outages = new Outages(0)
  outages.began(100)
  outages.began(150)
  t.match(outages.read(160), { available: false, duration: 60, outages: 1, outageTime: 60 })
  outages.ended(200)
  t.match(outages.read(250), { available: true, duration: 50, outages: 1, outageTime: 100 })
  outages.began(300)
  t.match(outages.read(310), { available: false, duration: 10, outages: 2, outageTime: 110 })
})

t.test('whatever happens, the time out is the time between a beginning and its end', async () => {
  const events = fc.array(fc.record({ isOut: fc.boolean(), after: fc.nat({ max: 1000 }) }))
  fc.assert(
    fc.property(events, fc.nat({ max: 1000 }), (events, last) => {
      const outages = new Outages(0)
      let now = 0
      let isOut = false
      let count = 0
      let time = 0
      for (const event of events) {
        now += event.after
        if (isOut) time += event.after
        if (event.isOut && !isOut) count++
        isOut = event.isOut
        if (isOut) outages.began(now)
        else outages.ended(now)
      }
      const { available, outages: counted, outageTime } = outages.read(now + last)
      const expected = [!isOut, count, isOut ? time + last : time]
      assert.deepEqual([available, counted, outageTime], expected)
    })
  )
})
