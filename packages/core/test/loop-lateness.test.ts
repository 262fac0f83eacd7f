import { loopLateness, stopLoopLateness } from '@holdfast/core'
import fc from 'fast-check'
import t from 'tap'
import { LatenessMeter } from '../dist/loop-lateness.js'

// The measurement keeps no process alive, and here nothing else would.
const alive = setInterval(() => {}, 60_000)
t.teardown(() => clearInterval(alive))

function holdUp(milliseconds: number): void {
  const end = performance.now() + milliseconds
  while (performance.now() < end);
}

t.test('lateness is the time after a beat was due, and a little', async (t) => {
  const meter = new LatenessMeter()
  t.equal(meter.at(1000), 0, 'no beat is expected yet')
  meter.beat(0)
  t.equal(meter.at(25), 0)
  t.equal(meter.at(125), 100, 'told before the beat')
  meter.beat(425)
  t.equal(meter.at(425), 400)
  meter.beat(446)
  t.equal(meter.at(446), 400, 'a punctual beat adds nothing')
  meter.stop(481)
  t.equal(meter.at(10_000), 410, 'nor does the time after the end')
})

t.test('lateness never falls, and never grows faster than time', async () => {
  const steps = fc.array(fc.record({ pass: fc.nat(100), beat: fc.boolean() }))
  fc.assert(
    fc.property(steps, (steps) => {
      const meter = new LatenessMeter()
      let now = 0
      meter.beat(now)
      for (const { pass, beat } of steps) {
        const before = meter.at(now)
        now += pass
        const after = meter.at(now)
        if (beat) meter.beat(now)
        if (after < before || after > before + pass || meter.at(now) !== after) return false
      }
      return true
    })
  )
})

t.test('a loop that is held up is late for that long', async (t) => {
  const before = loopLateness()
  holdUp(500)
  const within = loopLateness() - before
  t.ok(within > 400 && within <= 500, 'known at once')
  await new Promise((resolve) => setTimeout(resolve, 100))
  t.ok(loopLateness() - before >= within, 'and later')
  stopLoopLateness()
})

t.test('what is late while nobody reads it is not counted', async (t) => {
  const { now } = performance
  let ahead = 0
  t.teardown(() => {
    performance.now = now
  })
  performance.now = () => now.call(performance) + ahead
  loopLateness()
  ahead += 20_000
  await new Promise((resolve) => setTimeout(resolve, 200))
  const stopped = loopLateness()
  stopLoopLateness()
  ahead += 20_000
  t.equal(loopLateness(), stopped)
  stopLoopLateness()
  stopLoopLateness()
})
