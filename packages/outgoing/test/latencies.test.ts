import fc from 'fast-check'
import t from 'tap'
import { Latencies } from '../dist/latencies.js'

t.test('fewer than twenty times tell no quantile', async (t) => {
  const latencies = new Latencies()
  for (let ms = 1; ms < 20; ms++) latencies.record(ms)
  t.equal(latencies.quantile(0.95), undefined)
  latencies.record(20)
  t.equal(latencies.quantile(0.95), 20)
  t.equal(latencies.quantile(0.5), 11)
  t.equal(latencies.quantile(0), 1)
})

t.test('the latest thousand times count, and the older ones are forgotten', async (t) => {
  const latencies = new Latencies()
  for (let n = 0; n < 1000; n++) latencies.record(5000)
  t.equal(latencies.quantile(0.5), 5000)
  for (let n = 0; n < 1000; n++) latencies.record(n)
  t.equal(latencies.quantile(0.95), 950)
  t.equal(latencies.quantile(0.5), 500)
})

t.test(
  'quantiles are those of the latest times, at most a twentieth of them left out',
  async () => {
    const times = fc.array(fc.integer({ min: 0, max: 10_000 }), { minLength: 20, maxLength: 1500 })
    fc.assert(
      fc.property(times, fc.constantFrom(0, 0.5, 0.95), fc.nat(60), (times, share, askEvery) => {
        const latencies = new Latencies()
        let asked: number | undefined
        for (const [index, ms] of times.entries()) {
          latencies.record(ms)
          if (askEvery > 0 && index % askEvery === 0) latencies.quantile(share)
        }
        asked = latencies.quantile(share)
        const latest = times.slice(-1000)
        // The quantile of all, within the ranks that the times left out may move it by.
        const below = latest.filter((ms) => ms < (asked as number)).length / latest.length
        const upTo = latest.filter((ms) => ms <= (asked as number)).length / latest.length
        return below <= share + 0.11 && upTo >= share - 0.11
      })
    )
  }
)
